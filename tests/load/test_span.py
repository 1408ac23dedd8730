from __future__ import annotations

from dataclasses import replace

import pytest

from edgesim.load.span import connects_per_second
from tests.load import samples


@pytest.mark.parametrize(("stopped", "rate"), [("", 100.0), ("errors>1%: it is 3%", 120.0)])
def test_connections_are_counted_over_the_whole_run(stopped: str, rate: float) -> None:
    """In warm-up and cool-down connections are opened, too; a run that ended early had no cool-down."""
    run = samples.result(6)
    scenario = replace(run.scenario, warm_up=2.0, cool_down=1.0, count=0)
    made = replace(run, scenario=scenario, seconds=3.0, connects={200: 600}, stopped=stopped)
    assert connects_per_second(made) == rate

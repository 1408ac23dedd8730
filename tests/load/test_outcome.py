from __future__ import annotations

from dataclasses import replace

import pytest

from edgesim.load.outcome import Outcome
from edgesim.load.stops import condition, look
from tests.load import samples


@pytest.mark.parametrize("why", ["", "met", "verdict", "nothing"])
def test_one_reason_is_enough_to_fail(why: str) -> None:
    """A condition that is met, a verdict of FAIL, or no answer at all fails a run; more data being needed does not."""
    result = samples.result(6)
    passed, failed, more = samples.verdicts()
    looked = look(condition("--fail-if", "p50>1us" if why == "met" else "p50>60s"), result.cells)
    verdicts = (passed, more, *([failed] if why == "verdict" else []))
    made = Outcome(replace(result, cells=()) if why == "nothing" else result, (looked,), verdicts)
    assert made.failed is bool(why)

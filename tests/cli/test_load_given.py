from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from edgesim.cli.load_given import Given, scenario_of
from edgesim.model import EdgesimError

PLAIN = Given("http://a/")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (replace(PLAIN, closed=True, rate="5"), "--rate: a closed loop"),
        (replace(PLAIN, closed=True, poisson=True), "--poisson: a closed loop"),
        (replace(PLAIN, rate="5:1s,9:1s", duration="3s"), "--duration: the rate has times of its own"),
        (replace(PLAIN, think="1s"), "--think: an open loop"),
        (replace(PLAIN, requests_per_user=3), "--requests-per-user: it is for --users"),
        (replace(PLAIN, speed="2x"), "--speed: it is for --replay"),
        (replace(PLAIN, insecure=True), "--insecure: it is for https"),
        (replace(PLAIN, ca_file=Path("ca.pem")), "--cacert: it is for https"),
        (replace(PLAIN, server_name="a"), "--server-name: it is for https"),
    ],
)
def test_what_would_change_nothing_is_refused(given: Given, said: str) -> None:
    """Figures of something else than was typed are worse than none."""
    with pytest.raises(EdgesimError, match=f"ES1200 {said}") as refused:
        scenario_of(given)
    assert refused.value.exit_code == 2


def test_a_log_has_times_of_its_own(tmp_path: Path) -> None:
    """A duration or Poisson's arrivals beside a log would be forgotten silently."""
    log = tmp_path / "a.log"
    log.write_text(
        '{"start_time": "2024-01-01T00:00:01Z", "path": "/"}\n{"start_time": "2024-01-01T00:00:03Z", "path": "/"}\n'
    )
    scenario_of(replace(PLAIN, replay=log, speed="2x"))
    for given in (replace(PLAIN, replay=log, duration="5s"), replace(PLAIN, replay=log, poisson=True)):
        with pytest.raises(EdgesimError, match="times of its own"):
            scenario_of(given)

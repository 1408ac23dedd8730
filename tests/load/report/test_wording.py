from __future__ import annotations

from dataclasses import replace

import pytest

from edgesim.load.report import wording
from edgesim.load.scenario import Arrivals, Closed, Open, Sessions, Stage
from tests.load import samples


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        (wording.milliseconds(0), "0.00 ms"),
        (wording.milliseconds(99_994), "99.99 ms"),
        (wording.milliseconds(1_234_000), "1,234 ms"),
        (wording.milliseconds(12_340_000), "12.3 s"),
        (wording.share(0, 0), "-"),
        (wording.share(0, 5), "0.0%"),
        (wording.share(1, 100_000), "0.001%"),
        (wording.share(1, 3), "33.3%"),
        (wording.rate(5, 0), "0.0/s"),
        (wording.rate(123_456, 10), "12,346/s"),
        (wording.size(1023), "1,023 B"),
        (wording.size(5 * 1024**2), "5.0 MiB"),
        (wording.size(5000 * 1024**3), "5,000.0 GiB"),
        (wording.duration(0.5), "0.5 s"),
        (wording.duration(120), "2 min"),
        (wording.duration(150), "2 min 30 s"),
        (wording.moment("2026-11-24T17:09:00.123+00:00"), "2026-11-24 17:09:00 UTC"),
        (wording.moment("2026-11-24T17:09:00+02:00"), "2026-11-24 17:09:00+02:00"),
    ],
)
def test_numbers_are_written_for_people(said: str, meant: str) -> None:
    """Units fit the size, and what is not nothing does not read as nothing."""
    assert said == meant


@pytest.mark.parametrize(
    ("mode", "said"),
    [
        (Open((Stage(30, 0, 500), Stage(120, 500, 500)), Arrivals.POISSON),
         "Open loop: 0 to 500 requests/s for 30 s, then 500 requests/s for 2 min, at random (Poisson)"),
        (Open((), times=(0.0, 1.0)), "Open loop: 2 requests of a log replayed"),
        (Open(tuple(Stage(1, 1, 1) for _ in range(9))), "then 3 more stages"),
        (Closed(8, 10), "Closed loop: 8 connections, each sends when it has its answer"),
    ],
)  # fmt: skip
def test_a_load_is_said_in_one_line(mode: Open | Closed, said: str) -> None:
    """Stages with their rates and arrivals, a replay, or the loops."""
    result = samples.result(1)
    assert said in wording.load(replace(result, scenario=replace(result.scenario, mode=mode)))


def test_users_and_processes_are_counted() -> None:
    """Loops of users are users, and several client processes are several."""
    result = samples.result(1)
    scenario = replace(result.scenario, mode=Closed(8, 10), sessions=Sessions(1200))
    assert "1,200 users" in wording.load(replace(result, scenario=scenario))
    assert wording.processes(replace(result, client=replace(result.client, workers=3))) == "3 client processes"

"""What `edgesim simulate -o json` prints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from edgesim.cli.simulate_text import PERCENTS, Result
from edgesim.simulate.holding import Hold
from edgesim.simulate.questions import Search
from edgesim.simulate.rollout_report import PlanReport
from edgesim.simulate.splits import Row
from edgesim.telemetry import slots


@dataclass(frozen=True, slots=True)
class Destination:
    """Where requests went, in all runs together.

    `share` is of all requests, `configured` the exact share, null where it cannot be known. 95% of runs have a share from
    `low` to `high`, all from `least` to `most`. `users` is how many different ones met it in a run. `latency` is by
    percentile, in microseconds. `status` is that of an answer of the gateway itself, 0 for a cluster.
    """

    destination: str
    cluster: str
    subset: Mapping[str, str]
    status: int
    requests: int
    share: float
    configured: float | None
    low: float
    high: float
    least: float
    most: float
    users: float | None
    errors: int | None
    latency: dict[str, int] | None


@dataclass(frozen=True, slots=True)
class Canary:
    """The new version, the destinations it was compared with, and the errors of these (`before`) and its own (`after`)."""

    name: str
    others: tuple[str, ...]
    before: float
    after: float


@dataclass(frozen=True, slots=True)
class SimulateOutput:
    """The split, and the answer to each question that was asked.

    Shares are fractions of 1, times are in seconds. `rate` is of the requests that are split, a second. What was not
    asked is null.
    """

    seed: int
    requests: int
    runs: int
    sticky: bool
    destinations: tuple[Destination, ...]
    canary: Canary | None
    rate: float | None
    hold: Hold | None
    plan: PlanReport | None
    fastest: Search | None


def output(result: Result) -> SimulateOutput:
    """Return the answer for machines."""
    simulated, answered = result.simulated, result.answered
    return SimulateOutput(
        result.seed,
        simulated.requests,
        simulated.runs,
        simulated.sticky,
        tuple(map(_destination, simulated.rows)),
        None if answered is None else Canary(answered.canary, answered.others, answered.before, answered.after),
        None if answered is None else answered.rate,
        None if answered is None else answered.hold,
        None if answered is None else answered.plan,
        None if answered is None else answered.search,
    )


def _destination(row: Row) -> Destination:
    latency = row.answers.latency
    found = slots.percentiles(latency, PERCENTS)
    by_percent = {f"p{percent:g}": value for percent, value in zip(PERCENTS, found, strict=True)}
    return Destination(
        row.destination, row.cluster, row.subset, row.status, row.requests, row.share, row.exact, row.low, row.high,
        row.least, row.most, row.users, row.answers.errors, by_percent if latency else None,
    )  # fmt: skip

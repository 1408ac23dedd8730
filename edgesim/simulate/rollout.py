"""A rollout plan with a canary that is worse: when the test stops it, and what has gone to it by then."""

from __future__ import annotations

from dataclasses import dataclass
from math import log

import numpy as np
from numpy.typing import NDArray

from edgesim.simulate.evidence import log_evidence
from edgesim.simulate.exposure import Groups, users_met

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Step:
    """A share of the requests, held for so many seconds; the last step's share is 1, and it is not held."""

    share: float
    seconds: float = 0.0


Plan = tuple[Step, ...]
_CELLS = 1 << 20
"""Looks at rollouts that are held in memory at a time."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """Requests a second to the split, error rates of the old version and of the canary."""

    rate: float
    before: float
    after: float


@dataclass(frozen=True, slots=True)
class Check:
    """What stops a rollout: the always-valid test at this confidence, looked at every so many seconds."""

    confidence: float = 0.95
    every: float = 10.0


@dataclass(frozen=True, slots=True, eq=False)
class Rollouts:
    """What came of many rollouts: one number for each. A rollout that nothing stopped has `at` infinite.

    `requests` and `errors` are the canary's until it was stopped or had everything; `users` those who met it, all of
    them where it was never stopped.
    """

    at: Floats
    requests: NDArray[np.int64]
    errors: NDArray[np.int64]
    users: Floats | None

    @property
    def stopped(self) -> float:
        """Return the share of the rollouts that were stopped."""
        return float(np.isfinite(self.at).mean())


def seconds_of(plan: Plan) -> float:
    """Return how long a plan takes until everybody has the canary."""
    return sum(step.seconds for step in plan)


def looks(plan: Plan, every: float) -> tuple[Floats, Floats]:
    """Return the canary's share before each look, and the seconds since the look before; a step's end is looked at."""
    shares: list[float] = []
    seconds: list[float] = []
    for step in plan:
        whole, rest = divmod(step.seconds, every)
        parts = [every] * int(whole) + ([rest] if rest > 1e-9 else [])
        seconds += parts
        shares += [step.share] * len(parts)
    return np.array(shares), np.array(seconds)


def roll_out(
    plan: Plan,
    traffic: Traffic,
    check: Check,
    generator: np.random.Generator,
    runs: int,
    groups: Groups | None = None,
) -> Rollouts:
    """Simulate rollouts; requests arrive as those of many who do not know of each other (Poisson).

    A look at a rollout costs about half a microsecond, so of long plans looked at often a thousand take their time.
    """
    shares, seconds = looks(plan, check.every)
    most = max(1, _CELLS // max(1, len(seconds)))
    parts = [
        _roll_out(shares, seconds, traffic, check, generator, min(most, runs - done), groups)
        for done in range(0, runs, most)
    ]
    users = None if groups is None else np.concatenate([part.users for part in parts if part.users is not None])
    return Rollouts(
        np.concatenate([part.at for part in parts]),
        np.concatenate([part.requests for part in parts]),
        np.concatenate([part.errors for part in parts]),
        users,
    )


def _roll_out(
    shares: Floats,
    seconds: Floats,
    traffic: Traffic,
    check: Check,
    generator: np.random.Generator,
    runs: int,
    groups: Groups | None,
) -> Rollouts:
    after = _counted(traffic.rate * shares * seconds, traffic.after, generator, runs)
    before = _counted(traffic.rate * (1 - shares) * seconds, traffic.before, generator, runs)
    found = log_evidence(before, after) >= log(1 / (1 - check.confidence))
    stops = np.any(found, axis=1)
    last = np.where(stops, found.argmax(axis=1), len(seconds) - 1)
    at = np.where(stops, np.cumsum(seconds)[last], np.inf)
    every = np.arange(runs)
    users = None if groups is None else _users(groups, shares, seconds, stops, last, generator)
    return Rollouts(at, after[1][every, last], after[0][every, last], users)


def _counted(
    expected: Floats, rate: float, generator: np.random.Generator, runs: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return errors and requests since the start at each look of each run."""
    requests = generator.poisson(expected, (runs, len(expected)))
    errors = generator.binomial(requests, rate)
    return errors.cumsum(axis=1), requests.cumsum(axis=1)


def _users(
    groups: Groups,
    shares: Floats,
    seconds: Floats,
    stops: NDArray[np.bool_],
    last: NDArray[np.int64],
    generator: np.random.Generator,
) -> Floats:
    mean, variance = users_met(groups, shares, seconds)
    drawn = generator.normal(mean[last], np.sqrt(variance[last]))
    met: Floats = np.where(stops, np.clip(np.rint(drawn), 0, groups.users), groups.users)
    return met

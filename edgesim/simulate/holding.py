"""How long a share must be held to see that the canary is worse: by formula, and checked by simulation."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from edgesim.analysis.sizes import for_rise
from edgesim.simulate.evidence import Counts
from edgesim.simulate.rollout import Check, Step, Traffic, roll_out

_LOOKS = 240
"""The always-valid test is looked at so often while the share is held."""
LONGER = 8.0
"""It is simulated for so many times as long as one look needs."""


@dataclass(frozen=True, slots=True)
class Hold:
    """What it takes to see a rise in errors at one share of the canary.

    `requests` are the canary's, `seconds` the time they take: what one look at the end needs. `power` and `false_alarms`
    are those of that look, by simulation. `watched` is the time within which somebody who looks all the time, with the
    always-valid test, is told with the same power, None where that takes over eight times as long; `watched_median` is
    the time in half of the runs.
    """

    share: float
    before: float
    after: float
    requests: int
    seconds: float
    power: float
    false_alarms: float
    watched: float | None
    watched_median: float | None
    watched_false_alarms: float


def hold(
    share: float, traffic: Traffic, confidence: float, power: float, generator: np.random.Generator, runs: int
) -> Hold:
    """Return how long the share must be held. Raises ValueError where the canary is no worse, or gets nothing."""
    if not 0 < share < 1:
        raise ValueError("a share that is held lies between 0 and 1")
    ratio = (1 - share) / share
    needed = for_rise(traffic.before, traffic.after, confidence, power, ratio)
    seconds = needed / (traffic.rate * share)
    same = Traffic(traffic.rate, traffic.before, traffic.before)
    at = _watched(share, seconds, traffic, confidence, generator, runs)
    return Hold(
        share,
        traffic.before,
        traffic.after,
        needed,
        seconds,
        _rejected(traffic, needed, ratio, confidence, generator, runs),
        _rejected(same, needed, ratio, confidence, generator, runs),
        _finite(float(np.quantile(at, power, method="inverted_cdf"))),
        _finite(float(np.quantile(at, 0.5, method="inverted_cdf"))),
        float(np.isfinite(_watched(share, seconds, same, confidence, generator, runs)).mean()),
    )


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None


def _watched(
    share: float, seconds: float, traffic: Traffic, confidence: float, generator: np.random.Generator, runs: int
) -> NDArray[np.float64]:
    check = Check(confidence, seconds * LONGER / _LOOKS)
    return roll_out((Step(share, seconds * LONGER),), traffic, check, generator, runs).at


def _rejected(
    traffic: Traffic, needed: int, ratio: float, confidence: float, generator: np.random.Generator, runs: int
) -> float:
    """Return the share of runs in which one look at the end, with the test the formula is for, sees a rise."""
    others = ceil(needed * ratio)
    after = generator.binomial(needed, traffic.after, runs)
    before = generator.binomial(others, traffic.before, runs)
    return float(sees_rise((before, np.int64(others)), (after, np.int64(needed)), confidence).mean())


def sees_rise(before: tuple[Counts, np.int64], after: tuple[Counts, np.int64], confidence: float) -> NDArray[np.bool_]:
    """Tell whether two proportions differ, one-sided, pooled under the null; both are (errors, requests)."""
    pooled = (before[0] + after[0]) / (before[1] + after[1])
    spread = np.sqrt(pooled * (1 - pooled) * (1 / before[1] + 1 / after[1]))
    rise = after[0] / after[1] - before[0] / before[1]
    seen: NDArray[np.bool_] = (rise > 0) & (rise >= float(ndtri(confidence)) * spread)
    return seen

"""How long a version takes, and how often it fails.

Requests of one version are independent of each other, so that a histogram of a million of them is one multinomial draw
over HdrHistogram's slots: the same figures as one by one, in a millisecond.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from math import log

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from edgesim.telemetry.slots import LAST, Slots, bounds, slot_of

_P99 = float(ndtri(0.99))


@dataclass(frozen=True, slots=True)
class Constant:
    """Always the same."""

    microseconds: int


@dataclass(frozen=True, slots=True)
class LogNormal:
    """A lognormal distribution by its median and its 99th percentile."""

    median: float
    """Microseconds, as all here."""
    p99: float


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """As in a histogram that was measured."""

    slots: Slots


Latency = Constant | LogNormal | Measured


@dataclass(frozen=True, slots=True)
class Version:
    """The model of one version; None where nothing is said."""

    latency: Latency | None = None
    errors: float | None = None
    """The share of its answers that are errors."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What a version answered."""

    errors: int | None = None
    latency: Slots = field(default_factory=dict)


def answers(version: Version, requests: int, generator: np.random.Generator) -> Answers:
    """Draw what a version answers to so many requests."""
    errors = None if version.errors is None else int(generator.binomial(requests, version.errors))
    return Answers(errors, {} if version.latency is None else latencies(version.latency, requests, generator))


def latencies(latency: Latency, requests: int, generator: np.random.Generator) -> Slots:
    """Draw the latencies of so many requests."""
    if isinstance(latency, Constant):
        return {slot_of(latency.microseconds): requests} if requests else {}
    slots, shares = _shares(latency)
    counts = generator.multinomial(requests, shares)
    return {slot: count for slot, count in zip(slots, counts.tolist(), strict=True) if count}


def _shares(latency: LogNormal | Measured) -> tuple[list[int], NDArray[np.float64]]:
    if isinstance(latency, Measured):
        slots = sorted(latency.slots)
        counts = np.array([latency.slots[slot] for slot in slots], dtype=np.float64)
        return slots, counts / counts.sum()
    sigma = log(latency.p99 / latency.median) / _P99
    below = ndtr((np.log(_ends()) - log(latency.median)) / sigma) if sigma else (_ends() > latency.median) * 1.0
    below[-1] = 1.0  # what takes longer counts as the longest
    shares: NDArray[np.float64] = np.diff(below, prepend=0.0)
    return list(range(LAST + 1)), shares


@cache
def _ends() -> NDArray[np.float64]:
    return np.array([bounds(slot)[1] + 1 for slot in range(LAST + 1)], dtype=np.float64)

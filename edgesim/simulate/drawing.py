"""Requests by the million: who sends them, what they are, and what becomes of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgesim.simulate.columns import Columns, Draws, columns, draw, zipf
from edgesim.simulate.decided import Decided
from edgesim.simulate.population import Axis, Population, Users

CHUNK = 1 << 15
"""Requests at a time: what is worked on fits the processor's cache."""
_JOINED = 1 << 12
"""Axes are drawn together while they have at most so many combinations."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """How to draw requests: columns of classes with what their value counts for, and columns of users."""

    classes: tuple[tuple[Columns, int], ...]
    users: Columns | int | None
    """A number: all are equally active."""


def traffic_of(population: Population) -> Traffic:
    """Prepare to draw from a population. Raises ValueError where weights sum to 0."""
    joined: list[tuple[Columns, int]] = []
    weights, counts_for, size = np.ones(1), 1, 1
    for axis in population.axes:
        if size > 1 and size * len(axis.values) > _JOINED:
            joined.append((columns(weights), counts_for))
            weights, counts_for, size = np.ones(1), counts_for * size, 1
        weights = np.multiply.outer(_shares(axis), weights).ravel()
        size = len(weights)
    return Traffic((*joined, (columns(weights), counts_for)), _users(population.users))


def _shares(axis: Axis) -> NDArray[np.float64]:
    weights = np.array(axis.weights, dtype=np.float64)
    if weights.sum() <= 0:
        raise ValueError("weights must sum to more than 0")
    shares: NDArray[np.float64] = weights / weights.sum()
    return shares


def _users(users: Users | None) -> Columns | int | None:
    if users is None:
        return None
    return columns(zipf(users.count, users.exponent)) if users.exponent else users.count


def draws_of(generator: np.random.Generator, count: int) -> Draws:
    """Return 64-bit draws, as many as asked for."""
    return generator.integers(0, 2**64 - 1, count, dtype=np.uint64, endpoint=True)


def classes_of(traffic: Traffic, generator: np.random.Generator, count: int) -> NDArray[Any]:
    """Draw the classes of so many requests."""
    (first, _), *rest = traffic.classes
    found: NDArray[Any] = draw(first, draws_of(generator, count))
    for part, counts_for in rest:
        found = found + draw(part, draws_of(generator, count)) * np.uint32(counts_for)
    return found


def users_of(traffic: Traffic, generator: np.random.Generator, count: int) -> NDArray[Any] | None:
    """Draw the users who send so many requests, None where they belong to nobody."""
    if traffic.users is None:
        return None
    words = draws_of(generator, count)
    if isinstance(traffic.users, Columns):
        return draw(traffic.users, words)
    return ((words >> np.uint64(32)) * np.uint64(traffic.users)) >> np.uint64(32)


def chunks(count: int) -> Iterator[int]:
    """Cut a number of requests into chunks."""
    full, rest = divmod(count, CHUNK)
    yield from (CHUNK for _ in range(full))
    if rest:
        yield rest


@dataclass(slots=True, eq=False)
class Counted:
    """What became of the requests of a run: how many had each outcome, and which users had it."""

    counts: NDArray[np.int64]
    met: NDArray[np.bool_] | None


def count_outcomes(
    decided: Decided,
    traffic: Traffic,
    generator: np.random.Generator,
    requests: int,
    told: Callable[[int], None] = lambda _done: None,
) -> Counted:
    """Draw requests and count what becomes of them; `told` hears how many more are done. Raises as `outcomes_of`."""
    counts = np.zeros(0, np.int64)
    met: NDArray[np.bool_] | None = None
    for count in chunks(requests):
        classes = classes_of(traffic, generator, count)
        users = users_of(traffic, generator, count)
        found = decided.outcomes_of(classes, draws_of(generator, count), users)
        counts = _added(counts, np.bincount(found, minlength=len(decided.outcomes)))
        if users is not None and decided.population.users is not None:
            met = _grown(met, len(decided.outcomes), decided.population.users.count)
            met[found, users] = True
        told(count)
    return Counted(counts, met)


def _added(counts: NDArray[np.int64], more: NDArray[np.int64]) -> NDArray[np.int64]:
    more[: len(counts)] += counts
    return more


def _grown(met: NDArray[np.bool_] | None, outcomes: int, users: int) -> NDArray[np.bool_]:
    if met is not None and len(met) == outcomes:
        return met
    grown = np.zeros((outcomes, users), np.bool_)
    if met is not None:
        grown[: len(met)] = met
    return grown

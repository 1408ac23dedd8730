"""The split that many runs show, and how far one run may be from it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from math import ceil, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtrik, stdtrit

from edgesim.inspect import Tables
from edgesim.simulate.decided import Decided
from edgesim.simulate.drawing import Counted, count_outcomes, traffic_of
from edgesim.simulate.models import Answers, Version, answers
from edgesim.simulate.outcomes import Outcome
from edgesim.simulate.population import Population

_MOST_EXACT = 1 << 17
"""The exact shares are added up over so many classes of requests; where there are more, runs only estimate them."""
_AT_ONCE = 1_000
_MIDDLE = 0.95
_DIGITS = 12
"""Of exact shares: what adding up makes of them behind these is no share."""


@dataclass(frozen=True, slots=True)
class Row:
    """One destination, or an answer of the proxy's own.

    `share` is that of all runs together, `exact` the configured one, None where it is not known; `low` and `high` hold
    the shares of 95% of runs of this length, `least` and `most` those of the runs made. `users` met it in a run, on average.
    """

    destination: str
    cluster: str
    subset: dict[str, str]
    status: int
    requests: int
    share: float
    exact: float | None
    low: float
    high: float
    least: float
    most: float
    users: float | None = None
    answers: Answers = field(default_factory=Answers)


@dataclass(frozen=True, slots=True, eq=False)
class Simulated:
    """Runs of so many requests each; `shares` has a line for each run and a column for each row."""

    requests: int
    runs: int
    rows: tuple[Row, ...]
    shares: NDArray[np.float64]
    sticky: bool
    outcomes: tuple[Outcome, ...]
    exact: tuple[float, ...] | None
    """The exact share of each outcome, where it is known."""
    estimated: tuple[float, ...]
    """The share of each outcome in all runs."""
    models: Mapping[str, Version]
    """The model of each destination that has one."""


def simulate(
    tables: Tables,
    population: Population,
    versions: Callable[[Iterable[Outcome]], Mapping[str, Version]],
    generators: Iterable[np.random.Generator],
    requests: int,
    told: Callable[[int], None] = lambda _done: None,
    deciding: Callable[[int, int], None] = lambda _done, _all: None,
) -> Simulated:
    """Simulate a run with each generator. `versions` finds the model of each destination, once all are known.

    `told` hears how many more requests are done, `deciding` how many classes of how many are decided.
    Raises RequestError, ValueError and EdgesimError as `decided` and `drawing` do.
    """
    decided, traffic = Decided(tables, population), traffic_of(population)
    exact = _exact(decided, deciding) if population.classes <= _MOST_EXACT else None
    counted: list[Counted] = []
    generators = list(generators)
    for run, generator in enumerate(generators):
        decided.begin(run)
        counted.append(count_outcomes(decided, traffic, generator, requests, told))
    return _summed(decided, counted, exact, versions(decided.outcomes), generators[0], requests)


def _exact(decided: Decided, deciding: Callable[[int, int], None]) -> NDArray[np.float64]:
    """Return the exact share of each outcome: every class with its weight, every arm with its part of it."""
    population = decided.population
    weights = np.ones(1)
    for axis in population.axes:
        shares = np.array(axis.weights) / sum(axis.weights)
        weights = np.multiply.outer(shares, weights).ravel()
    classes = np.flatnonzero(weights > 0).astype(np.uint32)
    for begin in range(0, len(classes), _AT_ONCE):
        decided.firsts(classes[begin : begin + _AT_ONCE])
        deciding(begin, len(classes))
    first, spread = decided.firsts(classes)
    sums = np.bincount(first, weights=weights[weights > 0], minlength=len(decided.outcomes))
    found = np.zeros(len(decided.outcomes))
    for start, total in enumerate(sums.tolist()):
        for arm in range(spread.get(start, 0)):
            found[start + arm] += total * float(decided.outcomes[start + arm].share)
    return found.round(_DIGITS)


def _summed(
    decided: Decided,
    counted: list[Counted],
    exact: NDArray[np.float64] | None,
    versions: Mapping[str, Version],
    generator: np.random.Generator,
    requests: int,
) -> Simulated:
    outcomes, sticky = decided.outcomes, bool(decided.sticky.recipes)
    counts = np.array([np.pad(each.counts, (0, len(outcomes) - len(each.counts))) for each in counted])
    places: dict[str, list[int]] = {}
    for number, outcome in enumerate(outcomes):
        places.setdefault(outcome.destination, []).append(number)
    shares = np.array([counts[:, at].sum(axis=1) for at in places.values()]).T / requests
    rows = []
    for column, at in enumerate(places.values()):
        known = None if exact is None else float(exact[at].sum())
        row = _row(outcomes[at[0]], shares[:, column], known, requests, sticky=sticky)
        version = versions.get(row.destination)
        answered = Answers() if version is None or row.status else answers(version, row.requests, generator)
        rows.append(replace(row, users=_users(counted, at), answers=answered))
    told = None if exact is None else tuple(exact.tolist())
    estimated = tuple((counts.sum(axis=0) / requests / len(counted)).tolist())
    return Simulated(requests, len(counted), tuple(rows), shares, sticky, tuple(outcomes), told, estimated, versions)


def _row(outcome: Outcome, shares: NDArray[np.float64], known: float | None, requests: int, *, sticky: bool) -> Row:
    low, high = _middle(shares, known, requests, sticky=sticky)
    return Row(
        outcome.destination,
        outcome.cluster,
        dict(outcome.subset),
        outcome.status,
        round(float(shares.sum()) * requests),
        float(shares.mean()),
        known,
        low,
        high,
        float(shares.min()),
        float(shares.max()),
    )


def _users(counted: list[Counted], at: list[int]) -> float | None:
    met = [
        float(each.met[[place for place in at if place < len(each.met)]].any(axis=0).sum())
        for each in counted
        if each.met is not None
    ]
    return sum(met) / len(met) if met else None


def _middle(shares: NDArray[np.float64], known: float | None, requests: int, *, sticky: bool) -> tuple[float, float]:
    """Return what holds the share of 95% of runs: exactly where requests are independent, else as the runs spread."""
    mean = float(shares.mean()) if known is None else known
    if not sticky or len(shares) < 3:
        return _quantile((1 - _MIDDLE) / 2, requests, mean), _quantile((1 + _MIDDLE) / 2, requests, mean)
    half = float(stdtrit(len(shares) - 1, (1 + _MIDDLE) / 2)) * float(shares.std(ddof=1)) * sqrt(1 + 1 / len(shares))
    mean = float(shares.mean())
    return max(0.0, mean - half), min(1.0, mean + half)


def _quantile(level: float, requests: int, share: float) -> float:
    """Return the share that a binomial number of requests does not exceed with this probability."""
    if not 0 < share < 1:
        return min(1.0, max(0.0, share))
    return max(0, ceil(float(bdtrik(level, requests, share)))) / requests

"""Each class of requests decided once, by the live routing core; what is left is the weighted choice, in bulk.

A class leads to a run of outcomes, the arms of its split, and to a row: where the arms' intervals end. The choice is
that of `routing.weights.choose` for the same 64-bit draws.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import lcm
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgesim.inspect import Tables, choose_listener
from edgesim.model import RequestHead
from edgesim.model.codes import failure
from edgesim.routing import Decision, Split, lookup
from edgesim.routing.compiling import Target
from edgesim.simulate.columns import Draws
from edgesim.simulate.outcomes import Outcome, outcomes_of
from edgesim.simulate.population import Population, head_of, host_of
from edgesim.simulate.sticky import Sticky

Numbers = NDArray[np.int32]
_MOST_CELLS = 1 << 21
"""The arms of all rows are written out draw by draw in so many cells; where there are more, they are searched."""


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """The rows seen so far: `arms[row * period + draw % period]` where there is a period, else ends to search in.

    `span` is more than the sum of any row's weights: ends lie behind row * span.
    """

    period: int
    arms: NDArray[np.int32]
    span: int
    ends: Draws
    totals: Draws
    first: NDArray[np.int64]


@dataclass(slots=True, eq=False)
class Decided:
    """What the classes of a population lead to on a model; classes are decided when they are first met."""

    tables: Tables
    population: Population
    outcomes: list[Outcome] = field(default_factory=list)
    sticky: Sticky = field(init=False)
    _first: Numbers = field(init=False)
    _row: Numbers = field(init=False)
    _recipe: Numbers = field(init=False)
    _ends: dict[tuple[int, ...], int] = field(default_factory=dict)
    _rows: _Rows | None = None
    _known: dict[tuple[int, int], tuple[int, int, int]] = field(default_factory=dict)
    _kept: list[object] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Begin with no class decided."""
        classes = self.population.classes
        self.sticky = Sticky(self.population.users)
        self._first = np.full(classes, -1, np.int32)
        self._row = np.zeros(classes, np.int32)
        self._recipe = np.zeros(classes, np.int32)

    def outcomes_of(self, classes: NDArray[Any], draws: Draws, users: NDArray[Any] | None = None) -> Numbers:
        """Return the number in `outcomes` of each request, of these classes, 64-bit draws and users.

        Raises RequestError for a class that is no request, EdgesimError where users cannot be told apart.
        """
        first = self._first_of(classes)
        if self._rows is None:
            self._rows = _lay_out(list(self._ends))
        if self.sticky.recipes:
            draws = self.sticky.draws(self._recipe.take(classes), users, draws)
        row = self._row.take(classes) if len(self._ends) > 1 else None
        first += _arms(self._rows, row, draws)
        return first

    def begin(self, run: int) -> None:
        """Go on with the users of another run."""
        self.sticky.begin(run)

    def firsts(self, classes: NDArray[Any]) -> tuple[Numbers, dict[int, int]]:
        """Return the first outcome that each class may have, and how many there are from each first one on."""
        first = self._first_of(classes)
        ends = list(self._ends)
        return first, {start: len(ends[row]) - 1 for start, row, _recipe in self._known.values()}

    def _first_of(self, classes: NDArray[Any]) -> Numbers:
        first = self._first.take(classes)
        if first.min() < 0:
            for number in np.unique(classes[first < 0]).tolist():
                self._decide(number)
            first = self._first.take(classes)
        return first

    def _decide(self, number: int) -> None:
        head, target = self.decided(number)
        recipe = self.sticky.recipe(target, head) if isinstance(target, Split) and target.sticky else 0
        if isinstance(recipe, Decision):
            target, recipe = recipe, 0
        key = id(target)
        found = self._known.get((key, recipe))
        if found is None:
            ends = target[0][0] if isinstance(target, Split) else (0, 1)
            row = self._ends.setdefault(ends, len(self._ends))
            self._rows = None
            self._kept.append(target)  # so that no other has its id
            found = self._known[key, recipe] = len(self.outcomes), row, recipe
            self.outcomes += outcomes_of(target, self.tables.clusters, len(self.outcomes))
        self._first[number], self._row[number], self._recipe[number] = found

    def decided(self, number: int) -> tuple[RequestHead, Target | None]:
        """Ask the live core about a class; what a header names is looked up too."""
        population = self.population
        listener = choose_listener(self.tables.model, host_of(population, number))
        table, plain = self.tables.of(listener), head_of(population, number, listener.options)
        head = self.sticky.with_user(plain)
        target = lookup(table, head)
        if self.sticky.are_named and lookup(table, self.sticky.with_user(plain, -1)) is not target:
            text = (
                "a route asks for the very value that users are known by: a class of requests must be one to the routes"
            )
            raise failure("ES1105", text, "give the users another cookie or header")
        if target is not None and not isinstance(target, Split | Decision):
            target = target(head)
        return head, target


def _lay_out(rows: list[tuple[int, ...]]) -> _Rows:
    totals = [ends[-1] for ends in rows]
    period = lcm(*totals)
    span = max(totals) + 1
    first = np.cumsum([0, *(len(ends) - 1 for ends in rows)])
    offset = [row * span + end for row, ends in enumerate(rows) for end in ends[1:]]
    searched = np.array(offset, dtype=np.uint64)
    sums = np.array(totals, dtype=np.uint64)
    if period * len(rows) > _MOST_CELLS:
        return _Rows(0, np.empty(0, np.int32), span, searched, sums, first)
    draws = np.arange(period)
    parts = [np.searchsorted(ends, draws % ends[-1], side="right") - 1 for ends in rows]
    return _Rows(period, np.concatenate(parts).astype(np.int32), span, searched, sums, first)


def _arms(rows: _Rows, row: Numbers | None, draws: Draws) -> NDArray[Any]:
    """Return the arm of each draw: the first whose cumulative weight exceeds draw mod total."""
    if rows.period:
        place = (draws % np.uint64(rows.period)).astype(np.int32)
        if row is not None:
            row *= np.int32(rows.period)
            place += row
        return rows.arms.take(place, mode="wrap")
    number = np.zeros(len(draws), np.int32) if row is None else row
    key = number.astype(np.uint64) * np.uint64(rows.span) + draws % rows.totals.take(number)
    found: NDArray[Any] = np.searchsorted(rows.ends, key, side="right") - rows.first.take(number)
    return found.astype(np.int32)

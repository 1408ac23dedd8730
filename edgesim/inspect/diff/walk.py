"""Both sides walked through one region: first match against first match, asking only what decides next.

A leaf is a set of literals under which the two sides are known to decide differently. Only what may meet a
changed entry is looked at: everything else is decided alike.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from edgesim.inspect.diff.entries import Entry
from edgesim.inspect.diff.literals import Known, Literal, truth
from edgesim.inspect.diff.meter import Meter
from edgesim.inspect.diff.regions import Candidate, PathKnown, Region, Territory
from edgesim.model import PathMatcher
from edgesim.routing.conditions import Condition, Name

MOST_LEAVES = 2000
"""So many classes of one region are told apart; then it is cut short."""
MOST_STEPS = 20_000
"""So many questions are asked in one region; then it is cut short."""
_MOST_MERGED = 2 * MOST_LEAVES


@dataclass(frozen=True, slots=True)
class Together:
    """Conditions of one route that do not all hold: which of them fails does not matter."""

    asks: tuple[tuple[PathMatcher | Condition, bool], ...]


Ask = PathMatcher | Condition | Together


class Fact(NamedTuple):
    """What is asked of a request, and the answer."""

    ask: Ask
    holds: bool


@dataclass(frozen=True, slots=True)
class Leaf:
    """Facts under which the sides decide differently, and the entries that do; None where no route matches.

    `example` are facts of single conditions that make the others true.
    """

    facts: frozenset[Fact]
    before: Entry | None
    after: Entry | None
    example: frozenset[Fact] = frozenset()


@dataclass(frozen=True, slots=True)
class State:
    """What is known on the way down; `told` are the facts that were asked for, in order."""

    path: PathKnown = ()
    names: dict[Name, Known] = field(default_factory=dict)
    told: tuple[Fact, ...] = ()
    barred: frozenset[tuple[int, int, int]] = frozenset()
    """Pairs of twins that do not take the request."""
    starts: tuple[int, int] = (0, 0)
    """Candidates of each side before these are known not to hold."""

    def knowing(self, fact: Fact) -> State:
        """Return a state in which one more fact is known."""
        told = (*self.told, fact)
        if isinstance(fact.ask, PathMatcher):
            return replace(self, path=(*self.path, (fact.ask, fact.holds)), told=told)
        assert isinstance(fact.ask, Condition)
        name = fact.ask.about
        literals = (*self.names.get(name, ()), Literal(fact.ask, fact.holds))
        return replace(self, names={**self.names, name: literals}, told=told)


class TooManyError(Exception):
    """A region with more classes than are told apart."""


Decides = Callable[[Entry | None], Hashable]
"""What an entry comes to, or that none does."""


@dataclass(slots=True)
class Truths:
    """What conditions of one name say of another, found once for all regions, as long as there is work left."""

    meter: Meter
    _known: dict[tuple[Known, Condition], bool | None] = field(default_factory=dict)

    def of(self, known: Known, asked: Condition) -> bool | None:
        """Tell what `literals.truth` does."""
        key = known, asked
        if key not in self._known:
            self._known[key] = truth(known, asked, self.meter)
        return self._known[key]


@dataclass(slots=True)
class Walk:
    """One region of two sides, each with its candidates in order and what they come to."""

    territory: Territory
    region: Region
    sides: tuple[Sequence[Candidate], Sequence[Candidate]]
    decides: tuple[Decides, Decides]
    truths: Truths
    leaves: list[Leaf] = field(default_factory=list)
    cut: bool = False
    steps: int = 0

    def run(self) -> list[Leaf]:
        """Return the leaves, those merged that differ in one fact and come to the same."""
        try:
            self._down(State())
        except TooManyError:
            self.cut = True
        return merged(self.leaves, self._key)

    def _key(self, leaf: Leaf) -> Hashable:
        """Return what a leaf comes to: the routes of both sides, and their outcomes."""
        entries = leaf.before, leaf.after
        routes = tuple(None if each is None else id(each.route) for each in entries)
        return routes, self.decides[0](leaf.before), self.decides[1](leaf.after)

    def _down(self, state: State) -> None:
        """Ask what decides next; the side where it holds is walked at once, the other in this loop."""
        while True:
            self._count()
            state = self._skipping(state)
            changed = self._changed(state)
            if changed is None:
                return
            ask = self._open(changed, state)
            if ask is None and (passed := self._passing(state)) is not None:
                state = passed
                continue
            if ask is None:
                ask = self._undecided(state)
            if ask is None:
                self._compare(state)
                return
            self._down(state.knowing(Fact(ask, True)))
            state = state.knowing(Fact(ask, False))

    def _skipping(self, state: State) -> State:
        starts = []
        for side, start in zip(self.sides, state.starts, strict=True):
            here = start
            while here < len(side) and self._fate(side[here], state) is False:
                here += 1
            starts.append(here)
        return replace(state, starts=(starts[0], starts[1]))

    def _left(self, state: State) -> Iterator[Iterator[Candidate]]:
        """Yield what is left of each side."""
        for side, start in zip(self.sides, state.starts, strict=True):
            yield (side[index] for index in range(start, len(side)))

    def _changed(self, state: State) -> Candidate | None:
        """Return the first changed candidate that may hold."""
        for side in self._left(state):
            for candidate in side:
                if candidate.entry.changed and self._fate(candidate, state) is not False:
                    return candidate
        return None

    def _passing(self, state: State) -> State | None:
        """Pass over twins that come first on both sides: where they hold, both decide alike.

        Of one condition that may fail it is asked itself; of several, which one fails does not matter.
        """
        first = [
            next((each for each in side if self._fate(each, state) is not False), None) for side in self._left(state)
        ]
        one, other = first
        if one is None or other is None or one.entry.twin is None or one.entry.twin != other.entry.twin:
            return None
        asks = tuple((ask, holds) for ask, holds in _asks(one) if self._truth(ask, state) is None)
        if len(asks) < 2:
            return None
        told = (*state.told, Fact(Together(asks), False))
        return replace(state, told=told, barred=state.barred | {one.entry.twin})

    def _settled(self, state: State, left: Sequence[Fact]) -> State | None:
        """Return a state in which one condition of each `Together` fails, None where that cannot be."""
        self._count()
        if not left:
            return state
        fact, *others = left
        assert isinstance(fact.ask, Together)
        for ask, holds in fact.ask.asks:
            found = self._truth(ask, state)
            if found is holds:
                continue
            after = state if found is not None else state.knowing(Fact(ask, not holds))
            settled = self._settled(after, others)
            if settled is not None:
                return settled
        return None

    def _count(self) -> None:
        self.steps += 1
        if self.steps > MOST_STEPS or self.truths.meter.spent:
            raise TooManyError

    def _undecided(self, state: State) -> PathMatcher | Condition | None:
        """Return what the first match of a side depends on, None where both are known."""
        for side in self._left(state):
            for candidate in side:
                fate = self._fate(candidate, state)
                if fate is None:
                    return self._open(candidate, state)
                if fate:
                    break
        return None

    def _compare(self, state: State) -> None:
        before, after = (self._first(side, state) for side in self._left(state))
        if self.decides[0](before) == self.decides[1](after):
            return
        settled = self._settled(state, [fact for fact in state.told if isinstance(fact.ask, Together)])
        if settled is None:
            return
        if len(self.leaves) >= MOST_LEAVES:
            raise TooManyError
        example = frozenset(fact for fact in settled.told if not isinstance(fact.ask, Together))
        self.leaves.append(Leaf(frozenset(state.told), before, after, example))

    def _first(self, side: Iterable[Candidate], state: State) -> Entry | None:
        return next((each.entry for each in side if self._fate(each, state)), None)

    def _fate(self, candidate: Candidate, state: State) -> bool | None:
        """Tell whether a candidate holds; None where that is not known yet."""
        if candidate.entry.twin in state.barred:
            return False
        fate: bool | None = True
        self.truths.meter.left -= 2
        for ask, holds in _asks(candidate):
            found = self._truth(ask, state)
            if found is (not holds):
                return False
            if found is None:
                fate = None
        return fate

    def _open(self, candidate: Candidate, state: State) -> PathMatcher | Condition | None:
        return next((ask for ask, _ in _asks(candidate) if self._truth(ask, state) is None), None)

    def _truth(self, ask: PathMatcher | Condition, state: State) -> bool | None:
        if not isinstance(ask, PathMatcher):
            return self.truths.of(state.names.get(ask.about, ()), ask)
        for path, holds in state.path:
            if path == ask:
                return holds
        meter = self.truths.meter
        if self.territory.path(self.region, (*state.path, (ask, True)), meter) is None:
            return False
        return True if self.territory.path(self.region, (*state.path, (ask, False)), meter) is None else None


def _asks(candidate: Candidate) -> Iterator[tuple[PathMatcher | Condition, bool]]:
    if candidate.path is not None:
        yield candidate.path, True
    yield from candidate.entry.literals


def merged(leaves: Iterable[Leaf], key: Callable[[Leaf], Hashable]) -> list[Leaf]:
    """Merge leaves that come to the same and differ only in whether one fact holds, until there are none."""
    found = {(leaf.facts, key(leaf)): leaf for leaf in leaves}
    waiting = list(found) if len(found) <= _MOST_MERGED else []
    while waiting:
        facts, what = waiting.pop()
        for fact in facts if (facts, what) in found else ():
            rest = facts - {fact}
            opposite = rest | {Fact(fact.ask, not fact.holds)}
            if (opposite, what) in found:
                joined = replace(found.pop((facts, what)), facts=rest)
                del found[opposite, what]
                found[rest, what] = joined
                waiting.append((rest, what))
                break
    return list(found.values())

"""Tables of different teams whose routes match the same requests: who wins depends on an order neither wrote.

Only what certainly overlaps is reported, once for each table that comes second.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import chain, product

from edgesim.inspect.atoms import Atom, atoms_of, written_routes
from edgesim.inspect.conditions import match_text
from edgesim.inspect.findings import PLACE, Finding
from edgesim.model import OriginStep, PathKind, PathMatcher, ResourceKey, ValueKind, VirtualHost
from edgesim.routing.conditions import Condition, Name
from edgesim.routing.implication import implied_among, is_open_ended, pattern_text
from edgesim.routing.regexes import full_match

OVERLAP = "ES0659"
_MOST_COMPARED = 256
"""So many matchers are compared with one: a note may be missing in a huge table, but the answer comes soon."""


def overlapping_tables(hosts: Iterable[VirtualHost], hidden: Collection[OriginStep]) -> Iterator[Finding]:
    """Find RouteTables that share requests with one of another namespace; `hidden` routes are told of already."""
    told: set[ResourceKey] = set()
    for host in hosts:
        atoms = [
            atom
            for order, route in written_routes(host)
            if route.origin[-1].kind == "RouteTable"
            for atom in atoms_of(order, route)
        ]
        if len({_team(atom) for atom in atoms}) > 1:
            yield from _within(atoms, hidden, told)


def _team(atom: Atom) -> str:
    return atom.route.origin[-1].namespace


def _within(atoms: Sequence[Atom], hidden: Collection[OriginStep], told: set[ResourceKey]) -> Iterator[Finding]:
    around = _Around(atoms)
    for atom in atoms:
        own = atom.route.origin[-1]
        if own.resource in told or own in hidden:
            continue
        other = next((each for each in around.near(atom) if _meet(each, atom)), None)
        if other is not None:
            told.add(own.resource)
            yield _finding(atom, other)


def _finding(atom: Atom, other: Atom) -> Finding:
    first = other.route.origin[-1]
    text = (
        f"route {atom.route.number} shares requests with route {other.route.number} of {first.resource} ({PLACE}), "
        f"which comes first and takes them: {match_text(other.match)}"
    )
    hint = "make the paths of the two tables distinct, or set their `weight`s and tell the other team"
    return Finding(OVERLAP, atom.step, text, hint, (first,))


class _Around:
    """Finds matchers whose text begins another's, or the other way round. Case never counts here."""

    def __init__(self, atoms: Sequence[Atom]) -> None:
        self._by_text: dict[bytes, list[Atom]] = {}
        for atom in atoms:
            self._by_text.setdefault(atom.text.lower(), []).append(atom)
        self._texts = sorted(self._by_text)
        self._lengths = sorted({len(text) for text in self._texts})

    def near(self, atom: Atom) -> Iterator[Atom]:
        """Yield some earlier matchers of other teams that may meet this one."""
        text, left = atom.text.lower(), _MOST_COMPARED
        above = (text[:length] for length in self._lengths if length < len(text))
        for known in chain(above, self._beneath(text)):
            for other in self._by_text.get(known, ()):
                if other.order >= atom.order:
                    break
                left -= 1
                if left < 0:
                    return
                if _team(other) != _team(atom):
                    yield other

    def _beneath(self, text: bytes) -> Iterator[bytes]:
        for index in range(bisect_left(self._texts, text), len(self._texts)):
            if not self._texts[index].startswith(text):
                return
            yield self._texts[index]


def _meet(one: Atom, other: Atom) -> bool:
    """Tell whether some request certainly matches both."""
    return paths_meet(one.path, other.path) and conditions_meet(one.conditions | other.conditions)


def paths_meet(one: PathMatcher, other: PathMatcher) -> bool:
    """Tell whether some path certainly matches both."""
    if one.kind is PathKind.REGEX or other.kind is PathKind.REGEX:
        return _regex_meets(*((one, other) if one.kind is PathKind.REGEX else (other, one)))
    texts = pattern_text(one), pattern_text(other)
    if not (one.case_sensitive and other.case_sensitive):
        texts = texts[0].lower(), texts[1].lower()
    if one.kind is other.kind:
        shorter, longer = sorted(texts, key=len)
        return longer == shorter if one.kind is PathKind.EXACT else longer.startswith(shorter)
    exact, prefix = texts if one.kind is PathKind.EXACT else texts[::-1]
    return exact.startswith(prefix)


def _regex_meets(regex: PathMatcher, other: PathMatcher) -> bool:
    if other.kind is PathKind.REGEX:
        return regex.value == other.value
    text = other.value.encode()
    if other.kind is PathKind.PREFIX and not is_open_ended(regex.value):
        return False
    return bool(full_match(regex.value)(text))


def conditions_meet(conditions: Iterable[Condition]) -> bool:
    """Tell whether some request certainly meets all of these; a header with two different lines is no excuse."""
    by_name: dict[Name, list[Condition]] = {}
    for condition in conditions:
        by_name.setdefault(condition.about, []).append(condition)
    return all(_agree(*pair) for group in by_name.values() for pair in product(group, group))


def _agree(one: Condition, other: Condition) -> bool:
    if one == other or implied_among((one,), (other,)) or implied_among((other,), (one,)):
        return True
    if one.kind is ValueKind.EXACT and not one.invert and other.invert and other.kind is not ValueKind.PRESENT:
        return not implied_among((one,), (other._replace(invert=False),))
    if other.kind is ValueKind.EXACT and not other.invert and one.invert and one.kind is not ValueKind.PRESENT:
        return _agree(other, one)
    return one.invert and other.invert and one.kind is other.kind is ValueKind.EXACT

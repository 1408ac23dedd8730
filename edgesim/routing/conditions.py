"""The header, query and method conditions of entries that share one path pattern.

Entries become a decision tree: each entry hangs below the value of its most selective condition, so
that a thousand routes differing in one header cost one dictionary lookup, not a thousand
comparisons. What cannot be looked up (an absent header, mostly) is checked in order. Compiled
entries are tuples, and equal pieces are shared: a decision touches little memory, so a large table
stays as fast as a small one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import attrgetter
from typing import Any, NamedTuple

from edgesim.model import HeaderMatcher, QueryMatcher, RequestHead, RouteMatch, ValueKind
from edgesim.routing.query import first_of, parameters
from edgesim.routing.regexes import full_match, which_match

Check = Callable[[RequestHead], object]
Compiled = tuple[int, tuple[tuple[bytes, bytes], ...], tuple[Check, ...], Any]
"""Order, headers with the exact value they must have, other checks, target."""
Leaf = tuple[Compiled, ...]

NEVER = 1 << 62
"""An order no entry has: later than every entry."""
HEADER, QUERY = "header", "query"
METHOD = b":method"
_CHECKED_IN_ORDER = 3
_SHARED = 1 << 15


Name = tuple[str, bytes]
"""What a condition is about: a part of the request (a row of `LINES`), and a name there."""


class Condition(NamedTuple):
    """One condition in the form a lookup needs; `part` is a row of `LINES`."""

    part: str
    name: bytes
    kind: ValueKind
    value: str = ""
    invert: bool = False

    @property
    def about(self) -> Name:
        """What the condition is about."""
        return self.part, self.name


@dataclass(frozen=True, slots=True)
class Entry:
    """A matcher with its place in the whole table and what it leads to."""

    order: int
    conditions: frozenset[Condition]
    target: Any


class Branches:
    """What hangs below one header or parameter: by exact value, by regex, or for being there."""

    __slots__ = ("by_regex", "by_value", "match", "present")

    def __init__(self) -> None:
        self.by_value: dict[bytes, Place] = {}
        self.present: Place | None = None
        self.by_regex: tuple[Place, ...] = ()
        self.match: Callable[[bytes], list[int] | None] | None = None


class Tree:
    """One level of the decision tree: entries checked in order, and branches to look up."""

    __slots__ = ("headers", "in_order", "queries")

    def __init__(self, in_order: Leaf) -> None:
        self.in_order = in_order
        self.headers: dict[bytes, Branches] = {}
        self.queries: dict[bytes, Branches] = {}


Place = Leaf | Tree
"""Where entries are found: a short tuple of them, or a tree."""


def conditions_of(match: RouteMatch) -> Iterator[frozenset[Condition]]:
    """Yield the conditions of a matcher, once for each of its methods."""
    shared = shared_conditions(match)
    for method in match.methods or (None,):
        own = [] if method is None else [Condition(HEADER, METHOD, ValueKind.EXACT, method)]
        yield frozenset(shared + own)


def shared_conditions(match: RouteMatch) -> list[Condition]:
    """Return the conditions of a matcher whatever the method, in the order they are explained."""
    headers = [Condition(HEADER, m.name.encode(), m.kind, _value_of(m), m.invert) for m in match.headers]
    return headers + [Condition(QUERY, m.name.encode(), m.kind, _value_of(m)) for m in match.query]


def _value_of(matcher: HeaderMatcher | QueryMatcher) -> str:
    """Return the value that is compared: to be there is one condition, whatever value stands beside it."""
    return "" if matcher.kind is ValueKind.PRESENT else matcher.value


def lines_of(head: RequestHead, name: bytes) -> Sequence[bytes]:
    """Return every line of a header; a matcher holds if any one line matches (measured on Envoy 1.40)."""
    if head.repeated is not None and name in head.repeated:
        return head.repeated[name]
    return (head.headers[name],) if name in head.headers else ()


def _lines_of_parameter(head: RequestHead, name: bytes) -> Sequence[bytes]:
    return first_of(head.query, name) if head.query else ()


LINES: dict[str, Callable[[RequestHead, bytes], Sequence[bytes]]] = {HEADER: lines_of, QUERY: _lines_of_parameter}
"""The parts of a request that conditions look at, in the words people read, and what stands there below a name."""
_LOOKED_UP = frozenset((HEADER, QUERY))
"""The parts a tree branches on; conditions on others are checked in order."""


def build(entries: Iterable[Entry]) -> Place:
    """Build the place to find these entries in; those behind an unconditional one can never win."""
    reachable = _reachable(sorted(entries, key=attrgetter("order")))
    if len(reachable) <= _CHECKED_IN_ORDER:
        return _leaf(reachable)
    common = Counter(c for entry in reachable for c in entry.conditions if _can_be_looked_up(c))
    below: dict[Condition, list[Entry]] = {}
    in_order: list[Entry] = []
    for entry in reachable:
        keys = [c for c in entry.conditions if c in common]
        if not keys:
            in_order.append(entry)
            continue
        key = min(keys, key=lambda c: (common[c], c))
        below.setdefault(_branch(key), []).append(_without(entry, key))
    return _tree(_leaf(in_order), below) if below else _leaf(in_order)


def _reachable(entries: Sequence[Entry]) -> list[Entry]:
    kept: list[Entry] = []
    for entry in entries:
        kept.append(entry)
        if not entry.conditions:
            break
    return kept


def _can_be_looked_up(condition: Condition) -> bool:
    return condition.part in _LOOKED_UP and not (condition.invert and condition.kind is ValueKind.PRESENT)


def _branch(key: Condition) -> Condition:
    """An inverted value needs its header present, so it hangs there and is checked below."""
    return Condition(key.part, key.name, ValueKind.PRESENT) if key.invert else key


def _without(entry: Entry, key: Condition) -> Entry:
    return entry if key.invert else Entry(entry.order, entry.conditions - {key}, entry.target)


def _tree(in_order: Leaf, below: dict[Condition, list[Entry]]) -> Tree:
    tree = Tree(in_order)
    regexes: dict[Name, list[tuple[str, Place]]] = {}
    for key, entries in below.items():
        branches = (tree.queries if key.part == QUERY else tree.headers).setdefault(key.name, Branches())
        if key.kind is ValueKind.EXACT:
            branches.by_value[key.value.encode()] = build(entries)
        elif key.kind is ValueKind.PRESENT:
            branches.present = _where_present(entries)
        else:
            regexes.setdefault(key.about, []).append((key.value, build(entries)))
    for (part, name), found in regexes.items():
        branches = (tree.queries if part == QUERY else tree.headers)[name]
        branches.match = which_match([pattern for pattern, _ in found])
        branches.by_regex = tuple(place for _, place in found)
    return tree


def _where_present(entries: list[Entry]) -> Place:
    """Inverted values stay with their entries, so branching on them would never end: check them in order.

    With the header present, each fails only for the value it names; the walk stops at the first other.
    """
    if any(condition.invert for entry in entries for condition in entry.conditions):
        return _leaf(_reachable(entries))
    return build(entries)


def _leaf(entries: Iterable[Entry]) -> Leaf:
    return tuple(compiled(entry) for entry in entries)


def compiled(entry: Entry) -> Compiled:
    """Return an entry in the form it is checked in."""
    return (entry.order, *_tests(entry.conditions), entry.target)


@lru_cache(maxsize=_SHARED)
def _tests(conditions: frozenset[Condition]) -> tuple[tuple[tuple[bytes, bytes], ...], tuple[Check, ...]]:
    """Equal conditions of different entries share one form, which stays in the processor's cache."""
    plain = sorted(c for c in conditions if c.kind is ValueKind.EXACT and c.part == HEADER and not c.invert)
    others = sorted(conditions.difference(plain))
    return tuple((c.name, c.value.encode()) for c in plain), tuple(_check(c) for c in others)


def _check(condition: Condition) -> Check:
    lines, name = LINES[condition.part], condition.name
    if condition.invert and condition.kind is ValueKind.PRESENT:
        return (lambda head: name not in head.headers) if lines is lines_of else lambda head: not lines(head, name)
    test = _value_test(condition)
    if condition.invert:
        return lambda head: bool(found := lines(head, name)) and not any(map(test, found))

    def check(head: RequestHead) -> bool:
        for line in lines(head, name):  # noqa: SIM110 - half the time of any(map(...)) for the one line there mostly is
            if test(line):
                return True
        return False

    return check


def _value_test(condition: Condition) -> Callable[[bytes], object]:
    if condition.kind is ValueKind.PRESENT:
        return lambda _value: True
    return full_match(condition.value) if condition.kind is ValueKind.REGEX else condition.value.encode().__eq__


def find(place: Place, head: RequestHead, before: int) -> Compiled | None:
    """Return the first entry that holds, if its order is below `before`."""
    if isinstance(place, Tree):
        return _find_in_tree(place, head, before)
    return find_in_order(place, head, before)


def find_first(leaf: Leaf, head: RequestHead) -> Compiled | None:
    """Return the first entry of a leaf that holds, whatever its order: that number need not even be read."""
    headers = head.headers
    for entry in leaf:
        for name, value in entry[1]:
            if headers.get(name) != value and (head.repeated is None or value not in lines_of(head, name)):
                break
        else:
            for check in entry[2]:
                if not check(head):
                    break
            else:
                return entry
    return None


def find_in_order(leaf: Leaf, head: RequestHead, before: int) -> Compiled | None:
    """Return the first entry of a leaf that holds, if its order is below `before`."""
    found = find_first(leaf, head)
    return found if found is not None and found[0] < before else None


def _find_in_tree(tree: Tree, head: RequestHead, before: int) -> Compiled | None:
    best = find_in_order(tree.in_order, head, before)
    if tree.headers:
        headers = head.headers
        few = len(tree.headers) < len(headers)
        for name in tree.headers if few else tree.headers.keys() & headers.keys():
            if (value := headers.get(name)) is not None:
                lines = (value,) if head.repeated is None else lines_of(head, name)
                best = _find_below(tree.headers[name], lines, head, before if best is None else best[0]) or best
    if tree.queries and head.query:
        given = parameters(head.query)
        for name in tree.queries.keys() & given.keys():
            best = _find_below(tree.queries[name], (given[name],), head, before if best is None else best[0]) or best
    return best


def _find_below(branches: Branches, lines: Sequence[bytes], head: RequestHead, before: int) -> Compiled | None:
    best: Compiled | None = None
    for place in _places(branches, lines):
        best = find(place, head, before if best is None else best[0]) or best
    return best


def _places(branches: Branches, lines: Sequence[bytes]) -> list[Place]:
    places = [] if branches.present is None else [branches.present]
    for line in lines:
        if (place := branches.by_value.get(line)) is not None:
            places.append(place)
        if branches.match is not None:
            places += [branches.by_regex[index] for index in branches.match(line) or ()]
    return places

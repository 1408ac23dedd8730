"""Conditions of entries that share a path: checked one by one, or looked up in a tree."""

from __future__ import annotations

import pytest

from edgesim.model import HeaderMatcher, PathKind, PathMatcher, QueryMatcher, RequestHead, RouteMatch, ValueKind
from edgesim.routing.conditions import (
    HEADER,
    LINES,
    NEVER,
    QUERY,
    Condition,
    Entry,
    Place,
    Tree,
    build,
    compiled,
    conditions_of,
    find,
    find_first,
    find_in_order,
    lines_of,
)

EXACT, REGEX, PRESENT = ValueKind.EXACT, ValueKind.REGEX, ValueKind.PRESENT


def header(name: str, value: str, kind: ValueKind = EXACT, *, invert: bool = False) -> Condition:
    return Condition(HEADER, name.encode(), kind, value, invert)


def parameter(name: str, value: str, kind: ValueKind = EXACT) -> Condition:
    return Condition(QUERY, name.encode(), kind, value)


def present(name: str) -> Condition:
    return Condition(HEADER, name.encode(), PRESENT)


def entry(order: int, *conditions: Condition) -> Entry:
    """An entry that leads to its own number."""
    return Entry(order, frozenset(conditions), order)


def asked(
    query: bytes | None = None, repeated: dict[bytes, list[bytes]] | None = None, /, **headers: str
) -> RequestHead:
    lines = {name.encode(): value.encode() for name, value in headers.items()}
    lines |= {name: values[-1] for name, values in (repeated or {}).items()}
    return RequestHead(b"GET", b"any", b"/", query, lines, repeated)


def found(place: Place, head: RequestHead, before: int = NEVER) -> int | None:
    entry_found = find(place, head, before)
    return None if entry_found is None else entry_found[3]


def test_a_matcher_has_conditions_once_for_each_of_its_methods() -> None:
    """Headers and parameters are shared, a method is a pseudo header, and without methods there is one set."""
    path = PathMatcher(PathKind.PREFIX, "/")
    headers = (HeaderMatcher("x", REGEX, "a.", invert=True), HeaderMatcher("y", PRESENT))
    match = RouteMatch(path, headers, (QueryMatcher("q", EXACT, "1"),))
    shared = {header("x", "a.", REGEX, invert=True), present("y"), parameter("q", "1")}
    assert list(conditions_of(match)) == [shared]
    both = RouteMatch(path, headers, match.query, ("GET", "PUT"))
    assert list(conditions_of(both)) == [shared | {header(":method", name)} for name in ("GET", "PUT")]
    assert list(conditions_of(RouteMatch(path))) == [frozenset()]


CASES = [
    (header("x", "1"), asked(x="1"), True),
    (header("x", "1"), asked(x="2"), False),
    (header("x", "1"), asked(y="1"), False),
    (header("x", ""), asked(x=""), True),
    (header("x", ""), asked(), False),
    (header("x", "1"), asked(None, {b"x": [b"1", b"2"]}), True),
    (header("x", "2"), asked(None, {b"x": [b"1", b"2"]}), True),
    (header("x", "3"), asked(None, {b"x": [b"1", b"2"]}), False),
    (header("x", "1"), asked(None, {b"y": [b"1", b"2"]}), False),
    (header("x", "1"), asked(None, {b"y": [b"3", b"2"]}, x="1"), True),
    (header("x", "1", invert=True), asked(x="2"), True),
    (header("x", "1", invert=True), asked(x="1"), False),
    (header("x", "1", invert=True), asked(), False),
    (header("x", "1", invert=True), asked(y="2"), False),
    (header("x", "1", invert=True), asked(None, {b"x": [b"1", b"2"]}), False),
    (header("x", "1", invert=True), asked(None, {b"x": [b"3", b"2"]}), True),
    (header("x", "a.", REGEX), asked(x="ab"), True),
    (header("x", "a.", REGEX), asked(x="abc"), False),
    (header("x", "a.", REGEX), asked(), False),
    (header("x", "a.", REGEX), asked(None, {b"x": [b"ab", b"c"]}), True),
    (header("x", "a.", REGEX, invert=True), asked(x="b"), True),
    (header("x", "a.", REGEX, invert=True), asked(x="ab"), False),
    (header("x", "a.", REGEX, invert=True), asked(), False),
    (present("x"), asked(x=""), True),
    (present("x"), asked(y="1"), False),
    (Condition(HEADER, b"x", PRESENT, "", invert=True), asked(y="1"), True),
    (Condition(HEADER, b"x", PRESENT, "", invert=True), asked(x=""), False),
    (Condition(QUERY, b"q", PRESENT, "", invert=True), asked(b"x=1"), True),
    (Condition(QUERY, b"q", PRESENT, "", invert=True), asked(b"q="), False),
    (parameter("q", "1"), asked(b"q=1"), True),
    (parameter("q", "1"), asked(b"q=2&q=1"), False),
    (parameter("q", "1"), asked(b"a=1"), False),
    (parameter("q", "1"), asked(b""), False),
    (parameter("q", "1"), asked(None), False),
    (parameter("q", "1"), asked(None, q="1"), False),
    (header("q", "1"), asked(b"q=1"), False),
    (parameter("q", ""), asked(b"q"), True),
    (parameter("q", "a."), asked(b"q=ab"), False),
    (header("x", "a.", invert=True), asked(x="ab"), True),
    (parameter("q", "a.", REGEX), asked(b"q=ab"), True),
    (parameter("q", "a.", REGEX), asked(b"q=b"), False),
    (parameter("q", "a.", REGEX), asked(b"x=ab"), False),
    (parameter("q", "", PRESENT), asked(b"q="), True),
    (parameter("q", "", PRESENT), asked(b"x="), False),
    (parameter("q", "", PRESENT), asked(None), False),
]


@pytest.mark.parametrize(("condition", "head", "holds"), CASES)
def test_one_condition(condition: Condition, head: RequestHead, holds: bool) -> None:
    """It holds for the same requests whether it is checked alone, behind another, or looked up among many."""
    expected = 9 if holds else None
    assert found(build([entry(9, condition)]), head) == expected
    assert found((compiled(entry(9, header("never", "sent"))), compiled(entry(9, condition))), head) == expected
    others = [entry(order, header("other", str(order)), header("x", "other")) for order in range(9)]
    assert found(build([*others, entry(9, condition)]), head) == expected
    same = [entry(order, condition, header("other", str(order))) for order in range(9)]
    assert found(build([*same, entry(9, condition)]), head) == expected
    parameters = [entry(order, parameter("other", str(order)), header("x", "other")) for order in range(9)]
    assert found(build([*parameters, entry(9, condition)]), head) == expected


def test_all_conditions_must_hold() -> None:
    """An entry with several conditions of all kinds is found only where none fails."""
    conditions = (header("x", "1"), header("y", "2"), header("z", "a.", REGEX), parameter("q", "3"), present("w"))
    place = build([entry(1, *conditions)])
    assert found(place, asked(b"q=3", x="1", y="2", z="ab", w="")) == 1
    assert found(place, asked(b"q=4", x="1", y="2", z="ab", w="")) is None
    for name, value in (("x", "2"), ("y", "1"), ("z", "b")):
        assert found(place, asked(b"q=3", **({"x": "1", "y": "2", "z": "ab", "w": ""} | {name: value}))) is None
    assert found(place, asked(b"q=3", x="1", y="2", z="ab")) is None


def test_what_is_neither_header_nor_parameter_is_checked_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """Conditions on another part of the request, a new row among `LINES`, need no branch of their own."""
    monkeypatch.setitem(LINES, "scheme", lambda _head, name: (name,))
    others = [Condition("scheme", b"s", EXACT, str(order)) for order in range(8)]
    place = build([*(entry(order, each) for order, each in enumerate(others)), entry(9, others[0]._replace(value="s"))])
    assert isinstance(place, tuple)
    assert found(place, asked()) == 9
    absent = entry(1, Condition("scheme", b"s", PRESENT, "", invert=True))
    assert find_first((compiled(absent),), asked()) is None


def test_few_entries_are_a_list_and_more_a_tree() -> None:
    """Three are checked in order, four are looked up; entries that cannot be looked up stay a list."""
    absent = Condition(HEADER, b"x", PRESENT, "", invert=True)
    assert isinstance(build([entry(order, header("x", str(order))) for order in range(3)]), tuple)
    assert isinstance(build([entry(order, header("x", str(order))) for order in range(4)]), Tree)
    assert isinstance(build([entry(order, absent) for order in range(9)]), tuple)


def test_entries_are_taken_in_their_order_and_none_behind_an_unconditional_one() -> None:
    """However they are given, the first in order comes first; what can never win is not kept."""
    place = build([entry(3), entry(2), entry(1, header("x", "1"))])
    assert place == (compiled(entry(1, header("x", "1"))), compiled(entry(2)))
    many = build([entry(5), *(entry(order, header("x", str(order))) for order in (4, 3, 2, 1, 7, 8))])
    assert isinstance(many, Tree)
    assert many.in_order == (compiled(entry(5)),)
    assert sorted(many.headers[b"x"].by_value) == [b"1", b"2", b"3", b"4"]


def test_a_tree_branches_on_what_tells_most_apart() -> None:
    """Each entry hangs below its rarest condition, without that condition; of equals, below the first by name."""
    place = build(
        [entry(order, header("a", "same"), header("b", str(order)), header("c", str(order))) for order in range(5)]
    )
    assert isinstance(place, Tree)
    assert place.in_order == ()
    assert place.queries == {}
    assert list(place.headers) == [b"b"]
    branches = place.headers[b"b"]
    assert branches.by_value[b"3"] == (compiled(entry(3, header("a", "same"), header("c", "3"))),)
    assert (branches.present, branches.by_regex, branches.match) == (None, (), None)


def test_parameters_and_headers_of_one_name_are_two_things() -> None:
    """They hang in branches of their own, with regexes of their own."""
    place = build(
        [
            entry(1, header("x", "1")),
            entry(2, parameter("x", "1")),
            entry(3, header("x", "a.", REGEX)),
            entry(4, parameter("x", "b.", REGEX)),
        ]
    )
    assert isinstance(place, Tree)
    assert (list(place.headers), list(place.queries)) == ([b"x"], [b"x"])
    assert found(place, asked(b"x=bb", x="ab")) == 3
    assert found(place, asked(b"x=bb", x="bb")) == 4
    assert found(place, asked(b"x=1", x="2")) == 2
    assert found(place, asked(b"x=ab", x="bb")) is None


def test_an_inverted_value_hangs_where_its_header_is() -> None:
    """It is looked up by the header being there, and checked in order with all others that are."""
    place = build([entry(order, header("x", str(order), invert=True)) for order in range(5)])
    assert isinstance(place, Tree)
    assert list(place.headers) == [b"x"]
    below = place.headers[b"x"].present
    assert isinstance(below, tuple)
    assert [target for _, _, _, target in below] == [0, 1, 2, 3, 4]
    assert found(place, asked(x="0")) == 1
    assert found(place, asked(x="1")) == 0
    assert found(place, asked()) is None


def test_many_that_ask_for_a_header_to_be_there_are_a_tree_below_it() -> None:
    """Where no value is inverted, what else they ask for is looked up again."""
    place = build(
        [entry(order, present("x"), header("y", "12"[order % 2]), header("z", "a" * order)) for order in range(9)]
    )
    assert found(place, asked(x="", y="1", z="aa")) == 2
    same = build([entry(order, present("x"), *[header("y", "1")] * (order % 2)) for order in range(9)])
    assert isinstance(same, Tree)
    assert found(same, asked(x="", y="1")) == 0
    assert found(same, asked(y="1")) is None


def test_behind_an_unconditional_inverted_list_nothing_is_kept() -> None:
    """Below a present header an entry that asks for nothing else ends the list."""
    inverted = [entry(order, header("x", str(order), invert=True)) for order in range(4)]
    place = build([*inverted, entry(4, present("x")), entry(5, present("x")), entry(6, present("x"), header("y", "1"))])
    assert isinstance(place, Tree)
    below = place.headers[b"x"].present
    assert isinstance(below, tuple)
    assert [each[0] for each in below] == [0, 1, 2, 3, 4]


def test_the_first_in_order_wins_among_all_branches() -> None:
    """In order, header, parameter, regex and presence: the smallest number of those that hold is found."""
    absent = Condition(HEADER, b"never", PRESENT, "", invert=True)
    kinds = [absent, header("x", "1"), header("y", "2"), header("x", "[1]", REGEX), present("z"), parameter("q", "1")]
    head = asked(b"q=1", x="1", y="2", z="")
    for first in range(len(kinds)):
        turned = kinds[first:] + kinds[:first]
        place = build([entry(order, condition) for order, condition in enumerate(turned)])
        assert isinstance(place, Tree)
        assert found(place, head) == 0
        assert found(place, head, 0) is None
        assert found(place, head, 1) == 0


def test_the_first_in_order_wins_below_one_header() -> None:
    """Its being there, its value, each of its lines and its regexes: the smallest number of those that hold is found."""
    kinds = [present("x"), header("x", "1"), header("x", "2"), header("x", "[1]", REGEX), header("x", "[2]", REGEX)]
    for first in range(len(kinds)):
        place = build([entry(order, condition) for order, condition in enumerate(kinds[first:] + kinds[:first])])
        assert isinstance(place, Tree)
        assert list(place.headers) == [b"x"]
        assert found(place, asked(None, {b"x": [b"1", b"2"]})) == 0
        assert found(place, asked(None, {b"x": [b"2", b"1"]})) == 0


def test_only_what_comes_before_is_found() -> None:
    """The order given is itself too late, in a list as in a tree; without a limit order does not matter."""
    leaf = (compiled(entry(5)),)
    assert find_in_order(leaf, asked(), 5) is None
    assert find_in_order(leaf, asked(), 6) == leaf[0]
    assert find_first(leaf, asked()) == leaf[0]
    assert find_first((), asked()) is None
    assert found(leaf, asked(), 5) is None


def test_a_request_with_fewer_or_more_headers_than_the_tree_finds_the_same() -> None:
    """Whether the tree's names or the request's are walked makes no difference."""
    place = build([entry(order, header(f"h{order}", "1")) for order in range(4)])
    assert isinstance(place, Tree)
    assert len(place.headers) == 4
    assert found(place, asked(h2="1")) == 2
    assert found(place, asked(h3="1", **{f"other{n}": "1" for n in range(9)})) == 3
    assert found(place, asked(h3="2", **{f"other{n}": "1" for n in range(9)})) is None
    assert found(place, asked(other="1")) is None
    assert found(place, asked()) is None
    repeated = {b"h1": [b"1", b"2"]}
    assert found(place, asked(None, repeated)) == 1
    assert found(place, asked(None, repeated, **{f"other{n}": "1" for n in range(9)})) == 1


def test_lines_of_a_header() -> None:
    """All lines of a repeated header, the one line of another, none of a missing one."""
    head = asked(None, {b"x": [b"1", b"2"]}, y="3")
    assert list(lines_of(head, b"x")) == [b"1", b"2"]
    assert list(lines_of(head, b"y")) == [b"3"]
    assert list(lines_of(head, b"z")) == []
    assert list(lines_of(asked(x="1"), b"x")) == [b"1"]


def test_an_entry_is_checked_by_equal_values_first() -> None:
    """Exact headers are compared as they stand, in the order of their names; whatever else is a check."""
    order, values, checks, target = compiled(
        entry(7, header("y", "2"), header("x", "1"), header("z", "3", invert=True), parameter("q", "4"))
    )
    assert (order, target) == (7, 7)
    assert values == ((b"x", b"1"), (b"y", b"2"))
    assert len(checks) == 2

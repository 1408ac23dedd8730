"""The index over paths: what is met at which segment, and in how many steps it is made."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgesim.model import PathKind, PathMatcher, RequestHead, ValueKind
from edgesim.routing import finish
from edgesim.routing.conditions import HEADER, Compiled, Condition, Entry, compiled
from edgesim.routing.paths import Changed, Node, Paths, Segment, Text, ends_inside, paths_in_steps, search, text_of

PREFIX, EXACT, REGEX = PathKind.PREFIX, PathKind.EXACT, PathKind.REGEX
Pattern = tuple[str, Entry] | tuple[str, Entry, PathKind]


def entry(order: int, header: str = "") -> Entry:
    """An entry that leads to its own number, for requests with a header of that value if one is given."""
    conditions = [Condition(HEADER, b"x", ValueKind.EXACT, header)] if header else []
    return Entry(order, frozenset(conditions), order)


def changed(*patterns: Pattern) -> Changed:
    """Patterns by the text they are found by; a prefix where no kind is given."""
    found: Changed = {}
    for value, meant, *kind in patterns:
        pattern = PathMatcher(kind[0] if kind else PREFIX, value)
        found.setdefault(text_of(pattern), []).append((pattern, meant))
    return found


def index(*patterns: Pattern, fold: bool = False) -> Paths:
    return finish(paths_in_steps(changed(*patterns), fold=fold))


def prefixes(*values: str) -> Paths:
    """An index of unconditional prefixes, numbered as given."""
    return index(*((value, entry(order)) for order, value in enumerate(values)))


def found(paths: Paths, path: str, header: str = "", before: Entry | None = None) -> int | None:
    head = RequestHead(b"GET", b"any", path.encode(), None, {b"x": header.encode()} if header else {})
    best = search(paths, head, None if before is None else compiled(before))
    return None if best is None else best[3]


def below(node: Node | None, *names: bytes) -> Node:
    """Walk down to a node that is there."""
    for name in names:
        assert node is not None
        segment = node.segments[name]
        assert isinstance(segment, Segment)
        node = segment.node
    assert node is not None
    return node


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ((PREFIX, "/Ab"), Text(folded=False, exact=False, value=b"/Ab")),
        ((EXACT, "/Ab"), Text(folded=False, exact=True, value=b"/Ab")),
        ((PREFIX, "/Ab", False), Text(folded=True, exact=False, value=b"/ab")),
        ((EXACT, "/Ab", False), Text(folded=True, exact=True, value=b"/ab")),
        ((REGEX, "/Ab.*"), Text(folded=False, exact=False, value=b"/Ab")),
        ((REGEX, "/Ab", False), Text(folded=False, exact=False, value=b"/Ab")),
    ],
)
def test_a_pattern_is_found_by_its_text(pattern: tuple[PathKind, str], text: Text) -> None:
    """In lower case where case does not count, and a regex by what it must begin with, whatever is said of case."""
    assert text_of(PathMatcher(*pattern)) == text


TEXTS = ["/", "/a", "/a/", "/a/b", "/a/bc", "/a/b/", "/a/b/c", "/b", "", "a", "/a//", "//"]


@pytest.mark.parametrize("values", [pair for pair in product(TEXTS, repeat=2) if pair[0] != pair[1]])
def test_two_prefixes_are_string_prefixes(values: tuple[str, str]) -> None:
    """Of any two prefixes the first that begins the path is found, wherever they end inside a segment."""
    paths = prefixes(*values)
    for path in (*TEXTS, "/abc", "/a/bcd", "/a/b/cd/e", "/bc/d", "/c", "/a/x/b"):
        expected = next((order for order, value in enumerate(values) if path.startswith(value)), None)
        assert found(paths, path) == expected


def test_an_exact_path_is_that_path_alone() -> None:
    """Before a prefix or behind one, the order decides."""
    paths = index(("/a", entry(1), EXACT), ("/", entry(2)), ("/b", entry(3), EXACT))
    assert [found(paths, path) for path in ("/a", "/a/", "/b", "/c")] == [1, 2, 2, 2]
    assert found(index(("/a", entry(1), EXACT)), "/b") is None


def test_what_comes_later_than_the_best_so_far_is_not_found() -> None:
    """Every kind of pattern gives way to an earlier entry found elsewhere, and to none that is later."""
    kinds = [
        ("/a", EXACT),
        ("/a", PREFIX),
        ("/", PREFIX),
        ("/a", REGEX),
        ("/.*", REGEX),
        (".*", REGEX),
        ("/[a].*", REGEX),
    ]
    for value, kind in kinds:
        paths = index((value, entry(5), kind))
        assert found(paths, "/a") == 5
        assert found(paths, "/a", before=entry(4)) == 4
        assert found(paths, "/a", before=entry(6)) == 5
        assert found(paths, "b", before=entry(4)) == 4


def test_every_place_on_the_way_gives_way_to_the_earliest() -> None:
    """Prefixes met at each segment of one path, in every order of the routes."""
    values = ["/", "/a", "/a/", "/a/b", "/a/b/"]
    for turn in range(len(values)):
        turned = values[turn:] + values[:turn]
        paths = index(*((value, entry(order, "1")) for order, value in enumerate(turned)), ("/", entry(9)))
        assert found(paths, "/a/b/c", "1") == 0
        assert found(paths, "/a/b/c", "2") == 9


def test_the_walk_begins_behind_the_slash_where_all_patterns_do() -> None:
    """A pattern that begins otherwise is still found, and a path that does finds none that begins with a slash."""
    slashed = prefixes("/a", "/b/c")
    assert (slashed.start, slashed.root) == (1, below(slashed.whole, b""))
    assert found(slashed, "a") is None
    assert found(slashed, "*", before=entry(7)) == 7
    mixed = prefixes("/a", "*")
    assert (mixed.start, mixed.root) == (0, mixed.whole)
    assert found(mixed, "*") == 1
    assert found(mixed, "/a") == 0
    other = prefixes("x/a", "/b")
    assert (other.start, found(other, "x/a"), found(other, "/b"), found(other, "/a")) == (0, 0, 1, None)
    empty = index(("/a", entry(1), EXACT))
    assert (empty.root, empty.whole, empty.start) == (None, None, 0)


def test_a_lone_prefix_behind_a_slash_needs_no_node() -> None:
    """What ends in a slash is met where the path goes on, without another step down."""
    paths = prefixes("/a/", "/b/", "/b/c")
    assert paths.root is not None
    assert paths.root.segments[b"a"] == compiled(entry(0))
    assert [found(paths, path) for path in ("/a", "/a/", "/a/x", "/ab")] == [None, 0, 0, None]
    assert below(paths.root, b"b").partial.keys() == {b"", b"c"}


def test_regexes_behind_a_slash_keep_their_node() -> None:
    """Only short lists are taken over: what has regexes is searched in its own place."""
    paths = index(("/a/", entry(2)), ("/a/[0-9]+", entry(1), REGEX))
    assert below(paths.root, b"a").partial.keys() == {b""}
    assert [found(paths, path) for path in ("/a/1", "/a/x", "/a")] == [1, 2, None]


@pytest.mark.parametrize(("last", "merged"), [(2, 8), (3, 0)])
def test_short_lists_are_merged_in_order_and_longer_ones_are_not(last: int, merged: int) -> None:
    """Eight entries met at one segment are one list in order, nine stay apart, and both find the same."""
    sizes = {"/a": 3, "/ab": 3, "/abc": last}
    patterns = [(value, entry(10 * n + at, str(n))) for at, value in enumerate(sizes) for n in range(sizes[value])]
    paths = index(*patterns)
    assert paths.root is not None
    segment = paths.root.segments[b"abc"]
    assert isinstance(segment, Segment)
    assert [each[0] for each in segment.merged] == sorted(given.order for _, given in patterns)[:merged]
    assert len(segment.buckets) == (0 if merged else 3)
    for path in ("/abc", "/abcd"):
        assert [found(paths, path, str(n)) for n in range(4)] == [0, 10, 20, None]


def test_the_conditions_of_one_matcher_share_a_number_and_are_merged_as_they_come() -> None:
    """A matcher of two methods is two entries of one number; merging looks at numbers only, never at what they ask."""
    checked = Condition(HEADER, b"x", ValueKind.REGEX, "a.")
    twins = [Entry(1, frozenset((checked, Condition(HEADER, name, ValueKind.PRESENT))), 1) for name in (b"y", b"z")]
    paths = index(("/a", twins[0]), ("/a", twins[1]), ("/ab", entry(0, "2")))
    assert found(paths, "/ab", "2") == 0
    assert found(paths, "/ab", "ab") is None


def test_an_unknown_segment_meets_what_ends_inside_it() -> None:
    """Where nothing ends inside a segment, or all before it, one answer serves all unknown ones."""
    nothing = below(prefixes("/a/b/c").root, b"a", b"b")
    assert nothing.lengths == (1,)
    assert nothing.otherwise is None
    paths = prefixes("/a/b", "/", "/a/bcd", "/x/y/z")
    assert paths.root is not None
    assert (paths.root.lengths, below(paths.root, b"a").lengths) == ((0,), (1, 3))
    assert paths.root.otherwise is not None
    assert paths.root.otherwise.merged == (compiled(entry(1)),)
    assert below(paths.root, b"x").otherwise is not None
    assert [found(paths, path) for path in ("/a/bc", "/a/bcd", "/a/c", "/q")] == [0, 0, 1, 1]


def test_buckets_that_end_inside_a_segment() -> None:
    """Those whose last piece begins it, the segment itself included, from the shortest."""
    paths = prefixes("/", "/ab", "/abcd", "/b")
    assert paths.root is not None
    partial = paths.root.partial
    assert ends_inside(paths.root, b"abc") == [partial[b""], partial[b"ab"]]
    assert ends_inside(paths.root, b"abcd") == [partial[b""], partial[b"ab"], partial[b"abcd"]]
    assert ends_inside(paths.root, b"") == [partial[b""]]


def test_regexes_of_one_text_keep_their_own_entries() -> None:
    """Each pattern leads to its entries, the first in order wins, and a prefix of the same text stands beside them."""
    paths = index(
        ("/a.*", entry(4), REGEX), ("/ab?", entry(3, "1"), REGEX), ("/ab?", entry(2, "2"), REGEX), ("/a", entry(5, "3"))
    )
    assert [found(paths, "/ab", header) for header in ("1", "2", "3", "")] == [3, 2, 4, 4]
    assert found(paths, "/abc", "1") == 4
    assert found(paths, "/b") is None


def test_an_index_that_folds_compares_in_lower_case() -> None:
    """Exact paths and prefixes are found in any spelling, and only there."""
    patterns = [("/ab", entry(1), EXACT), ("/a", entry(2), PREFIX)]
    assert [found(index(*patterns, fold=True), path) for path in ("/AB", "/ABC", "/b")] == [1, 2, None]
    assert [found(index(*patterns), path) for path in ("/AB", "/ABC", "/ab")] == [None, None, 1]


def test_a_change_adds_replaces_and_removes() -> None:
    """What is said of a text replaces what was, nothing takes it away, and the index before stays as it was."""
    before = index(("/a", entry(1)), ("/b", entry(2)), ("/e", entry(3), EXACT), ("/f", entry(4), EXACT))
    new = changed(("/a", entry(5)), ("/c", entry(6)), ("/e", entry(7), EXACT))
    gone = [Text(folded=False, exact=False, value=b"/b"), Text(folded=False, exact=True, value=b"/f")]
    never = [Text(folded=False, exact=False, value=b"/x"), Text(folded=False, exact=True, value=b"/x")]
    new |= {text: [] for text in (*gone, *never)}
    after = finish(paths_in_steps(new, before, fold=False))
    assert new == {}
    assert [found(after, path) for path in ("/a", "/b", "/c", "/e", "/f")] == [5, None, 6, 7, None]
    assert [found(before, path) for path in ("/a", "/b", "/c", "/e", "/f")] == [1, 2, None, 3, 4]
    assert after.buckets.keys() == {b"/a", b"/c"}
    assert after.exact.keys() == {b"/e"}


def test_a_change_of_exact_paths_keeps_the_trie() -> None:
    """Where only exact paths change, what is known of prefixes is the same object; otherwise it is made anew."""
    before = index(("/a", entry(1)), ("/e", entry(2), EXACT))
    exact_only = finish(paths_in_steps(changed(("/f", entry(3), EXACT)), before, fold=False))
    assert exact_only.whole is before.whole
    assert (exact_only.root, exact_only.start) == (before.root, before.start)
    assert [found(exact_only, path) for path in ("/a", "/e", "/f")] == [1, 2, 3]
    folding = index(("/a", entry(1)), ("/e", entry(2), EXACT), fold=True)
    exact_only = finish(paths_in_steps(changed(("/f", entry(3), EXACT)), folding, fold=True))
    assert [found(exact_only, path) for path in ("/A", "/E", "/F")] == [1, 2, 3]
    both = finish(paths_in_steps(changed(("/f", entry(3), EXACT), ("/b", entry(4))), before, fold=False))
    assert both.whole is not before.whole
    assert both.buckets[b"/a"] is before.buckets[b"/a"]
    assert [found(both, path) for path in ("/a", "/b", "/f")] == [1, 4, 3]


ANY_TEXTS = st.text("/ab", max_size=4).map(lambda text: f"/{text}")
PATTERNS = st.dictionaries(ANY_TEXTS, st.lists(st.integers(0, 9).map(entry), min_size=1, max_size=3), max_size=12)


def entries(given: dict[str, list[Entry]], texts: set[str]) -> Changed:
    """Everything that is found by some texts; at `b` a list that is too long to be merged."""
    of = {text: given.get(text, []) * (10 if text.endswith("b") else 1) for text in texts}
    return {
        text_of(pattern): [(pattern, each) for each in of[pattern.value]]
        for pattern in (PathMatcher(PREFIX, text) for text in sorted(texts))
    }


@given(PATTERNS, st.lists(PATTERNS, min_size=1, max_size=4), st.lists(ANY_TEXTS, min_size=1, max_size=10))
def test_an_index_that_changed_is_the_one_made_anew(
    first: dict[str, list[Entry]], later: list[dict[str, list[Entry]]], asked: list[str]
) -> None:
    """Texts put in, replaced and taken out lead where an index of what is there now leads; the one before stays."""
    present, paths = first, finish(paths_in_steps(entries(first, {*first}), fold=False))
    for new in later:
        touched = {text for text in present.keys() | new.keys() if present.get(text) != new.get(text)}
        old = [found(paths, path) for path in asked]
        after = finish(paths_in_steps(entries(new, touched), paths, fold=False))
        assert [found(paths, path) for path in asked] == old
        present, paths = new, after
        anew = finish(paths_in_steps(entries(present, {*present}), fold=False))
        assert [found(paths, path) for path in asked] == [found(anew, path) for path in asked]


def test_a_change_shares_what_it_does_not_touch() -> None:
    """A replaced prefix among many leaves every other segment the same object, and is made in short steps."""
    before = index(*((f"/{number}", entry(9000 - number)) for number in range(5000)))
    new = changed(("/77", entry(8000)))
    steps = paths_in_steps(new, before, fold=False)
    count = 0
    while True:
        try:
            next(steps)
        except StopIteration as done:
            after = done.value
            break
        count += 1
    assert count < 20
    assert (found(after, "/77"), found(before, "/77"), found(after, "/778")) == (8000, 8923, 8000)
    assert after.root is not None
    assert before.root is not None
    pairs = [(after.root.segments[name], old) for name, old in before.root.segments.items()]
    assert sum(new is not old for new, old in pairs) == 1 + 10


Known = tuple[list[int], list[int], int, "Shape | None"]
Shape = dict[bytes, Known]


def shape(node: Node | None) -> Shape | None:
    """What is known at each segment, all the way down: entries met there, those behind the slash, other buckets."""
    if node is None:
        return None
    return {name: _shape_of(known) for name, known in node.segments.items()}


def _shape_of(known: Segment | Compiled) -> Known:
    if isinstance(known, tuple):
        return [], [known[0]], 0, None
    return [e[0] for e in known.merged], [e[0] for e in known.below], len(known.buckets), shape(known.node)


@pytest.mark.parametrize(
    ("given", "gone", "new"),
    [
        (["/a", "/a/x"], "/a", None),
        (["/a", "/a/"], "/a", None),
        (["/a", "/ab"], "/a", None),
        (["/a"], "/ab", 7),
        (["/a/"], "/a/", 7),
        (["/c/d/", "/c"], "/c/d/", 7),
        (["/a", "/a/x", "/a/y"], "/a/x", 7),
    ],
)
def test_a_change_leaves_the_trie_as_if_made_anew_but_for_what_is_shared(
    given: list[str], gone: str, new: int | None
) -> None:
    """One text taken out, put in or replaced: all on the way knows what it has to, all else is the same object."""
    values = [*given, "/other/z"]
    patterns = {value: entry(order) for order, value in enumerate(values)}
    before = index(*patterns.items())
    texts: Changed = {text: [] for text in changed((gone, entry(0)))}
    after = finish(paths_in_steps(texts if new is None else changed((gone, entry(new))), before, fold=False))
    left = {value: meant for value, meant in patterns.items() if value != gone}
    anew = index(*(left if new is None else {**left, gone: entry(new)}).items())
    assert shape(after.whole) == shape(anew.whole)
    assert after.root is not None
    assert before.root is not None
    assert after.root.segments[b"other"] is before.root.segments[b"other"]


def test_what_is_put_below_a_lone_entry_stands_beside_it() -> None:
    """A segment that was nothing but one entry gets a node, and both are found."""
    before = prefixes("/a/", "/b/c")
    after = finish(paths_in_steps(changed(("/a/x", entry(-1))), before, fold=False))
    assert [found(after, path) for path in ("/a/x", "/a/y")] == [-1, 0]


@pytest.mark.parametrize(("number", "shared"), [(16, True), (17, False)])
def test_a_few_changes_are_put_into_the_trie_and_more_make_it_anew(number: int, shared: bool) -> None:
    """Up to sixteen texts leave the segments they do not touch the same objects."""
    before = index(("/other/z", entry(0)), *((f"/{n}", entry(n)) for n in range(20)))
    after = finish(paths_in_steps(changed(*((f"/{n}", entry(99)) for n in range(number))), before, fold=False))
    assert after.root is not None
    assert before.root is not None
    assert (after.root.segments[b"other"] is before.root.segments[b"other"]) is shared
    assert [found(after, f"/{n}/") for n in (0, 15, 17)] == [99, 99, 17]


def test_a_change_that_meets_many_segments_stops_on_the_way() -> None:
    """What every segment meets is laid among all of them, sixteen between two stops."""
    before = index(("/", entry(0)), *((f"/{number}", entry(100 - number)) for number in range(1, 100)))
    steps = paths_in_steps(changed(("/", entry(9999))), before, fold=False)
    assert sum(1 for _ in steps) == pytest.approx(100 // 16 + 4, abs=2)
    after = finish(paths_in_steps(changed(("/", entry(9999))), before, fold=False))
    assert [found(after, path) for path in ("/x", "/77")] == [9999, 23]


@pytest.mark.parametrize(("number", "kind", "steps"), [(160, EXACT, 11), (160, PREFIX, 32), (0, PREFIX, 1)])
def test_an_index_is_made_in_steps_of_sixteen(number: int, kind: PathKind, steps: int) -> None:
    """One step to begin with; for prefixes the trie is made and finished in as many again."""
    patterns = changed(*((f"/{n}", entry(n), kind) for n in range(number)))
    assert sum(1 for _ in paths_in_steps(patterns, fold=False)) == pytest.approx(steps, abs=1)


@pytest.mark.parametrize(("header", "before", "wanted"), [("1", None, 5), ("", None, None), ("1", 3, 3), ("1", 7, 5)])
def test_a_lone_entry_asks_for_its_headers_and_keeps_its_place(
    header: str, before: int | None, wanted: int | None
) -> None:
    """Found as it is, an entry still has conditions to hold, and comes behind what was found before it in the table."""
    paths = index(("/a/", entry(5, "1")))
    assert found(paths, "/a/b", header, None if before is None else entry(before)) == wanted


def test_a_lone_entry_asks_for_what_is_checked_too() -> None:
    """What is no comparison of a header's one value is asked as well, whatever the entry leads to."""
    paths = index(("/a/", Entry(0, frozenset({Condition(HEADER, b"x", ValueKind.REGEX, "1+")}), 0)))
    assert [found(paths, "/a/b", header) for header in ("11", "2")] == [0, None]

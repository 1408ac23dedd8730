"""The index over path patterns: exact paths by dictionary, prefixes and regexes by segment trie.

Every prefix (and every regex, by the literal it must begin with) hangs in a trie of path segments. A
path walks down its own segments, one dictionary lookup each, whatever the size of the table, and
meets every pattern that could match it. Envoy's `prefix` is a plain string prefix, so a pattern may
end inside a segment: a segment that occurs in the table knows those patterns beforehand, any other
is looked up by the lengths there are.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from edgesim.model import PathKind, PathMatcher, RequestHead
from edgesim.routing.conditions import NEVER, Compiled, Entry, Leaf, Place, build, find, find_first, find_in_order
from edgesim.routing.regexes import literal_prefix, which_match

_MERGED = 8
"""Up to so many entries met at one segment are merged into one list in order."""


class Bucket:
    """The patterns that begin with one text: a prefix's place, and regexes with a place each."""

    __slots__ = ("match", "place", "regexes")

    def __init__(self, prefix: list[Entry], regexes: dict[str, list[Entry]]) -> None:
        self.place: Place = build(prefix)
        self.regexes = tuple(build(entries) for entries in regexes.values())
        self.match: Callable[[bytes], list[int] | None] | None = which_match(tuple(regexes)) if regexes else None


class Segment:
    """A known segment: what ends inside or right after it, and the node below it.

    `merged` holds the entries of the buckets that are nothing but short lists, `buckets` the others. `below`
    are the entries met where the path goes on with a slash, when nothing else is below it.
    """

    __slots__ = ("below", "buckets", "merged", "node")

    def __init__(self) -> None:
        self.merged: Leaf = ()
        self.below: Leaf = ()
        self.buckets: tuple[Bucket, ...] = ()
        self.node: Node | None = None


class Node:
    """A place in the trie after a slash. `partial` holds what ends in the next segment.

    A segment with nothing but one entry below it is that entry: most prefixes end in a slash, and so a large
    table is walked through little memory, of which each piece comes from afar. `otherwise` is what any unknown
    segment meets, where that does not depend on the segment.
    """

    __slots__ = ("lengths", "otherwise", "partial", "segments")

    def __init__(self) -> None:
        self.segments: dict[bytes, Segment | Compiled] = {}
        self.partial: dict[bytes, Bucket] = {}
        self.lengths: tuple[int, ...] = ()
        self.otherwise: Segment | None = None


class Text(NamedTuple):
    """What a pattern is found by: a whole path, or the bytes that a path must begin with."""

    folded: bool
    exact: bool
    value: bytes


def text_of(pattern: PathMatcher) -> Text:
    """Return what a pattern is found by; RE2 says what a regex must begin with."""
    if pattern.kind is PathKind.REGEX:
        return Text(folded=False, exact=False, value=_literal_prefix(pattern.value))
    value = pattern.value if pattern.case_sensitive else pattern.value.lower()
    return Text(not pattern.case_sensitive, pattern.kind is PathKind.EXACT, value.encode())


_literal_prefix = lru_cache(maxsize=1 << 14)(literal_prefix)
Changed = dict[Text, list[tuple[PathMatcher, Entry]]]
"""Everything that is found by some texts; nothing for one that is gone."""


class Paths:
    """The index of one virtual host for one case rule; `fold` lower-cases paths before comparing.

    `buckets` is what the trie is made from, kept for the next time.
    """

    __slots__ = ("buckets", "exact", "fold", "root", "start", "whole")

    def __init__(
        self, exact: dict[bytes, Place], buckets: dict[bytes, Bucket], root: Node | None, *, fold: bool
    ) -> None:
        """Take the parts."""
        self.fold = fold
        self.exact = exact
        self.buckets = buckets
        self.whole = root
        self.root, self.start = _below_the_slash(root)


def paths_in_steps(changed: Changed, before: Paths | None = None, *, fold: bool) -> Generator[None, None, Paths]:
    """Build an index in steps: everything, or what changed since `before`. Empties `changed`."""
    exact: dict[bytes, Place] = {} if before is None else dict(before.exact)
    buckets: dict[bytes, Bucket] = {} if before is None else dict(before.buckets)
    yield
    touched = [text.value for text in changed if not text.exact]
    while changed:  # what was used is let go of on the way: all of it at once would take a while
        text, patterns = changed.popitem()
        held: dict[bytes, Any] = exact if text.exact else buckets
        if patterns:
            held[text.value] = build([entry for _, entry in patterns]) if text.exact else _bucket(patterns)
        else:
            held.pop(text.value, None)
        if len(changed) % _AT_ONCE == 0:
            yield
    whole = None if before is None else before.whole
    if whole is not None and len(touched) <= _FEW:
        whole = yield from _changed_trie(whole, {text: buckets.get(text) for text in touched})
    else:
        whole = yield from _trie(buckets)
    return Paths(exact, buckets, whole or (yield from _trie(buckets)), fold=fold)


_AT_ONCE = 16
_LOOKED_AT = 2048
"""Segments only looked at between two stops."""
_FEW = 16
"""Up to so many changed texts are put into a copy of the trie; with more of them it is made anew."""


def _bucket(patterns: list[tuple[PathMatcher, Entry]]) -> Bucket:
    regexes: dict[str, list[Entry]] = {}
    for pattern, entry in patterns:
        if pattern.kind is PathKind.REGEX:
            regexes.setdefault(pattern.value, []).append(entry)
    return Bucket([entry for pattern, entry in patterns if pattern.kind is not PathKind.REGEX], regexes)


def _trie(buckets: dict[bytes, Bucket]) -> Generator[None, None, Node | None]:
    if not buckets:
        return None
    root = Node()
    for number, (text, bucket) in enumerate(buckets.items()):
        *above, last = text.split(b"/")
        node = root
        for name in above:
            segment = _segment(node, name)
            if segment is None:
                segment = node.segments[name] = Segment()
            if segment.node is None:
                segment.node = Node()
            node = segment.node
        node.partial[last] = bucket
        if number % _AT_ONCE == 0:
            yield
    yield from _finish(root)
    return root


def _finish(root: Node) -> Generator[None, None, None]:
    """Give every known segment the buckets that end inside it, so that meeting it costs one lookup."""
    nodes = [root]
    while nodes:
        node = nodes.pop()
        _measure(node)
        for text in node.partial:
            if text not in node.segments:
                node.segments[text] = Segment()
        for number, (text, known) in enumerate(node.segments.items()):
            segment = _opened(known)
            segment.merged, segment.buckets = _merge(ends_inside(node, text))
            if segment.node is not None and (node is root or not _fold(segment, segment.node)):
                nodes.append(segment.node)
            node.segments[text] = _closed(segment)
            if number % _AT_ONCE == 0:
                yield


def _measure(node: Node) -> None:
    """Say how long the patterns are that end in the next segment, and what any unknown one meets."""
    node.lengths = tuple(sorted(set(map(len, node.partial))))
    if node.lengths in {(), (0,)}:
        node.otherwise = Segment()
        node.otherwise.merged, node.otherwise.buckets = _merge(list(node.partial.values()))


def _changed_trie(root: Node, changes: dict[bytes, Bucket | None]) -> Generator[None, None, Node | None]:
    """Return a trie with the buckets of some texts put in, replaced or (None) taken out; it shares all else with this one.

    None where other nodes than those there are would be needed.
    """
    changed: Node | None = root
    for text, bucket in changes.items():
        if changed is not None:
            changed = yield from _with(changed, text, bucket)
    return changed


def _with(root: Node, text: bytes, bucket: Bucket | None) -> Generator[None, None, Node | None]:
    """Return copies of the nodes that lead to one text, with another bucket there: requests use the old ones meanwhile."""
    *above, last = text.split(b"/")
    way: list[tuple[Node, bytes, Segment]] = []
    node: Node | None = root
    for name in above:
        segment = None if node is None else _segment(node, name)
        if node is None or segment is None:
            return None
        way.append((node, name, segment))
        node = segment.node
    if node is None:
        changed, below = None, _short(bucket) if last == b"" and way[-1][2].below else ()
        if not below:
            return None
    else:
        changed, below = (yield from _with_bucket(node, last, bucket)), ()
        if changed is None:
            return None
    for parent, name, segment in reversed(way):
        copied = _copied(segment, segment.merged, segment.buckets)
        copied.node, copied.below = changed, below or segment.below
        changed, below = Node(), ()
        changed.partial, changed.lengths, changed.otherwise = parent.partial, parent.lengths, parent.otherwise
        changed.segments = {**parent.segments, name: _closed(copied)}
        yield
    return changed


def _with_bucket(node: Node, last: bytes, bucket: Bucket | None) -> Generator[None, None, Node | None]:
    """Return a copy of a node with another bucket at one place; None where nothing would be left in it."""
    if bucket is None and last not in node.partial:
        return node
    made = Node()
    made.partial = {**node.partial}
    made.segments = {**node.segments}
    yield
    if bucket is None:
        del made.partial[last]
        left = _opened(made.segments[last])
        if left.node is None and not left.below:
            del made.segments[last]
    else:
        made.partial[last] = bucket
        made.segments.setdefault(last, Segment())
    if not made.segments:
        return None
    _measure(made)
    names = [*made.segments]
    for begin in range(0, len(names), _LOOKED_AT):
        yield
        inside = [name for name in names[begin : begin + _LOOKED_AT] if name.startswith(last)]
        for number, name in enumerate(inside):
            copied = _copied(_opened(made.segments[name]), *_merge(ends_inside(made, name)))
            made.segments[name] = _closed(copied)
            if number % _AT_ONCE == _AT_ONCE - 1:
                yield
    return made


def _copied(segment: Segment, merged: Leaf, buckets: tuple[Bucket, ...]) -> Segment:
    """Return a segment with all that is below another one."""
    copied = Segment()
    copied.merged, copied.buckets = merged, buckets
    copied.below, copied.node = segment.below, segment.node
    return copied


def _short(bucket: Bucket | None) -> Leaf:
    """Return the entries of a bucket that is nothing but a short list, () for any other."""
    merged, others = _merge([] if bucket is None else [bucket])
    return () if others else merged


def _fold(segment: Segment, node: Node) -> bool:
    """Take over a node that holds nothing but a short list right after the slash; tell whether it did."""
    if node.segments or node.partial.keys() != {b""}:
        return False
    merged, others = _merge(list(node.partial.values()))
    if others:
        return False
    segment.below, segment.node = merged, None
    return True


def _segment(node: Node, name: bytes) -> Segment | None:
    known = node.segments.get(name)
    return None if known is None else _opened(known)


def _opened(known: Segment | Compiled) -> Segment:
    """Return what is known of a segment as one that can be changed."""
    if isinstance(known, Segment):
        return known
    segment = Segment()
    segment.below = (known,)
    return segment


def _closed(segment: Segment) -> Segment | Compiled:
    """Return the one entry below a segment where there is nothing else."""
    alone = segment.node is None and not segment.merged and not segment.buckets and len(segment.below) == 1
    return segment.below[0] if alone else segment


def ends_inside(node: Node, segment: bytes) -> list[Bucket]:
    """Return the buckets whose last piece is a string prefix of this segment."""
    partial = node.partial
    longest = len(segment)
    return [bucket for n in node.lengths if n <= longest and (bucket := partial.get(segment[:n])) is not None]


def _merge(buckets: Sequence[Bucket]) -> tuple[Leaf, tuple[Bucket, ...]]:
    lists = [bucket.place for bucket in buckets if bucket.match is None and isinstance(bucket.place, tuple)]
    if sum(map(len, lists)) > _MERGED:
        return (), tuple(buckets)
    others = tuple(b for b in buckets if b.match is not None or not isinstance(b.place, tuple))
    return tuple(sorted((entry for entries in lists for entry in entries), key=lambda entry: entry[0])), others


def _below_the_slash(root: Node | None) -> tuple[Node | None, int]:
    """Every real path begins with a slash: where all patterns do too, the walk begins behind it."""
    if root is not None and not root.partial and root.segments.keys() == {b""}:
        return _opened(root.segments[b""]).node, 1
    return root, 0


def search(paths: Paths, head: RequestHead, best: Compiled | None) -> Compiled | None:
    """Return the first entry that matches the head, if it comes before `best`; otherwise `best`."""
    path = head.path.lower() if paths.fold else head.path
    place = paths.exact.get(path)
    if place is not None:
        best = find(place, head, NEVER if best is None else best[0]) or best
    node = paths.root
    start = paths.start
    if start and not path.startswith(b"/"):
        return best
    while node is not None:
        end = path.find(b"/", start)
        name = path[start:] if end < 0 else path[start:end]
        segment = node.segments.get(name) or node.otherwise
        if isinstance(segment, tuple):
            return best if end < 0 else _alone(segment, head, best)
        if segment is None:
            return _try_all(ends_inside(node, name), head, best)
        if segment.merged:
            best = _first(segment.merged, head, best)
        if segment.buckets:
            best = _try_all(segment.buckets, head, best)
        if end < 0:
            return best
        if segment.below:
            best = _first(segment.below, head, best)
        node = segment.node
        start = end + 1
    return best


def _alone(entry: Compiled, head: RequestHead, best: Compiled | None) -> Compiled | None:
    if best is None and not entry[1] and not entry[2]:
        return entry
    return _first((entry,), head, best)


def _first(leaf: Leaf, head: RequestHead, best: Compiled | None) -> Compiled | None:
    return find_first(leaf, head) if best is None else find_in_order(leaf, head, best[0]) or best


def _try_all(buckets: Sequence[Bucket], head: RequestHead, best: Compiled | None) -> Compiled | None:
    for bucket in buckets:
        best = find(bucket.place, head, NEVER if best is None else best[0]) or best
        if bucket.match is not None:
            for index in bucket.match(head.path) or ():
                best = find(bucket.regexes[index], head, NEVER if best is None else best[0]) or best
    return best

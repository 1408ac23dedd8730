"""The space of paths cut into regions by every literal text that matchers of both sides name.

In a region exact and prefix matchers hold everywhere or nowhere; regexes and texts in any case may hold for
some paths of it, and are asked about one by one.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice

from edgesim.inspect.conditions import path_holds
from edgesim.inspect.diff.entries import Entry
from edgesim.inspect.diff.language import (
    ANYTHING,
    NOTHING,
    Language,
    TooLargeError,
    either,
    joined_examples,
    mask_of,
    text,
    texts,
    then,
)
from edgesim.inspect.diff.meter import Meter
from edgesim.inspect.diff.syntax import UnreadableError, language_of
from edgesim.model import PathKind, PathMatcher
from edgesim.routing.implication import is_open_ended, pattern_text

ROOT = b"/"
_MOST_STATES = 1000
_MOST_BELOW = 300
"""So many longer texts are kept apart by the search itself; of more, what it finds is looked at."""
_MOST_TRIED = 8
"""So many paths that fit what is wanted are tried before what is not wanted is asked about as well."""
_TAILS = (b"", b"x", b"/x", b"/", b"other", b"1", b"-", b"/a/b", b"/1")
_PATH_BYTES = mask_of(range(0x21, 0x7F)) & ~mask_of(b'#?"<>^`{|}\\')
_DOTS = r"(?:.*/)?\.\.?(?:/.*)?"
"""Segments that a proxy has taken away before it routes."""


@dataclass(frozen=True, slots=True)
class Region:
    """One path (`exact`), or every path that begins with a text and with no longer one, nor is a path of its own."""

    text: bytes
    exact: bool


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """An entry that holds for some paths of a region: where `path` does, or everywhere."""

    place: int
    entry: Entry
    path: PathMatcher | None


class Texts:
    """Values by a text, found by every text that begins with it."""

    def __init__(self) -> None:
        """Begin without any."""
        self.values: dict[bytes, list[tuple[int, Entry]]] = defaultdict(list)
        self._lengths: list[int] = []
        self._sorted: list[bytes] = []

    def close(self) -> None:
        """All values are in."""
        self._lengths = sorted({len(each) for each in self.values})
        self._sorted = sorted(self.values)

    def beginning(self, whole: bytes) -> Iterator[tuple[int, Entry]]:
        """Yield what is under a beginning of a text, the text itself included."""
        for length in self._lengths:
            if length <= len(whole) and (found := self.values.get(whole[:length])) is not None:
                yield from found

    def below(self, begun: bytes) -> Iterator[tuple[int, Entry]]:
        """Yield what is under longer texts."""
        for index in range(bisect_left(self._sorted, begun + b"\0"), len(self._sorted)):
            if not self._sorted[index].startswith(begun):
                return
            yield from self.values[self._sorted[index]]


class Side:
    """The entries of one side, found by region."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        """Take the entries in order."""
        self.entries = entries
        self.prefixes, self.loose = Texts(), Texts()
        self.exact: dict[bytes, list[tuple[int, Entry]]] = defaultdict(list)
        for place, entry in enumerate(entries):
            self._put(place, entry)
        self.prefixes.close()
        self.loose.close()

    def _put(self, place: int, entry: Entry) -> None:
        if not is_literal(entry.path):
            self.loose.values[entry.text.lower()].append((place, entry))
        elif entry.path.kind is PathKind.EXACT:
            self.exact[entry.text].append((place, entry))
        elif (start := started(entry.text)) is not None:
            self.prefixes.values[start].append((place, entry))

    def candidates(self, region: Region) -> list[Candidate]:
        """Return the entries that may hold in a region, in order."""
        found = [Candidate(place, entry, None) for place, entry in self.prefixes.beginning(region.text)]
        if region.exact:
            found += [Candidate(place, entry, None) for place, entry in self.exact.get(region.text, ())]
        folded = region.text.lower()
        loose = [*self.loose.beginning(folded), *(() if region.exact else self.loose.below(folded))]
        for place, entry in loose:
            holds = _holds_in(entry.path, region)
            if holds is not False:
                found.append(Candidate(place, entry, None if holds else entry.path))
        return sorted(found, key=lambda each: each.place)


def is_literal(path: PathMatcher) -> bool:
    """Tell whether a path is compared byte by byte."""
    return path.kind is not PathKind.REGEX and path.case_sensitive


def started(prefix: bytes) -> bytes | None:
    """Return a prefix as one of paths, which all begin with a slash; None where it is of none."""
    if ROOT.startswith(prefix):
        return ROOT
    return prefix if prefix.startswith(ROOT) else None


def _holds_in(path: PathMatcher, region: Region) -> bool | None:
    """Tell whether a pattern holds everywhere in a region, nowhere, or (None) perhaps somewhere."""
    if region.exact:
        return path_matches(path, region.text)
    if path.kind is PathKind.REGEX:
        return True if is_open_ended(path.value) and path_matches(path, region.text) else None
    folded, own = region.text.lower(), pattern_text(path)
    if path.kind is PathKind.PREFIX and folded.startswith(own):
        return True
    return None if own.startswith(folded) else False


@lru_cache(maxsize=1 << 15)
def path_matches(path: PathMatcher, asked: bytes) -> bool:
    """Tell whether a path fits a pattern."""
    return path_holds(path, asked)


PathKnown = tuple[tuple[PathMatcher, bool], ...]
"""Patterns that a path fits, or does not."""


@dataclass(slots=True)
class Territory:
    """Every region of two sides; `as_read` tells what a listener makes of a path."""

    sides: tuple[Side, Side]
    as_read: Callable[[bytes], bytes | None]
    exact: frozenset[bytes] = frozenset()
    prefixes: frozenset[bytes] = frozenset()
    lengths: tuple[int, ...] = ()
    _ordered: list[bytes] = field(default_factory=list)
    _found: dict[tuple[Region, PathKnown], bytes | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.exact = frozenset(
            each for side in self.sides for each in side.exact if each.startswith(ROOT) and self.as_read(each) == each
        )
        self.prefixes = frozenset((ROOT, *(each for side in self.sides for each in side.prefixes.values)))
        self.lengths = tuple(sorted(set(map(len, self.prefixes)), reverse=True))
        self._ordered = sorted(self.exact | self.prefixes)

    def regions(self) -> Iterator[Region]:
        """Yield the regions in which a changed entry may hold, shorter texts first."""
        changed = _Changed([entry for side in self.sides for entry in side.entries if entry.changed])
        every = [*(Region(each, False) for each in self.prefixes), *(Region(each, True) for each in self.exact)]
        yield from sorted(filter(changed.may_meet, every), key=lambda each: (len(each.text), each.text, each.exact))

    def region_of(self, path: bytes) -> Region:
        """Return the region of a path that begins with a slash."""
        if path in self.exact:
            return Region(path, True)
        found = (path[:length] for length in self.lengths if length <= len(path))
        return Region(next(each for each in found if each in self.prefixes), False)

    def path(self, region: Region, known: PathKnown, meter: Meter | None = None) -> bytes | None:
        """Return a path of a region that fits these patterns and not those; None where there is none.

        Where that cannot be found out, or not with what is left on the meter, some path is returned: who makes a
        request of it sees it fail.
        """
        key = region, known
        if key in self._found:
            return self._found[key]
        found = self._path(region, known, meter)
        if meter is None or not meter.spent:
            self._found[key] = found
        return found

    def _path(self, region: Region, known: PathKnown, meter: Meter | None) -> bytes | None:
        for tail in (b"",) if region.exact else _TAILS:
            if self._fits(region.text + tail, region, known):
                return region.text + tail
        return None if region.exact else self._searched(region, known, meter)

    def _fits(self, path: bytes, region: Region, known: PathKnown) -> bool:
        if self.region_of(path) != region or self.as_read(path) != path:
            return False
        return all(path_matches(pattern, path) is holds for pattern, holds in known)

    def _searched(self, region: Region, known: PathKnown, meter: Meter | None) -> bytes | None:
        below = [*self._below(region)]
        try:
            wanted = [then(text(region.text), ANYTHING), *(_language(path) for path, holds in known if holds)]
            refused = [language_of(_DOTS), *(_language(path) for path, holds in known if not holds)]
            joined = region.text + joined_examples(wanted[1:], _PATH_BYTES, meter)
            if self._fits(joined, region, known):
                return joined
            for found in islice(texts(wanted, refused[:1], _PATH_BYTES, _MOST_STATES, meter), _MOST_TRIED):
                if self._fits(found, region, known):
                    return found
            if len(below) <= _MOST_BELOW:
                refused.append(either(below))
            for found in texts(wanted, refused, _PATH_BYTES, _MOST_STATES, meter):
                if self._fits(found, region, known):
                    return found
        except (UnreadableError, TooLargeError):
            return region.text
        return None if len(below) <= _MOST_BELOW else region.text

    def texts_from(self, begun: bytes) -> Iterator[bytes]:
        """Yield the texts of regions that begin with a text, itself first if it is one."""
        for index in range(bisect_left(self._ordered, begun), len(self._ordered)):
            if not self._ordered[index].startswith(begun):
                return
            yield self._ordered[index]

    def _below(self, region: Region) -> Iterator[Language]:
        for longer in self.texts_from(region.text):
            if longer == region.text or longer not in self.prefixes:
                yield text(longer) if longer in self.exact else NOTHING
            else:
                yield then(text(longer), ANYTHING)


def _language(path: PathMatcher) -> Language:
    if path.kind is PathKind.REGEX:
        return language_of(path.value)
    own = text(pattern_text(path), fold=not path.case_sensitive)
    return own if path.kind is PathKind.EXACT else then(own, ANYTHING)


class _Changed:
    """Tells which regions a changed entry may hold in."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._prefixes: set[bytes] = set()
        self._exact: set[bytes] = set()
        self._loose: set[bytes] = set()
        for entry in entries:
            start = started(entry.text)
            if not is_literal(entry.path):
                self._loose.add(entry.text.lower())
            elif entry.path.kind is PathKind.EXACT:
                self._exact.add(entry.text)
            elif start is not None:
                self._prefixes.add(start)
        self._lengths = sorted({len(each) for each in self._prefixes})

    def may_meet(self, region: Region) -> bool:
        """Tell whether a changed entry may hold in a region."""
        if region.exact and region.text in self._exact:
            return True
        if any(region.text[:length] in self._prefixes for length in self._lengths if length <= len(region.text)):
            return True
        folded = region.text.lower()
        return any(folded.startswith(each) or (not region.exact and each.startswith(folded)) for each in self._loose)

"""When one matcher holds, does another hold too? Sound, not complete: a yes is always true.

A route is hidden when every request it matches is matched by an earlier one. What is asked here is the same
for a table of two routes and of 25,000: the conditions a condition implies are a set, so that an index can
look them up instead of comparing all pairs (edgesim/inspect/lint_hidden.py).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import lru_cache

from edgesim.model import PathKind, PathMatcher, RouteMatch, ValueKind
from edgesim.routing.conditions import QUERY, Condition, conditions_of
from edgesim.routing.regexes import full_match, literal_prefix

_REMEMBERED = 65536
_LITERAL = re.compile(r"(?:[A-Za-z0-9/:@_~!&',=;%-]|\\[!-/:-@\[-`{-~])*")
"""A regex, or the beginning of one, that matches nothing but its own text."""
_OPEN_END = re.compile(r"(?:[^\\]|\\.)*\.\*", re.DOTALL)
_TAIL_DEPENDS = re.compile(r"[|$]|\\[a-zA-Z]|\(\?")
"""What may make a match depend on what follows it: alternatives, anchors, flags."""


def conditions_imply(later: RouteMatch, earlier: RouteMatch) -> bool:
    """Tell whether the headers, parameters and methods of `earlier` hold wherever those of `later` do."""
    alternatives = [*conditions_of(earlier)]
    wanted = frozenset().union(*alternatives)
    for own in conditions_of(later):
        implied = implied_among(own, wanted)
        if not any(each <= implied for each in alternatives):
            return False
    return True


def implied_among(given: Iterable[Condition], wanted: Iterable[Condition]) -> frozenset[Condition]:
    """Return those of the wanted conditions that hold wherever all the given do."""
    held = tuple(given)
    return frozenset(each for each in wanted if any(_implies(own, each) for own in held))


@lru_cache(maxsize=_REMEMBERED)
def _implies(own: Condition, other: Condition) -> bool:
    if own == other:
        return True
    if own.about != other.about:
        return False
    if own.kind is ValueKind.PRESENT and own.invert:
        return False  # absent, and every other condition but itself needs it to be there
    if other.kind is ValueKind.PRESENT:
        return not other.invert
    if own.kind is not ValueKind.EXACT or own.invert:
        return False
    holds = _value_holds(own.value, other)
    # A header may come in several lines, and an inverted matcher wants none of them to match.
    return holds if not other.invert else is_single(other) and not holds


def _value_holds(value: str, of: Condition) -> bool:
    return value == of.value if of.kind is ValueKind.EXACT else bool(_matches(of.value)(value.encode()))


@lru_cache(maxsize=1024)
def _matches(pattern: str) -> Callable[[bytes], object]:
    return full_match(pattern)


def is_single(condition: Condition) -> bool:
    """Tell whether there is never more than one value: of a query the first counts, pseudo headers come once."""
    return condition.part == QUERY or condition.name.startswith(b":")


# --- paths ------------------------------------------------------------------------------------------------


def path_implies(later: PathMatcher, earlier: PathMatcher) -> bool:
    """Tell whether every path that `later` matches is matched by `earlier` too."""
    own, other = plain_path(later), plain_path(earlier)
    if other.kind is PathKind.REGEX:
        return _under_regex(own, other.value)
    if other.kind is PathKind.EXACT and own.kind is not PathKind.EXACT:
        return False
    text, wanted = certain_text(own), pattern_text(other)
    if not other.case_sensitive:
        text = text.lower()
    elif not own.case_sensitive and _has_case(wanted):
        return False  # the later one takes other spellings too
    return text == wanted if other.kind is PathKind.EXACT else text.startswith(wanted)


def _under_regex(own: PathMatcher, pattern: str) -> bool:
    if own.kind is PathKind.REGEX:
        return own.value == pattern
    text = certain_text(own)
    if not own.case_sensitive and _has_case(text):
        return False
    return (own.kind is PathKind.EXACT or is_open_ended(pattern)) and bool(_matches(pattern)(text))


@lru_cache(maxsize=_REMEMBERED)
def certain_text(path: PathMatcher) -> bytes:
    """Return what every matching path begins with (is, for an exact one); lower case where case does not count."""
    return literal_prefix(path.value) if path.kind is PathKind.REGEX else pattern_text(path)


def pattern_text(path: PathMatcher) -> bytes:
    """Return the text of a prefix or exact path in the form the route table compares."""
    return (path.value if path.case_sensitive else path.value.lower()).encode()


def _has_case(text: bytes) -> bool:
    return text.lower() != text.upper()


@lru_cache(maxsize=_REMEMBERED)
def is_open_ended(pattern: str) -> bool:
    """Tell whether a regex that matches a text matches whatever begins with that text."""
    return _OPEN_END.fullmatch(pattern) is not None and _TAIL_DEPENDS.search(pattern) is None


@lru_cache(maxsize=_REMEMBERED)
def plain_path(path: PathMatcher) -> PathMatcher:
    """Return the prefix or exact path that a regex is the same as; any other path as it is."""
    if path.kind is not PathKind.REGEX:
        return path
    pattern = path.value.removeprefix("^")  # a path is matched as a whole: anchors say nothing
    end = _LITERAL.match(pattern)
    assert end is not None
    literal, rest = re.sub(r"\\(.)", r"\1", end[0]), pattern[end.end() :].removesuffix("$")
    kinds = {"": PathKind.EXACT, ".*": PathKind.PREFIX, "(.*)": PathKind.PREFIX, "(?:.*)": PathKind.PREFIX}
    return PathMatcher(kinds[rest], literal) if rest in kinds else path

"""The conditions of a matcher one by one, as people read them: which one fails first for a request.

Headers and query parameters are tested by the router's own compiled conditions, so that the two
cannot disagree; a property test holds the paths to the index.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from os.path import commonprefix

from edgesim.model import HeaderMatcher, PathKind, PathMatcher, QueryMatcher, RequestHead, RouteMatch, ValueKind
from edgesim.routing.conditions import Condition, Entry, compiled, find_first, lines_of
from edgesim.routing.query import parameters
from edgesim.routing.regexes import full_match


@dataclass(frozen=True, slots=True)
class Failure:
    """The first condition of a matcher that does not hold: `path`, `method`, `header` or `query`, and what was there."""

    part: str
    condition: str
    actual: str


@dataclass(frozen=True, slots=True, order=True)
class Nearness:
    """How far a matcher got: the conditions that held, or how many characters of the path agree."""

    held: int
    path: int


def failure(match: RouteMatch, head: RequestHead) -> tuple[Failure | None, Nearness]:
    """Return the first condition that fails, None if all hold, and how far the matcher got.

    The head must hold the pseudo headers (`routing.with_pseudo_headers`).
    """
    if not path_holds(match.path, head.path):
        missed = Failure("path", path_text(match.path), f"the path is {_text(head.path)}")
        return missed, Nearness(0, _shared(match.path, head.path))
    held = 1
    for failed in _tested(match, head):
        if failed is not None:
            return failed, Nearness(held, 0)
        held += 1
    return None, Nearness(held, 0)


def _tested(match: RouteMatch, head: RequestHead) -> Iterator[Failure | None]:
    """Yield for each condition behind the path None where it holds."""
    if match.methods:
        fails = head.method.decode("latin-1") not in match.methods
        yield Failure("method", methods_text(match), f"the method is {_text(head.method)}") if fails else None
    for header in match.headers:
        condition = Condition(False, header.name.encode(), header.kind, header.value, header.invert)
        yield None if _holds(condition, head) else Failure("header", header_text(header), _header_was(header, head))
    for query in match.query:
        condition = Condition(True, query.name.encode(), query.kind, query.value)
        yield None if _holds(condition, head) else Failure("query", query_text(query), _query_was(query, head))


def _holds(condition: Condition, head: RequestHead) -> bool:
    return find_first((compiled(Entry(0, frozenset((condition,)), None)),), head) is not None


def path_holds(pattern: PathMatcher, path: bytes) -> bool:
    """Tell whether a path fits its pattern (Envoy's `prefix` is a plain prefix of the text)."""
    if pattern.kind is PathKind.REGEX:
        return bool(full_match(pattern.value)(path))
    text, value = path, pattern.value.encode()
    if not pattern.case_sensitive:
        text, value = path.lower(), pattern.value.lower().encode()
    return text == value if pattern.kind is PathKind.EXACT else text.startswith(value)


def _shared(pattern: PathMatcher, path: bytes) -> int:
    return len(commonprefix([pattern.value.encode(), path]))  # noqa: RUF071  # by character is what is meant


# --- in words ----------------------------------------------------------------------------------------


def match_text(match: RouteMatch) -> str:
    """Write a whole matcher on one line."""
    parts = [path_text(match.path)]
    if match.methods:
        parts.append(methods_text(match))
    parts += [f"header {header_text(header)}" for header in match.headers]
    parts += [f"query {query_text(query)}" for query in match.query]
    return ", ".join(parts)


def path_text(pattern: PathMatcher) -> str:
    """Write a path's pattern as Gloo names it."""
    folded = not pattern.case_sensitive and pattern.kind is not PathKind.REGEX
    return f"{pattern.kind.value} {pattern.value}{' (in any case)' if folded else ''}"


def methods_text(match: RouteMatch) -> str:
    """Write the methods a matcher takes."""
    return f"method {' or '.join(match.methods)}"


def header_text(header: HeaderMatcher) -> str:
    """Write the condition of a header."""
    return f"{header.name} {_value_text(header.kind, header.value, invert=header.invert)}"


def query_text(query: QueryMatcher) -> str:
    """Write the condition of a query parameter."""
    return f"{query.name} {_value_text(query.kind, query.value, invert=False)}"


def _value_text(kind: ValueKind, value: str, *, invert: bool) -> str:
    if kind is ValueKind.PRESENT:
        return "is absent" if invert else "is there"
    verb = {True: ("is not", "does not match"), False: ("is", "matches")}[invert][kind is ValueKind.REGEX]
    return f"{verb} {value}" if value else f"{verb} empty"


def _header_was(header: HeaderMatcher, head: RequestHead) -> str:
    lines = lines_of(head, header.name.encode())
    return f"it is {', '.join(map(_text, lines)) or 'empty'}" if lines else "there is none"


def _query_was(query: QueryMatcher, head: RequestHead) -> str:
    value = parameters(head.query or b"").get(query.name.encode()) if head.query else None
    return "there is none" if value is None else f"it is {_text(value) or 'empty'}"


def _text(data: bytes) -> str:
    return data.decode("utf-8", "backslashreplace")

"""The conditions of a matcher one by one, as people read them: which one fails first for a request.

What is behind the path is tested by the router's own compiled conditions, so that the two
cannot disagree; a property test holds the paths to the index.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from os.path import commonprefix

from edgesim.model import PathKind, PathMatcher, RequestHead, RouteMatch, ValueKind
from edgesim.routing.conditions import LINES, Condition, Entry, compiled, find_first, shared_conditions
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
    for condition in shared_conditions(match):
        holds = _holds(condition, head)
        yield None if holds else Failure(condition.part, condition_text(condition), _was(condition, head))


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
    parts += [f"{condition.part} {condition_text(condition)}" for condition in shared_conditions(match)]
    return ", ".join(parts)


def path_text(pattern: PathMatcher) -> str:
    """Write a path's pattern as Gloo names it."""
    folded = not pattern.case_sensitive and pattern.kind is not PathKind.REGEX
    return f"{pattern.kind.value} {pattern.value}{' (in any case)' if folded else ''}"


def methods_text(match: RouteMatch) -> str:
    """Write the methods a matcher takes."""
    return f"method {' or '.join(match.methods)}"


def condition_text(condition: Condition) -> str:
    """Write a condition on a header, a parameter or whatever else has names."""
    name, is_regex = condition.name.decode(), condition.kind is ValueKind.REGEX
    if condition.kind is ValueKind.PRESENT:
        return f"{name} is absent" if condition.invert else f"{name} is there"
    verb = {True: ("is not", "does not match"), False: ("is", "matches")}[condition.invert][is_regex]
    return f"{name} {verb} {condition.value or 'empty'}"


def _was(condition: Condition, head: RequestHead) -> str:
    lines = LINES[condition.part](head, condition.name)
    return f"it is {', '.join(map(_text, lines)) or 'empty'}" if lines else "there is none"


def _text(data: bytes) -> str:
    return data.decode("utf-8", "backslashreplace")

"""What is known of a request's method, headers and parameters: conditions that hold and that do not.

A name is taken to have one value. (A header in several lines may match two exact values at once; such
requests are not told apart.)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from typing import NamedTuple

from edgesim.inspect.diff.language import ANY_BYTE, Language, TooLargeError, joined_examples, mask_of, text, texts
from edgesim.inspect.diff.meter import Meter
from edgesim.inspect.diff.syntax import UnreadableError, language_of
from edgesim.inspect.requests import is_token
from edgesim.model import ValueKind
from edgesim.routing.conditions import HEADER, METHOD, QUERY, Condition, Name
from edgesim.routing.regexes import full_match

_MOST_STATES = 2000
_ALWAYS_THERE = frozenset((METHOD, b":authority", b":path", b":scheme", b"host", b"x-forwarded-proto"))
_METHODS = (b"GET", b"POST", b"PUT", b"DELETE", b"PATCH", b"HEAD", b"OPTIONS", b"PURGE")
_SCHEMES = (b"http", b"https")
_USUAL: Mapping[Name, Sequence[bytes]] = {(HEADER, METHOD): _METHODS, (HEADER, b":scheme"): _SCHEMES}
_PLAIN = (b"x", b"1", b"other", b"a-b")
_HEADER_BYTES = ANY_BYTE & ~mask_of((*range(32), 127))
_METHOD_BYTES = mask_of(each for each in range(0x21, 0x7F) if is_token(chr(each)))
_QUERY_BYTES = mask_of(range(0x21, 0x7F)) & ~mask_of(b"#&")


class Literal(NamedTuple):
    """A condition, never an inverted one, that holds or does not."""

    condition: Condition
    holds: bool


Known = tuple[Literal, ...]
"""What is known of one name."""
Value = tuple[bytes, ...]
"""The only value of a name, or none: it is absent."""


def literals_of(condition: Condition) -> Iterator[Literal]:
    """Yield what a condition comes to: an inverted one on a value also asks for the header to be there."""
    plain = condition._replace(invert=False)
    if condition.invert and condition.kind is not ValueKind.PRESENT:
        yield Literal(plain._replace(kind=ValueKind.PRESENT, value=""), True)
    yield Literal(plain, not condition.invert)


def truth(known: Known, asked: Condition, meter: Meter | None = None) -> bool | None:
    """Tell whether a condition holds where these literals do; None where it may or may not."""
    for condition, holds in known:
        if holds and condition.kind is ValueKind.EXACT:
            return _holds(asked, condition.value.encode())
    for condition, holds in known:
        if condition == asked:
            return holds
    if value(known, Literal(asked, True), meter=meter) is None:
        return False
    return True if value(known, Literal(asked, False), meter=meter) is None else None


def value(known: Known, *more: Literal, meter: Meter | None = None) -> Value | None:
    """Return a value that satisfies literals about one name, None where there is none.

    Where that cannot be found out, some value is returned: who builds a request of it sees it fail.
    """
    literals = (*known, *more)
    name = literals[0].condition.about
    there = [literal for literal in literals if literal.holds]
    if not there and (name[0] != HEADER or name[1] not in _ALWAYS_THERE):
        return ()  # every literal that does not hold is satisfied by absence
    wanted = [each.condition for each in there if each.condition.kind is not ValueKind.PRESENT]
    refused = [each.condition for each in literals if not each.holds]
    if any(each.kind is ValueKind.PRESENT for each in refused):
        return None
    found = _value(name, wanted, refused, meter)
    return None if found is None else (found,)


def _value(name: Name, wanted: Sequence[Condition], refused: Sequence[Condition], meter: Meter | None) -> bytes | None:
    exact = [each.value.encode() for each in wanted if each.kind is ValueKind.EXACT]
    usual = _USUAL.get(name, _PLAIN)
    for candidate in exact[:1] or usual:
        if _may_be(name, candidate) and _all_hold(wanted, refused, candidate):
            return candidate
    return None if exact or usual is _SCHEMES else _searched(name, wanted, refused, meter)


def _may_be(name: Name, candidate: bytes) -> bool:
    return name != (HEADER, METHOD) or is_token(candidate.decode())


def _all_hold(wanted: Sequence[Condition], refused: Sequence[Condition], candidate: bytes) -> bool:
    return all(_holds(each, candidate) for each in wanted) and not any(_holds(each, candidate) for each in refused)


def _searched(
    name: Name, wanted: Sequence[Condition], refused: Sequence[Condition], meter: Meter | None
) -> bytes | None:
    alphabet = _QUERY_BYTES if name[0] == QUERY else _METHOD_BYTES if name[1] == METHOD else _HEADER_BYTES
    try:
        needed, barred = [*map(_language, wanted)], [*map(_language, refused)]
        joined = joined_examples(needed, alphabet, meter)
        if joined and _may_be(name, joined) and _all_hold(wanted, refused, joined):
            return joined
        found = texts(needed, barred, alphabet, _MOST_STATES, meter)
        # A header's value neither begins nor ends with a space, and an example is better not empty.
        best = [each for each, _ in zip((each for each in found if each == each.strip()), range(2), strict=False)]
    except (UnreadableError, TooLargeError):
        return _PLAIN[0]
    return next((each for each in chain(filter(None, best), best) if _may_be(name, each)), None)


def _language(condition: Condition) -> Language:
    if condition.kind is ValueKind.EXACT:
        return text(condition.value.encode())
    return language_of(condition.value)


def _holds(condition: Condition, candidate: bytes) -> bool:
    match condition.kind:
        case ValueKind.PRESENT:
            return True
        case ValueKind.EXACT:
            return candidate == condition.value.encode()
    return bool(_match(condition.value, candidate))


@lru_cache(maxsize=1 << 14)
def _match(pattern: str, candidate: bytes) -> bool:
    return bool(_matcher(pattern)(candidate))


_matcher = lru_cache(maxsize=4096)(full_match)

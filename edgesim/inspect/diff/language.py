"""Languages of bytes, as regular expressions that are derived byte by byte (Brzozowski, 1964).

They answer what RE2 cannot be asked: is there a text that these patterns match and those do not, and
which is the shortest?
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

_REMEMBERED = 1 << 16
ANY_BYTE = (1 << 256) - 1
_PREFERRED = b"abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ/-_.~"
"""Bytes that people like to read in an example, the best first."""


class TooLargeError(Exception):
    """A question with more states than allowed."""


@dataclass(frozen=True, slots=True)
class Nothing:
    """No text at all."""


@dataclass(frozen=True, slots=True)
class Empty:
    """The empty text."""


@dataclass(frozen=True, slots=True)
class Bytes:
    """One byte of a set: bit N of the mask stands for byte N."""

    mask: int


@dataclass(frozen=True, slots=True)
class Then:
    """One after the other."""

    first: Language
    second: Language


@dataclass(frozen=True, slots=True)
class Either:
    """One of several."""

    options: frozenset[Language]


@dataclass(frozen=True, slots=True)
class Many:
    """As often as one likes, also not at all."""

    inner: Language


Language = Nothing | Empty | Bytes | Then | Either | Many
NOTHING, EMPTY = Nothing(), Empty()
ANYTHING = Many(Bytes(ANY_BYTE))


def then(first: Language, second: Language) -> Language:
    """Return one language after the other; everything hangs to the right, so that equal ones are equal."""
    if NOTHING in {first, second}:
        return NOTHING
    if first == EMPTY:
        return second
    if second == EMPTY:
        return first
    if isinstance(first, Then):
        return Then(first.first, then(first.second, second))
    return Then(first, second)


def either(options: Iterable[Language]) -> Language:
    """Return the union of languages."""
    found: set[Language] = set()
    for option in options:
        found |= option.options if isinstance(option, Either) else {option}
    found.discard(NOTHING)
    if ANYTHING in found:
        return ANYTHING
    if not found:
        return NOTHING
    return next(iter(found)) if len(found) == 1 else Either(frozenset(found))


def many(inner: Language) -> Language:
    """Return a language repeated."""
    if inner in {NOTHING, EMPTY}:
        return EMPTY
    return inner if isinstance(inner, Many) else Many(inner)


def mask_of(values: Iterable[int]) -> int:
    """Return the mask of some bytes."""
    mask = 0
    for value in values:
        mask |= 1 << value
    return mask


def text(value: bytes, *, fold: bool = False) -> Language:
    """Return the language of one text, with `fold` in any case of its ASCII letters."""
    found: Language = EMPTY
    for byte in reversed(value):
        cases = {byte, *bytes([byte]).lower(), *bytes([byte]).upper()} if fold else {byte}
        found = then(Bytes(mask_of(cases)), found)
    return found


@lru_cache(maxsize=_REMEMBERED)
def accepts_empty(language: Language) -> bool:
    """Tell whether the empty text belongs to a language."""
    match language:
        case Empty() | Many():
            return True
        case Then(first, second):
            return accepts_empty(first) and accepts_empty(second)
        case Either(options):
            return any(map(accepts_empty, options))
    return False


@lru_cache(maxsize=_REMEMBERED)
def derived(language: Language, byte: int) -> Language:
    """Return what may follow a byte."""
    match language:
        case Bytes(mask):
            return EMPTY if mask >> byte & 1 else NOTHING
        case Then(first, second):
            after = then(derived(first, byte), second)
            return either((after, derived(second, byte))) if accepts_empty(first) else after
        case Either(options):
            return either(derived(option, byte) for option in options)
        case Many(inner):
            return then(derived(inner, byte), language)
    return NOTHING


def texts(wanted: Sequence[Language], refused: Sequence[Language], alphabet: int, most: int) -> Iterator[bytes]:
    """Yield texts that belong to all of the wanted languages and none of the refused, shortest first.

    One of each sort that can be told apart. Raises TooLargeError after `most` states.
    """
    letters = _letters((*wanted, *refused), alphabet)
    begin = tuple(wanted), tuple(refused)
    seen = {begin}
    waiting = deque([(b"", begin)])
    while waiting:
        found, (needed, barred) = waiting.popleft()
        if all(map(accepts_empty, needed)) and not any(map(accepts_empty, barred)):
            yield found
        for letter in letters:
            state = tuple(derived(each, letter) for each in needed), tuple(derived(each, letter) for each in barred)
            if state in seen or NOTHING in state[0] or ANYTHING in state[1]:
                continue
            if len(seen) >= most:
                raise TooLargeError
            seen.add(state)
            waiting.append((found + bytes([letter]), state))


def _letters(languages: Sequence[Language], alphabet: int) -> list[int]:
    """Return one byte for each set of bytes that no language tells apart, the most readable."""
    classes = {alphabet}
    for mask in set().union(*map(_masks, languages)):
        classes = {part for each in classes for part in (each & mask, each & ~mask) if part}
    order = [*_PREFERRED, *(byte for byte in range(256) if byte not in _PREFERRED)]
    ranks = {byte: rank for rank, byte in enumerate(order)}
    return sorted((next(byte for byte in order if each >> byte & 1) for each in classes), key=ranks.__getitem__)


@lru_cache(maxsize=_REMEMBERED)
def _masks(language: Language) -> frozenset[int]:
    match language:
        case Bytes(mask):
            return frozenset((mask,))
        case Then(first, second):
            return _masks(first) | _masks(second)
        case Either(options):
            return frozenset().union(*map(_masks, options))
        case Many(inner):
            return _masks(inner)
    return frozenset()

"""Languages of bytes, as regular expressions that are derived byte by byte (Brzozowski, 1964).

They answer what RE2 cannot be asked: is there a text that these patterns match and those do not, and
which is the shortest?
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar
from weakref import WeakValueDictionary

from edgesim.inspect.diff.meter import Meter

_REMEMBERED = 1 << 16
_GUESSED = 3
"""Of so many languages at once a text is guessed before it is searched for, which takes their product."""
_MOST_OF_ONE = 200
ANY_BYTE = (1 << 256) - 1
_PREFERRED = b"abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ/-_.~"
"""Bytes that people like to read in an example, the best first."""


class TooLargeError(Exception):
    """A question with more states than allowed."""


# Equal languages are one object, so that they are compared and looked up by identity: `then`, `either`, `many`
# and `one_of` make them, nothing else does.


@dataclass(frozen=True, slots=True, weakref_slot=True, eq=False)
class Nothing:
    """No text at all."""


@dataclass(frozen=True, slots=True, weakref_slot=True, eq=False)
class Empty:
    """The empty text."""


@dataclass(frozen=True, slots=True, weakref_slot=True, eq=False)
class Bytes:
    """One byte of a set: bit N of the mask stands for byte N."""

    mask: int


@dataclass(frozen=True, slots=True, weakref_slot=True, eq=False)
class Then:
    """One after the other."""

    first: Language
    second: Language


@dataclass(frozen=True, slots=True, weakref_slot=True, eq=False)
class Either:
    """One of several."""

    options: frozenset[Language]


@dataclass(frozen=True, slots=True, weakref_slot=True, eq=False)
class Many:
    """As often as one likes, also not at all."""

    inner: Language


Language = Nothing | Empty | Bytes | Then | Either | Many
_Made = TypeVar("_Made", Bytes, Then, Either, Many)
_MADE: WeakValueDictionary[Hashable, Language] = WeakValueDictionary()


def _the(made: _Made, *key: Hashable) -> _Made:
    """Return the one language that is like this."""
    found = _MADE.setdefault((type(made), *key), made)
    assert isinstance(found, type(made))
    return found


def one_of(mask: int) -> Language:
    """Return the language of one byte out of a set."""
    return _the(Bytes(mask), mask) if mask else NOTHING


def then(first: Language, second: Language) -> Language:
    """Return one language after the other; everything hangs to the right, so that equal ones are equal."""
    if first is NOTHING or second is NOTHING:
        return NOTHING
    if first is EMPTY:
        return second
    if second is EMPTY:
        return first
    if isinstance(first, Then):
        return then(first.first, then(first.second, second))
    return _the(Then(first, second), first, second)


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
    return next(iter(found)) if len(found) == 1 else _the(Either(frozenset(found)), frozenset(found))


def many(inner: Language) -> Language:
    """Return a language repeated."""
    if inner is NOTHING or inner is EMPTY:
        return EMPTY
    return inner if isinstance(inner, Many) else _the(Many(inner), inner)


NOTHING, EMPTY = Nothing(), Empty()
ANYTHING = many(one_of(ANY_BYTE))


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
        found = then(one_of(mask_of(cases)), found)
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


def texts(
    wanted: Iterable[Language], refused: Iterable[Language], alphabet: int, most: int, meter: Meter | None = None
) -> Iterator[bytes]:
    """Yield texts that belong to all of the wanted languages and none of the refused, shortest first.

    One of each sort that can be told apart. Raises TooLargeError after `most` states, or when the meter is spent.
    """
    needed, barred = (frozenset(confined(each, alphabet) for each in side) for side in (wanted, refused))
    begin = needed - {ANYTHING}, barred - {NOTHING}
    if NOTHING in needed or ANYTHING in barred:
        return
    letters = _letters((*needed, *barred), alphabet)
    seen, waiting = {begin}, deque([(b"", begin)])
    while waiting:
        found, state = waiting.popleft()
        if all(map(accepts_empty, state[0])) and not any(map(accepts_empty, state[1])):
            yield found
        if meter is not None and not meter.spend(len(letters) * (1 + len(state[0]) + len(state[1]))):
            raise TooLargeError
        for letter in letters:
            after = _after(state, letter)
            if after is None or after in seen:
                continue
            if len(seen) >= most:
                raise TooLargeError
            seen.add(after)
            waiting.append((found + bytes([letter]), after))


def joined_examples(wanted: Sequence[Language], alphabet: int, meter: Meter | None = None) -> bytes:
    """Return a text of each language after the other, empty where that is no guess: what "contains" asks for.

    Raises TooLargeError.
    """
    if len(wanted) < _GUESSED:
        return b""
    return b"".join(next(texts((each,), (), alphabet, _MOST_OF_ONE, meter), b"") for each in wanted)


_State = tuple[frozenset[Language], frozenset[Language]]
"""What is still needed, and what must not be met; what is certain is left out."""


def _after(state: _State, letter: int) -> _State | None:
    """Return the state behind a byte, None where nothing can follow."""
    needed = {derived(each, letter) for each in state[0]}
    if NOTHING in needed:
        return None
    barred = {derived(each, letter) for each in state[1]}
    if ANYTHING in barred:
        return None
    needed.discard(ANYTHING)
    barred.discard(NOTHING)
    return frozenset(needed), frozenset(barred)


@lru_cache(maxsize=_REMEMBERED)
def confined(language: Language, alphabet: int) -> Language:
    """Return a language of which only texts over an alphabet count: what takes all of its bytes takes any byte.

    So `.*` is known to be everything where there are no line breaks, and a search ends there.
    """
    match language:
        case Bytes(mask):
            return one_of(ANY_BYTE if mask & alphabet == alphabet else mask & alphabet)
        case Then(first, second):
            return then(confined(first, alphabet), confined(second, alphabet))
        case Either(options):
            return either(confined(option, alphabet) for option in options)
        case Many(inner):
            return many(confined(inner, alphabet))
    return language


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

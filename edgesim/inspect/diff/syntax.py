"""RE2's syntax read into languages: what of it can occur in patterns that are matched as a whole.

Anchors inside a pattern, word boundaries and Unicode classes are refused: who asks then knows less, and says so.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache

from edgesim.inspect.diff.language import ANY_BYTE, EMPTY, Language, either, many, mask_of, one_of, text, then

_MOST_COPIES = 256
_COUNTS = re.compile(rb"\{(\d+)(,(\d*))?\}")
_FLAGS = re.compile(rb"\?([imsU]*)(?:-([imsU]+))?([:)])")
_NAMED = re.compile(rb"\?P?<\w+>")
_HEXADECIMAL = re.compile(rb"x(?:\{([0-9A-Fa-f]{1,2})\}|([0-9A-Fa-f]{2}))")
_POSIX = re.compile(rb"\[:(\^?)(\w+):\]")
_DIGITS = mask_of(b"0123456789")
_LOWER, _UPPER = mask_of(range(97, 123)), mask_of(range(65, 91))
_WORD = _DIGITS | _LOWER | _UPPER | mask_of(b"_")
_PERL: Mapping[bytes, int] = {b"d": _DIGITS, b"w": _WORD, b"s": mask_of(b"\t\n\f\r ")}
_CONTROL: Mapping[bytes, int] = {b"a": 7, b"f": 12, b"t": 9, b"n": 10, b"r": 13, b"v": 11}
_CLASSES: Mapping[bytes, int] = {
    b"alnum": _WORD & ~mask_of(b"_"),
    b"alpha": _LOWER | _UPPER,
    b"ascii": mask_of(range(128)),
    b"blank": mask_of(b"\t "),
    b"cntrl": mask_of((*range(32), 127)),
    b"digit": _DIGITS,
    b"graph": mask_of(range(33, 127)),
    b"lower": _LOWER,
    b"print": mask_of(range(32, 127)),
    b"punct": mask_of(range(33, 127)) & ~(_WORD & ~mask_of(b"_")),
    b"space": mask_of(b"\t\n\v\f\r "),
    b"upper": _UPPER,
    b"word": _WORD,
    b"xdigit": _DIGITS | mask_of(b"abcdefABCDEF"),
}


class UnreadableError(Exception):
    """A pattern with something that is not understood here."""


@lru_cache(maxsize=4096)
def language_of(pattern: str) -> Language:
    """Return the language a pattern matches as a whole. Raises UnreadableError."""
    whole = pattern.encode()
    whole = whole.removeprefix(b"^")
    if whole.endswith(b"$") and not whole.endswith(b"\\$"):
        whole = whole[:-1]
    reader = _Reader(whole)
    found = reader.alternatives()
    if reader.at < len(whole):
        raise UnreadableError
    return found


def _folded(mask: int) -> int:
    """Return a mask with both cases of its letters (97 - 65 places apart)."""
    return mask | (mask & _UPPER) << 32 | (mask & _LOWER) >> 32


class _Reader:
    """Reads a pattern by descending into it."""

    def __init__(self, pattern: bytes) -> None:
        self.pattern = pattern
        self.at = 0
        self.fold = False
        self.dot_all = False

    def alternatives(self) -> Language:
        """Read up to the end of the pattern or group."""
        with self._own_flags():
            found = [self._sequence()]
            while self._take(b"|"):
                found.append(self._sequence())
            return either(found)

    @contextmanager
    def _own_flags(self) -> Iterator[None]:
        before = self.fold, self.dot_all
        yield
        self.fold, self.dot_all = before

    def _take(self, wanted: bytes) -> bool:
        taken = self.pattern.startswith(wanted, self.at)
        self.at += len(wanted) if taken else 0
        return taken

    def _match(self, expression: re.Pattern[bytes]) -> re.Match[bytes] | None:
        found = expression.match(self.pattern, self.at)
        if found is not None:
            self.at = found.end()
        return found

    def _next(self) -> bytes:
        if self.at >= len(self.pattern):
            raise UnreadableError
        self.at += 1
        return self.pattern[self.at - 1 : self.at]

    def _sequence(self) -> Language:
        found = []
        while self.at < len(self.pattern) and self.pattern[self.at] not in b"|)":
            found.append(self._repeated(self._atom()))
        joined: Language = EMPTY
        for each in reversed(found):
            joined = then(each, joined)
        return joined

    def _repeated(self, inner: Language) -> Language:
        while True:
            counts = self._match(_COUNTS)
            if counts is not None:
                inner = _counted(inner, int(counts[1]), counts[3] if counts[2] else counts[1])
            elif self.at < len(self.pattern) and self.pattern[self.at] in b"*+?":
                inner = _REPEATED[self._next()](inner)
            else:
                return inner
            self._take(b"?")  # lazy or not, the whole text is the same

    def _atom(self) -> Language:
        byte = self._next()
        match byte:
            case b"(":
                return self._group()
            case b"[":
                return self._bytes(self._class())
            case b".":
                return one_of(ANY_BYTE if self.dot_all else ANY_BYTE & ~mask_of(b"\n"))
            case b"\\":
                return self._escaped()
            case b"^" | b"$" | b"*" | b"+" | b"?":
                raise UnreadableError
        return self._bytes(mask_of(byte))

    def _bytes(self, mask: int) -> Language:
        return one_of(_folded(mask) if self.fold else mask)

    def _group(self) -> Language:
        flags = None if self._match(_NAMED) is not None else self._match(_FLAGS)
        if flags is not None and flags[3] == b")":
            self._switch(flags)
            return EMPTY
        if flags is None and self.pattern.startswith(b"?", self.at):
            raise UnreadableError
        with self._own_flags():
            if flags is not None:
                self._switch(flags)
            found = self.alternatives()
        if not self._take(b")"):
            raise UnreadableError
        return found

    def _switch(self, flags: re.Match[bytes]) -> None:
        on, off = flags[1], flags[2] or b""
        self.fold = (self.fold or b"i" in on) and b"i" not in off
        self.dot_all = (self.dot_all or b"s" in on) and b"s" not in off

    def _escaped(self) -> Language:
        if self._take(b"Q"):
            end = self.pattern.find(b"\\E", self.at)
            quoted = self.pattern[self.at : len(self.pattern) if end < 0 else end]
            self.at += len(quoted) + (2 if end >= 0 else 0)
            if self.pattern[self.at : self.at + 1] in {b"*", b"+", b"?", b"{"}:
                raise UnreadableError  # it would repeat the last byte only
            return text(quoted, fold=self.fold)
        if self._take(b"C"):
            return one_of(ANY_BYTE)
        return self._bytes(self._escape())

    def _escape(self) -> int:
        """Read what follows a backslash, inside a class or not."""
        number = self._match(_HEXADECIMAL)
        if number is not None:
            return mask_of((int(number[1] or number[2], 16),))
        byte = self._next()
        if byte.lower() in _PERL:
            mask = _PERL[byte.lower()]
            return mask if byte.islower() else ANY_BYTE & ~mask
        if byte in _CONTROL:
            return mask_of((_CONTROL[byte],))
        if byte.isalnum():
            raise UnreadableError
        return mask_of(byte)

    def _class(self) -> int:
        inverted = self._take(b"^")
        mask = self._member() if self.pattern.startswith(b"]", self.at) else 0
        while not self._take(b"]"):
            mask |= self._member()
        if self.fold:
            mask = _folded(mask)
        return ANY_BYTE & ~mask if inverted else mask

    def _member(self) -> int:
        named = self._match(_POSIX)
        if named is not None:
            if named[2] not in _CLASSES:
                raise UnreadableError
            mask = _CLASSES[named[2]]
            return ANY_BYTE & ~mask if named[1] else mask
        low = self._single()
        follows = self.pattern[self.at : self.at + 2]
        if not follows.startswith(b"-") or follows == b"-]" or low.bit_count() != 1:
            return low
        self.at += 1
        high = self._single()
        return mask_of(range(low.bit_length() - 1, high.bit_length()))

    def _single(self) -> int:
        byte = self._next()
        return self._escape() if byte == b"\\" else mask_of(byte)


_REPEATED: Mapping[bytes, Callable[[Language], Language]] = {
    b"*": many,
    b"+": lambda inner: then(inner, many(inner)),
    b"?": lambda inner: either((inner, EMPTY)),
}


def _counted(inner: Language, least: int, most: bytes) -> Language:
    if max(least, int(most or 0)) > _MOST_COPIES:
        raise UnreadableError
    found = many(inner) if not most else EMPTY
    for _ in range(int(most or least) - least):
        found = either((EMPTY, then(inner, found)))
    for _ in range(least):
        found = then(inner, found)
    return found

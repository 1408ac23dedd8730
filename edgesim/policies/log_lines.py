"""Lines of the access log from a compiled format, whole or as templates.

What is between the operators is fixed. A part of a line is an operator, or in JSON a value, which may be a text of
several operators. Bytes that are no UTF-8 are taken for Latin-1 in JSON.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import chain
from typing import NamedTuple

import msgspec

from edgesim.policies.getters import Getter, Value
from edgesim.policies.record import Record

encode = msgspec.json.Encoder().encode


class Command(NamedTuple):
    """A command operator as it was written, `%NAME(parameters):length%`, and what reads its value."""

    name: str
    parameters: str
    length: str | None
    get: Getter


class Part(NamedTuple):
    """What stands between two fixed pieces of a line; `literals` are around the commands, one more than those."""

    get: Getter
    commands: tuple[Command, ...]
    literals: tuple[bytes, ...] = (b"", b"")

    @property
    def is_one(self) -> bool:
        """Whether this is one operator alone."""
        return self.literals == (b"", b"")


class Texts:
    """How values are written in a text."""

    def __init__(self, empty: bytes) -> None:
        """Take what stands for what is not known."""
        self.empty = empty

    def write(self, value: Value) -> bytes:
        """Write a value."""
        return value if isinstance(value, bytes) else self.empty if value is None else b"%d" % value


class JsonTexts(Texts):
    """How values are written in JSON."""

    def write(self, value: Value) -> bytes:
        """Write a value with its type."""
        return encode(scalar(value))


class JsonPieces(Texts):
    """How values are written inside a text of JSON."""

    def write(self, value: Value) -> bytes:
        """Write a value without quotes around it."""
        return encode(scalar(super().write(value)))[1:-1]


def scalar(value: Value) -> str | int | None:
    """Return a value as JSON has it."""
    return _decoded([value])[0] if isinstance(value, bytes) else value


def _decoded(pieces: Sequence[bytes]) -> list[str]:
    """Return the pieces of one text, between which there is nothing but ASCII."""
    try:
        return [piece.decode() for piece in pieces]
    except UnicodeDecodeError:
        return [piece.decode("latin-1") for piece in pieces]


class Lines:
    """Writes the lines of a format."""

    def __init__(self, literals: Iterable[bytes], parts: Iterable[Part], texts: Texts) -> None:
        """Take the parsed format, and how its values are written."""
        self._literals = tuple(map(escaped, literals))
        self._template = b"%b".join(self._literals)
        self.parts = tuple(parts)
        self._getters = tuple(part.get for part in self.parts)
        self.texts = texts

    def __call__(self, record: Record) -> bytes:
        """Write a line."""
        write = self.texts.write
        return self._template % tuple([write(get(record)) for get in self._getters])

    def template(self, record: Record, holes: Mapping[int, Collection[int]]) -> bytes:
        """Return a record's line as a template for `%`: by part, which of its commands are to be filled in (`%b`)."""
        written = [self._part(part, record, holes.get(place, ())) for place, part in enumerate(self.parts)]
        return b"".join(chain.from_iterable(zip(self._literals, [*written, b""], strict=True)))

    def _part(self, part: Part, record: Record, holes: Collection[int]) -> bytes:
        if not holes:
            return escaped(self.texts.write(part.get(record)))
        return b"%b" if part.is_one else _json_template(part, record, holes)


def _json_template(part: Part, record: Record, holes: Collection[int]) -> bytes:
    """Return a JSON text as a template; what is filled in must be ASCII, written as `PIECES` does."""
    pieces = [part.literals[0]]
    for place, (command, literal) in enumerate(zip(part.commands, part.literals[1:], strict=True)):
        if place in holes:
            pieces.append(literal)
        else:
            pieces[-1] += TEXTS.write(command.get(record)) + literal
    return b'"%b"' % b"%b".join(escaped(encode(piece)[1:-1]) for piece in _decoded(pieces))


def escaped(literal: bytes) -> bytes:
    """Return what a template for `%` gives back as it was."""
    return literal.replace(b"%", b"%%")


TEXTS = Texts(b"-")
"""How values are written in lines, and in texts of JSON, by default."""
PIECES = JsonPieces(b"-")
"""How they are filled into a text of JSON that is written already."""

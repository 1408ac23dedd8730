"""How a row of the state is checked before it is believed, and what shows that a database is damaged."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

import msgspec

from edgesim.config.encoding import DamagedError, digest

_DAMAGE: Final = (
    sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_FORMAT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_READONLY
)  # fmt: skip
"""What SQLite says of a damaged file; SQLITE_ERROR of one in which a table or a column is missing, SQLITE_READONLY
of one that says it is of a later format (the system lets this process write, or it would not have been opened)."""

T = TypeVar("T")


class StateError(Exception):
    """The state cannot be used: it is damaged, of another version, or another instance's."""


@contextmanager
def readable() -> Iterator[None]:
    """Turn whatever shows that the database is damaged into a StateError."""
    try:
        yield
    except (sqlite3.DatabaseError, DamagedError, KeyError, UnicodeDecodeError) as error:
        # SQLite quotes what it found, which need not be text: then its message cannot be decoded.
        if isinstance(error, sqlite3.OperationalError) and error.sqlite_errorcode not in _DAMAGE:
            raise
        raise StateError(f"it is damaged: {error}") from None


def sum_of(*parts: str | bytes) -> bytes:
    """Return the checksum of a row: of what it is called and what it holds."""
    return digest(*(part.encode() if isinstance(part, str) else part for part in parts))


def checked(data: object, sum_: object, *names: object) -> bytes:
    """Return the data of a row, once it is as it was written. A damaged cell may be of any of SQLite's types.

    Raises DamagedError.
    """
    strings = [name for name in names if isinstance(name, str)]
    if not isinstance(data, bytes) or len(strings) < len(names) or sum_of(*strings, data) != sum_:
        raise DamagedError(f"the checksum of {' '.join(map(str, names))} is wrong")
    return data


def decoded(data: object, sum_: object, kind: type[T], *names: object) -> T:
    """Return what a row holds. Raises DamagedError."""
    return _decode(checked(data, sum_, *names), kind)


def _decode(data: bytes, kind: type[T]) -> T:
    try:
        return msgspec.msgpack.decode(data, type=kind)
    except msgspec.MsgspecError as error:
        raise DamagedError(str(error)) from None

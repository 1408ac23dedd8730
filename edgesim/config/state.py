"""The state of an instance on disk: the last good configuration, and the history of what was served.

One SQLite database. Every piece of a revision (a virtual host, a cluster, a listener, a resource) is a row
that says from which revision on it holds and until which, so one change among 25,000 resources writes one
row. Each row carries a checksum. Endpoints are never kept. Nothing here knows an event loop or the clock;
methods block on the disk, so they are called in a thread of their own, one at a time.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import msgspec

from edgesim.config.encoding import DamagedError, StoredResource, pack_resource, shape, unpack_resource
from edgesim.config.pieces import Parts, differing, is_reordered, is_same, parts_of
from edgesim.config.revisions import (
    Blockage,
    Key,
    ResourceChange,
    Revision,
    RevisionInfo,
    Snapshot,
    pack_piece,
    resource_changes,
    revision_of,
    unpack_piece,
)
from edgesim.config.state_rows import StateError, checked, decoded, readable, sum_of
from edgesim.model import ResourceKey

DATABASE: Final = "state.db"
FORMAT: Final = "2"
_EFFECTIVE: Final = os.access in os.supports_effective_ids
MOST_REVISIONS: Final = 200
MOST_BYTES: Final = 256 * 1024 * 1024
MOST_CHANGES: Final = 1000
"""Changed resources that are listed of one revision, and waiting ones of one blockage."""
MOST_BLOCKAGES: Final = 50
"""Blockages that are kept of one revision: the latest."""

_TABLES: Final = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE piece (
  kind TEXT NOT NULL, name TEXT NOT NULL, since INTEGER NOT NULL, until INTEGER, data BLOB NOT NULL, sum BLOB NOT NULL
);
CREATE INDEX present ON piece (kind, name) WHERE until IS NULL;
CREATE INDEX past ON piece (until) WHERE until IS NOT NULL;
CREATE TABLE revision (number INTEGER PRIMARY KEY, data BLOB NOT NULL, sum BLOB NOT NULL);
CREATE TABLE blockage (
  id INTEGER PRIMARY KEY, revision INTEGER NOT NULL, open INTEGER NOT NULL, data BLOB NOT NULL, sum BLOB NOT NULL
);
CREATE TABLE written (name TEXT PRIMARY KEY, data BLOB NOT NULL, sum BLOB NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class _Line:
    """The data of a row of `revision`."""

    time: str
    changed: int
    changes: tuple[ResourceChange, ...]
    pieces: int
    """How many pieces there are: what a row's checksum cannot tell is that the row is gone."""


@dataclass(slots=True)
class State:
    """An open database. `number` is the current revision, 0 before the first."""

    path: str
    durable: bool = False
    read_only: bool = False
    number: int = 0
    _connection: sqlite3.Connection = field(init=False, repr=False)
    _present: dict[Key, Any] | None = field(default=None, repr=False)
    _parts: Parts = field(default_factory=dict, repr=False)
    """What the model was made of that was recorded last, once something was."""
    _written: dict[ResourceKey, StoredResource] = field(default_factory=dict, repr=False)
    _open: Blockage | None = None

    def __post_init__(self) -> None:
        """Open or make the database; an empty path keeps it in a temporary file that vanishes when it is closed.

        With `durable` what is committed survives a power cut; with `read_only` nothing is made or written.
        Raises StateError, sqlite3.OperationalError.
        """
        name = _reading(Path(self.path)) if self.read_only else self.path
        # One thread at a time uses it, but not always the same one.
        self._connection = sqlite3.connect(
            name, isolation_level=None, check_same_thread=False, timeout=5.0, uri=self.read_only
        )
        # A damaged text is found by its checksum.
        self._connection.text_factory = lambda text: text.decode(errors="replace")
        try:
            with readable():
                self._prepare()
        except BaseException:
            self._connection.close()
            raise

    @property
    def kept_keys(self) -> tuple[ResourceKey, ...]:
        """Return which objects written through the API are kept."""
        return tuple(self._written)

    def close(self) -> None:
        """Close the database."""
        self._connection.close()

    def verify(self) -> None:
        """Look at all that is needed to go on: the file's structure, the current revision, the written objects.

        Raises StateError.
        """
        with readable():
            if not self.read_only:  # a damaged head may say that only later versions of SQLite may write to it
                self._connection.execute("UPDATE meta SET value = value")
            found = self._connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
            if found != "ok" or _tables_of(self._connection) != _expected():
                raise DamagedError("its tables are not as they were made" if found == "ok" else found.lower())
        self.last()
        self.written()

    # --- reading ----------------------------------------------------------------------------------

    def last(self) -> Revision | None:
        """Return the current revision: what was good last. Raises StateError."""
        return self.revision(self.number) if self.number else None

    def revision(self, number: int) -> Revision | None:
        """Return a revision, None where it is not (or no longer) kept. Raises StateError."""
        with readable():
            found = self._line(number)
            if found is None:
                return None
            pieces = self._known() if number == self.number else self._pieces(number)
            if len(pieces) != found.pieces:
                raise DamagedError(f"revision {number} has {len(pieces)} pieces of {found.pieces}")
            return revision_of(number, found.time, pieces)

    def history(self) -> tuple[RevisionInfo, ...]:
        """Return every revision that is kept, the newest first. Raises StateError."""
        with readable():
            rows = self._connection.execute("SELECT number, data, sum FROM revision ORDER BY number DESC").fetchall()
            blockages: dict[int, list[Blockage]] = {}
            query = "SELECT revision, data, sum FROM blockage ORDER BY id"
            for number, data, sum_ in self._connection.execute(query):
                blockages.setdefault(number, []).append(decoded(data, sum_, Blockage, "blockage"))
            lines = [(number, decoded(data, sum_, _Line, str(number))) for number, data, sum_ in rows]
            return tuple(
                RevisionInfo(number, line.time, line.changed, line.changes, tuple(blockages.get(number, ())))
                for number, line in lines
            )

    def written(self) -> tuple[StoredResource, ...]:
        """Return the objects that were written through the API, in the order they came. Raises StateError."""
        with readable():
            rows = self._connection.execute("SELECT name, data, sum FROM written ORDER BY rowid").fetchall()
            found = tuple(unpack_resource(checked(data, sum_, name)) for name, data, sum_ in rows)
            self._written = {each.key: each for each in found}
            return found

    # --- writing ----------------------------------------------------------------------------------

    def record(self, snapshot: Snapshot) -> int:
        """Record what is served now; returns the revision's number, a new one where something differs.

        Raises sqlite3.Error where the disk does not take it; then nothing is recorded.
        """
        present = self._known()
        found = differing(present, self._parts, snapshot)
        puts = {key: piece for key, piece in found.pieces.items() if not is_same(key, present, piece)}
        time = _spelled(snapshot.time)
        blocked = Blockage(time, snapshot.problems, snapshot.waiting[:MOST_CHANGES]) if snapshot.problems else None
        with self._transaction():
            number = self._put(snapshot, puts, found.gone)
            opened = self._block(number, blocked, time)
            self._prune(number)
        self.number, self._open = number, opened
        for key in found.gone:
            del present[key]
        present.update(found.pieces)
        self._parts = parts_of(snapshot)
        return number

    def write(self, objects: Iterable[StoredResource], gone: Iterable[ResourceKey]) -> None:
        """Keep objects that were written through the API, and forget those that are not (or no longer) so.

        Raises sqlite3.Error where the disk does not take it; then nothing is kept or forgotten.
        """
        kept = {each.key: each for each in objects if self._written.get(each.key) != each}
        lost = [key for key in gone if key in self._written]
        if not kept and not lost:
            return
        with self._transaction():
            self._connection.executemany("DELETE FROM written WHERE name = ?", [(str(key),) for key in (*kept, *lost)])
            rows = [(str(key), data := pack_resource(each), sum_of(str(key), data)) for key, each in kept.items()]
            self._connection.executemany("INSERT INTO written VALUES (?, ?, ?)", rows)
        self._written.update(kept)
        for key in lost:
            del self._written[key]

    # --- within -----------------------------------------------------------------------------------

    def _prepare(self) -> None:
        run = self._connection.execute
        if not self.read_only:
            run("PRAGMA journal_mode = WAL")
            run(f"PRAGMA synchronous = {'FULL' if self.durable else 'NORMAL'}")
            run("PRAGMA journal_size_limit = 8388608")
        if not _tables_of(self._connection):
            if self.read_only:
                raise StateError("there is nothing in it yet")
            self._found()
        elif dict(run("SELECT name, value FROM meta").fetchall()) != _versions():
            raise StateError("it was written by another version of edgesim")
        self.number = run("SELECT coalesce(max(number), 0) FROM revision").fetchone()[0]
        row = run("SELECT data, sum FROM blockage WHERE open ORDER BY id DESC LIMIT 1").fetchone()
        self._open = None if row is None else decoded(row[0], row[1], Blockage, "blockage")

    def _found(self) -> None:
        """Make the tables of a new database."""
        with self._transaction():
            for statement in _TABLES.split(";"):
                self._connection.execute(statement)
            self._connection.executemany("INSERT INTO meta VALUES (?, ?)", _versions().items())

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise

    def _line(self, number: int) -> _Line | None:
        row = self._connection.execute("SELECT data, sum FROM revision WHERE number = ?", (number,)).fetchone()
        return None if row is None else decoded(row[0], row[1], _Line, str(number))

    def _pieces(self, number: int) -> dict[Key, Any]:
        query = "SELECT kind, name, data, sum FROM piece WHERE since <= ? AND (until IS NULL OR until > ?)"
        found: dict[Key, Any] = {}
        for kind, name, data, sum_ in self._connection.execute(query, (number, number)):
            found[kind, name] = unpack_piece(kind, checked(data, sum_, kind, name))
        return found

    def _known(self) -> dict[Key, Any]:
        """Return the pieces of the current revision, read from disk once."""
        if self._present is None:
            with readable():
                self._present = self._pieces(self.number) if self.number else {}
        return self._present

    def _put(self, snapshot: Snapshot, puts: Mapping[Key, Any], gone: Sequence[Key]) -> int:
        """Write what differs; only another order of the same pieces is no other revision."""
        present = self._known()
        if self.number and not gone and all(is_reordered(key, present, piece) for key, piece in puts.items()):
            rows = [(data := pack_piece(key[0], piece), sum_of(*key, data), *key) for key, piece in puts.items()]
            self._connection.executemany(
                "UPDATE piece SET data = ?, sum = ? WHERE kind = ? AND name = ? AND until IS NULL", rows
            )
            return self.number
        return self._add(snapshot, puts, gone)

    def _add(self, snapshot: Snapshot, puts: Mapping[Key, Any], gone: Sequence[Key]) -> int:
        """Add a revision that differs from the current one by some pieces."""
        number, present = self.number + 1, self._known()
        run = self._connection.executemany
        ended = [(number, *key) for key in (*puts, *gone) if key in present]
        run("UPDATE piece SET until = ? WHERE kind = ? AND name = ? AND until IS NULL", ended)
        rows = ((*key, number, data := pack_piece(key[0], piece), sum_of(*key, data)) for key, piece in puts.items())
        run("INSERT INTO piece (kind, name, since, data, sum) VALUES (?, ?, ?, ?, ?)", rows)
        changes = resource_changes(present, puts, gone, snapshot.standing)
        pieces = len(present) + sum(key not in present for key in puts) - len(gone)
        line = msgspec.msgpack.encode(
            _Line(_spelled(snapshot.time), len(changes), tuple(changes[:MOST_CHANGES]), pieces)
        )
        self._connection.execute("INSERT INTO revision VALUES (?, ?, ?)", (number, line, sum_of(str(number), line)))
        return number

    def _block(self, number: int, blocked: Blockage | None, time: str) -> Blockage | None:
        """Take down a blockage that begins or ends; the same problems go on blocking."""
        before = self._open
        if before is not None and blocked is not None and _goes_on(before, blocked):
            return before
        if before is not None:
            data = _ended(before, time)
            self._connection.execute(
                "UPDATE blockage SET open = 0, data = ?, sum = ? WHERE open", (data, sum_of("blockage", data))
            )
        if blocked is None:
            return None
        data = msgspec.msgpack.encode(blocked)
        row = (number, data, sum_of("blockage", data))
        self._connection.execute("INSERT INTO blockage (revision, open, data, sum) VALUES (?, 1, ?, ?)", row)
        return blocked

    def _prune(self, number: int) -> None:
        """Forget the oldest revisions where there are too many of them, or they take too much room."""
        run = self._connection.execute
        oldest = run("SELECT coalesce(min(number), 0) FROM revision").fetchone()[0]
        keep = max(oldest, number - MOST_REVISIONS + 1)
        pages, free, size = (
            run(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
        )
        if (pages - free) * size > MOST_BYTES:
            keep = max(keep, oldest + (number - oldest + 1) // 2)
        if keep > oldest:
            run("DELETE FROM revision WHERE number < ?", (keep,))
            run("DELETE FROM piece WHERE until <= ?", (keep,))
            run("DELETE FROM blockage WHERE revision < ? AND NOT open", (keep,))
        run(
            "DELETE FROM blockage WHERE NOT open AND id <= (SELECT id FROM blockage WHERE revision = ? "
            "ORDER BY id DESC LIMIT 1 OFFSET ?) AND revision = ?",
            (number, MOST_BLOCKAGES, number),
        )


def read_state(folder: Path) -> State:
    """Open the state of a folder, beside an instance that may be writing it.

    Raises StateError where there is none, or it cannot be read.
    """
    path = folder / DATABASE
    try:
        if not path.is_file():
            raise StateError(f"there is no {DATABASE} in it")
        return State(str(path), read_only=True)
    except (OSError, sqlite3.Error) as error:
        raise StateError(str(error).lower()) from None


def _reading(path: Path) -> str:
    """Return the name SQLite reads a file by, also from a folder it may not write to, where nobody else does either."""
    log = Path(f"{path}-wal")
    still = not log.exists() and not os.access(path.parent, os.W_OK, effective_ids=_EFFECTIVE)
    return f"{path.absolute().as_uri()}?{'immutable=1' if still else 'mode=ro'}"


def _versions() -> dict[str, str]:
    return {"format": FORMAT, "shape": shape()}


def _tables_of(connection: sqlite3.Connection) -> list[tuple[str, str]]:
    """Return what there is in a database, as it was declared."""
    return connection.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall()


def _expected() -> list[tuple[str, str]]:
    fresh = sqlite3.connect(":memory:")
    try:
        fresh.executescript(_TABLES)
        return _tables_of(fresh)
    finally:
        fresh.close()


def _goes_on(before: Blockage, now: Blockage) -> bool:
    """Tell whether the same problems hold the same up; after a restart they may be placed otherwise."""
    return before.waiting == now.waiting and _causes(before) == _causes(now)


def _causes(blockage: Blockage) -> list[tuple[object, ...]]:
    return [(each.code, each.message, each.resource, each.field) for each in blockage.problems]


def _ended(blockage: Blockage, time: str) -> bytes:
    return msgspec.msgpack.encode(Blockage(blockage.since, blockage.problems, blockage.waiting, time))


def _spelled(time: datetime) -> str:
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")

"""Where state is kept: which folder, who holds it, and what becomes of a database that cannot be used.

A state that cannot be kept on disk never stops a start: it is kept in a temporary file instead, which
vanishes with the process, and a note says so.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from edgesim.config.files import STDIN
from edgesim.config.revisions import Revision, Snapshot
from edgesim.config.state import DATABASE, State, read_state
from edgesim.config.state_rows import StateError
from edgesim.model import EdgesimError, Problem
from edgesim.model.codes import failure, problem

ASIDE: Final = "state.db.aside"
"""Where a database goes that cannot be used; the next ones have numbers, from 2 on."""
MOST_ASIDE: Final = 5
"""Databases that are kept aside: then the one that was written longest ago makes room for the next."""
_LOCK: Final = "lock"
_BESIDE: Final = ("-wal", "-shm")


@dataclass(slots=True)
class Opened:
    """An open state, its lock, and notes about it. `folder` is None where it is not kept."""

    state: State
    folder: Path | None = None
    notes: tuple[Problem, ...] = ()
    lock: int | None = None

    def close(self) -> None:
        """Close the database and let the folder go."""
        self.state.close()
        if self.lock is not None:
            os.close(self.lock)
            self.lock = None


def default_folder(paths: Iterable[str], environ: Mapping[str, str]) -> Path:
    """Return the folder of some paths: below XDG_STATE_HOME (XDG Base Directory Specification), by what they resolve to, in any order."""
    given = environ.get("XDG_STATE_HOME", "")
    # The specification has relative paths ignored.
    home = Path(given) if given.startswith("/") else Path(environ.get("HOME") or "/") / ".local" / "state"
    resolved = sorted({path if path == STDIN else os.path.realpath(path) for path in paths})
    text = "\0".join(resolved).encode("utf-8", "surrogateescape")
    return home / "edgesim" / hashlib.blake2b(text, digest_size=8).hexdigest()


def temporary() -> Opened:
    """Return a state that vanishes when it is closed."""
    return Opened(State(""))


def open_default(folder: Path) -> Opened:
    """Open the state of a folder; whatever is in the way, a temporary one serves as well."""
    try:
        return _open(folder, durable=False)
    except StateError as held:
        return _instead_of(folder, f"{held}: this instance keeps its state until it ends")
    except (OSError, sqlite3.Error) as error:
        return _instead_of(
            folder, f"no state can be kept in {folder} ({in_words(error)}): this instance keeps it until it ends"
        )


def _instead_of(folder: Path, text: str) -> Opened:
    """Return a temporary state, which begins with what is good in the folder."""
    opened = Opened(State(""), None, (problem("ES0721", text),))
    with suppress(StateError, OSError, sqlite3.Error):
        good = _last_of(folder)
        if good is not None:
            time = datetime.fromisoformat(good.time)
            opened.state.record(Snapshot(time, good.model, good.whole, good.resources, current=True))
    return opened


def _last_of(folder: Path) -> Revision | None:
    with closing(read_state(folder)) as state:
        return state.last()


def open_explicit(folder: Path) -> Opened:
    """Open the state of a folder that was asked for; what is committed there survives a power cut.

    Raises EdgesimError ES0720.
    """
    with _told(folder):
        return _open(folder, durable=True)


@contextmanager
def reading(folder: Path) -> Iterator[State]:
    """Read the state of a folder that was asked for. Raises EdgesimError ES0720, also for what is found wrong inside."""
    with _told(folder), closing(read_state(folder)) as state:
        yield state


def unusable(folder: Path, why: str, hint: str = "") -> EdgesimError:
    """Return what to raise where a folder that was asked for does not do."""
    return failure("ES0720", f"--state {folder}: {why}", hint)


@contextmanager
def _told(folder: Path) -> Iterator[None]:
    try:
        yield
    except (StateError, OSError, sqlite3.Error) as error:
        raise unusable(folder, in_words(error)) from None


def _open(folder: Path, *, durable: bool) -> Opened:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = _hold(folder)
    try:
        state, notes = _usable(folder, durable=durable)
    except BaseException:
        os.close(lock)
        raise
    return Opened(state, folder, notes, lock)


def _hold(folder: Path) -> int:
    lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.ftruncate(lock, 0)
        os.write(lock, f"{os.getpid()}\n".encode())
    except BlockingIOError:
        holder = os.pread(lock, 20, 0).decode(errors="replace").strip()
        os.close(lock)
        raise StateError(f"process {holder or 'unknown'} holds the state of {folder}") from None
    except BaseException:
        os.close(lock)
        raise
    return lock


def _usable(folder: Path, *, durable: bool) -> tuple[State, tuple[Problem, ...]]:
    """Open the database of a folder; one that cannot be used is set aside."""
    path = folder / DATABASE
    # It holds what Secrets hold, so it is made for its owner only; SQLite gives its other files the same mode.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    try:
        return _checked(path, durable=durable), ()
    except StateError as error:
        aside = _set_aside(path)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        text = f"the state in {folder} cannot be used: {error}; it is kept as {aside.name}, and a new one begun"
        return State(str(path), durable=durable), (problem("ES0722", text),)


def _set_aside(path: Path) -> Path:
    """Rename a database and the files beside it; return its new name."""
    names = [path.with_name(ASIDE), *(path.with_name(f"{ASIDE}.{number}") for number in range(2, MOST_ASIDE + 1))]
    free = (name for name in names if not name.exists())
    aside = next(free, None) or min(names, key=lambda name: name.stat().st_mtime_ns)
    for ending in ("", *_BESIDE):
        Path(f"{aside}{ending}").unlink(missing_ok=True)
        with suppress(FileNotFoundError):
            Path(f"{path}{ending}").replace(f"{aside}{ending}")
    return aside


def _checked(path: Path, *, durable: bool) -> State:
    """Open a database that is sound."""
    state = State(str(path), durable=durable)
    try:
        state.verify()
    except BaseException:
        state.close()
        raise
    return state


def in_words(error: OSError | sqlite3.Error | StateError) -> str:
    """Return why a folder cannot hold a state."""
    if isinstance(error, FileExistsError):
        return "it is no folder"
    if isinstance(error, StateError):
        return str(error)
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return text.lower()

"""The folder of one Envoy, and what is left of those whose edgesim was killed."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
import socket
import tempfile
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from edgesim.proxy.ports import Addresses, Held

_PREFIX: Final = "edgesim-envoy-"
_LOCK: Final = "lock"
ADMIN_SOCKET: Final = "admin.sock"
_QUIT: Final = b"POST /quitquitquit HTTP/1.1\r\nhost: envoy\r\ncontent-length: 0\r\n\r\n"
_PATIENCE: Final = 5.0
"""Seconds that the end of an Envoy may take."""
_TRIES: Final = 40
_PAUSE: Final = 0.05


class Home:
    """A new folder that only this user may enter. It is locked as long as this process lives, however that ends."""

    def __init__(self) -> None:
        """Make it; it goes with this object, if it was not removed before."""
        self.path = Path(tempfile.mkdtemp(prefix=_PREFIX))
        begun = self.path / f"{_LOCK}.new"
        self._lock = os.open(begun, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        begun.rename(self.path / _LOCK)  # whoever finds it, finds it locked
        self.remove = weakref.finalize(self, _remove, self.path, self._lock, os.getpid())


def _remove(path: Path, lock: int, owner: int) -> None:
    if os.getpid() == owner:  # not in a child that ends
        shutil.rmtree(path, ignore_errors=True)
        os.close(lock)


def clear() -> bool:
    """End the Envoys of processes that are gone, and remove their folders; return whether there was such an Envoy.

    This waits for them, and is done before anything is served.
    """
    ended = False
    for path in _folders():
        with _abandoned(path) as alone:
            if alone:
                ended |= _quit(path / ADMIN_SOCKET)
                shutil.rmtree(path, ignore_errors=True)
    return ended


def held_after(ended: bool, addresses: Addresses) -> Held:  # noqa: FBT001 - what `clear` said
    """Hold ports; those of an Envoy that was just ended are free in a moment. Raises OSError."""
    for _ in range(_TRIES if ended else 0):
        try:
            return Held(addresses)
        except OSError as taken:
            if taken.errno != errno.EADDRINUSE:
                raise
            threading.Event().wait(_PAUSE)
    return Held(addresses)


def _folders() -> list[Path]:
    return [*Path(tempfile.gettempdir()).glob(f"{_PREFIX}*")]


@contextmanager
def _abandoned(path: Path) -> Iterator[bool]:
    """Tell whether a folder is this user's and nobody holds its lock; it is held meanwhile."""
    lock = _opened(path)
    try:
        yield lock is not None and _locked(lock)
    finally:
        if lock is not None:
            os.close(lock)


def _opened(path: Path) -> int | None:
    try:
        is_ours = path.stat(follow_symlinks=False).st_uid == os.getuid()
        return os.open(path / _LOCK, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW) if is_ours else None
    except OSError:
        return None


def _locked(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _quit(at: Path) -> bool:
    """Tell an Envoy to end, if one answers there: the shell that should have ended it may have been killed as well.

    Return whether one did, when it closed the connection, or after a while.
    """
    there = False
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as admin:
        admin.settimeout(_PATIENCE)
        admin.connect(str(at))
        there = True
        admin.sendall(_QUIT)
        while admin.recv(4096):
            pass
    return there

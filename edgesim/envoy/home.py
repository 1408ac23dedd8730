"""The folder of one Envoy, and what is left of those whose edgesim was killed."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from edgesim.envoy.admin import Admin, AdminError

_PREFIX: Final = "edgesim-envoy-"
_LOCK: Final = "lock"
ADMIN_SOCKET: Final = "admin.sock"


class Home:
    """A new folder that only this user may enter. It is locked as long as this process lives, however that ends."""

    def __init__(self) -> None:
        """Make it; it goes with this object, if it was not removed before."""
        self.path = Path(tempfile.mkdtemp(prefix=_PREFIX))
        begun = self.path / f"{_LOCK}.new"
        self._lock = os.open(begun, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        begun.rename(self.path / _LOCK)  # whoever finds it, finds it locked
        self.remove = weakref.finalize(self, _remove, self.path, self._lock)


def _remove(path: Path, lock: int) -> None:
    shutil.rmtree(path, ignore_errors=True)
    os.close(lock)


async def clear() -> None:
    """End the Envoys of processes that are gone, where any is left, and remove their folders."""
    for path in _folders():
        with _abandoned(path) as alone:
            if alone:
                await _quit(path / ADMIN_SOCKET)
                shutil.rmtree(path, ignore_errors=True)


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


async def _quit(socket: Path) -> None:
    """Tell an Envoy to end, if one listens there: the shell that should have ended it may have been killed as well."""
    admin = Admin(socket)
    with contextlib.suppress(AdminError):
        await admin.ask("/quitquitquit", "POST")
    await admin.close()

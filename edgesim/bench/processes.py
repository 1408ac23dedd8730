"""Running the programs that are compared: started on a core, waited for, ended with the block."""

from __future__ import annotations

import contextlib
import http.client
import re
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

from edgesim.bench.machine import pinned
from edgesim.telemetry.sources import monotonic

_READY_SECONDS = 120
_LOOK_SECONDS = 0.05
_GRACE_SECONDS = 10


class Unavailable(Exception):  # noqa: N818 -- an answer, not a fault: this machine lacks the peer
    """The peer is not on this machine or cannot serve the scenario; `install` says how to get it."""

    def __init__(self, why: str, install: str = "") -> None:
        """Say why, and what would help."""
        super().__init__(why)
        self.install = install


def free_port() -> int:
    """Return a port nobody listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@contextlib.contextmanager
def running(command: list[str], core: int, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command on a core for the length of a block; what it prints goes to `log`."""
    with log.open("wb") as output, pinned(core):
        process = subprocess.Popen(  # noqa: S603 - a peer, or this interpreter
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for the benchmark, which ends it
        )  # fmt: skip
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait(ready: Callable[[], bool], process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until a process is ready. Raises Unavailable when it ended before, or takes too long."""
    deadline = monotonic() + _READY_SECONDS
    while not ready():
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_LOOK_SECONDS)
        if process.poll() is not None or monotonic() > deadline:
            raise Unavailable(f"did not start: {log.read_text(errors='replace').strip()[-2000:]}")


def get(port: int, path: str = "/", headers: dict[str, str] | None = None) -> str:
    """Return the body of one GET, or the status where it is not 200. Raises OSError when nobody answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path, headers=headers or {})
        response = connection.getresponse()
        body = response.read().decode(errors="replace")
        return body if response.status == 200 else f"status {response.status}"
    finally:
        connection.close()


def answers(port: int, path: str = "/") -> bool:
    """Tell whether one of the two versions answers."""
    try:
        return get(port, path).startswith("version:")
    except (OSError, http.client.HTTPException):
        return False


def program(name: str) -> str:
    """Return where a program is. Raises Unavailable."""
    # Debian keeps nginx and haproxy in sbin, which a plain user's PATH lacks.
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
    if found is None:
        raise Unavailable(f"{name} is not installed", f"apt-get install {name}, or brew install {name}")
    return found


def first_line(command: list[str], pattern: str) -> str:
    """Return the first group of a pattern in what a command prints, `?` where there is none."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)  # noqa: S603 - a peer
    found = re.search(pattern, done.stdout + done.stderr)
    return found[1] if found else "?"


def made(folder: Path) -> Path:
    """Return a folder that is there."""
    folder.mkdir(exist_ok=True)
    return folder

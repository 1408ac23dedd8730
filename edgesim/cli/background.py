"""An instance in a process of its own, for as long as something else runs: `edgesim run`, the pytest fixture."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import IO, Any

from edgesim.cli.console import saying_soon
from edgesim.cli.handover import command, safe_path, written
from edgesim.cli.settings import UpSettings
from edgesim.model import EdgesimError

_PATIENCE = 10.0
"""Seconds after the grace time before an instance that does not end is killed."""


@dataclass(slots=True)
class Background:
    """A running instance: its URLs, empty for what is not there, and its process. `grace` is in seconds.

    `lifeline` is the end of a pipe that nobody writes to: the instance ends when it is closed, as it is when this
    process is gone, however it went.
    """

    process: subprocess.Popen[bytes]
    grace: float
    lifeline: int
    gateway: str = ""
    admin: str = ""
    tls: str = ""
    token: str = field(default="", repr=False)
    kubeconfig: str = ""

    def environment(self) -> dict[str, str]:
        """Return the variables that tell a program where the instance is."""
        found = {
            "GATEWAY": self.gateway,
            "GATEWAY_TLS": self.tls,
            "EDGESIM_ADMIN": self.admin,
            "EDGESIM_ADMIN_TOKEN": self.token,
            "KUBECONFIG": self.kubeconfig,
        }
        return {name: value for name, value in found.items() if value}

    def stop(self) -> int:
        """Let it drain, and return its exit code; one that does not end is killed."""
        try:
            return _ended(self.process, self.grace + _PATIENCE)
        finally:
            self._let_go()

    def _let_go(self) -> None:
        if self.lifeline >= 0:
            os.close(self.lifeline)
            self.lifeline = -1


def start(settings: UpSettings, typed: Sequence[str], errors: IO[bytes] | None = None) -> Background:
    """Start an instance and wait until it is ready; its lines go to `errors`, by default standard error.

    Raises EdgesimError, of no problems, where it ends before that: it has said why itself.
    """
    process, lifeline = _spawned(replace(settings, as_json=True), typed, errors)
    try:
        with saying_soon(f"starting {' '.join(map(str, settings.paths)) or 'without files'} ..."):
            found = _ready(process)
    except BaseException:
        os.close(lifeline)
        _ended(process, settings.grace + _PATIENCE)
        raise
    _pass_on(process, errors)
    return Background(
        process,
        settings.grace,
        lifeline,
        found["proxy"],
        found["admin"],
        *(found.get(name, "") for name in ("tls", "token", "kubeconfig")),
    )


def _spawned(
    settings: UpSettings, typed: Sequence[str], errors: IO[bytes] | None
) -> tuple[subprocess.Popen[bytes], int]:
    """Start the process, and return it with the end of the pipe that keeps it alive."""
    with _pipe() as (watched, held), written(replace(settings, lifeline=watched)) as told:
        process = subprocess.Popen(  # noqa: S603 - this interpreter, with what it was told
            command(told, typed),
            stdin=subprocess.DEVNULL if "-" not in map(str, settings.paths) else None,
            stdout=subprocess.PIPE,
            stderr=errors,
            pass_fds=(told.fileno(), watched),
            env={**os.environ, **safe_path()},
            start_new_session=True,  # Ctrl-C is for the command
        )
    return process, held


@contextmanager
def _pipe() -> Iterator[tuple[int, int]]:
    """Open a pipe, and close the end that the child has; the other stays open unless the child cannot be started."""
    watched, held = os.pipe()
    try:
        yield watched, held
    except BaseException:
        os.close(held)
        raise
    finally:
        os.close(watched)


def _ended(process: subprocess.Popen[bytes], patience: float) -> int:
    """Ask a process to end, and return its exit code; one that does not within `patience` seconds is killed."""
    if process.poll() is None:
        process.terminate()
    try:
        return process.wait(patience)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def _ready(process: subprocess.Popen[bytes]) -> Mapping[str, Any]:
    """Wait for the line with the addresses."""
    assert process.stdout is not None
    for line in process.stdout:
        try:
            found = json.loads(line)
        except ValueError:
            continue
        if isinstance(found, dict) and "admin" in found and "proxy" in found:
            return found
    raise EdgesimError(exit_code=process.wait() or 1)


def _pass_on(process: subprocess.Popen[bytes], errors: IO[bytes] | None) -> None:
    """Pass on what else it prints (an access log, say), but for standard output, which is the command's."""
    source, target = process.stdout, sys.stderr.buffer if errors is None else errors
    assert source is not None

    def pump() -> None:
        with source:
            for line in source:
                target.write(line)
                target.flush()

    threading.Thread(target=pump, daemon=True, name="output of edgesim").start()

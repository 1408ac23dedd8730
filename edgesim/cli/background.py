"""An instance in a process of its own, for as long as something else runs: `edgesim run`, the pytest fixture."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import IO, Any

from edgesim.cli.console import saying_soon
from edgesim.cli.handover import command, safe_path, written
from edgesim.cli.settings import UpSettings

_PATIENCE = 10.0
"""Seconds after the grace time before an instance that does not end is killed."""


class NotStartedError(Exception):
    """The instance ended before it was ready; `code` is its exit code, and it has said why on standard error."""

    def __init__(self, code: int) -> None:
        """Take the code."""
        super().__init__(f"edgesim ended with exit code {code} before it was ready")
        self.code = code


@dataclass(slots=True)
class Background:
    """A running instance: its URLs, empty for what is not there, and its process. `grace` is in seconds."""

    process: subprocess.Popen[bytes]
    grace: float
    gateway: str = ""
    admin: str = ""
    tls: str = ""
    token: str = field(default="", repr=False)

    def environment(self) -> dict[str, str]:
        """Return the variables that tell a program where the instance is."""
        found = {
            "GATEWAY": self.gateway,
            "GATEWAY_TLS": self.tls,
            "EDGESIM_ADMIN": self.admin,
            "EDGESIM_ADMIN_TOKEN": self.token,
        }
        return {name: value for name, value in found.items() if value}

    def stop(self) -> int:
        """Let it drain, and return its exit code; one that does not end is killed."""
        if self.process.poll() is None:
            self.process.terminate()
        try:
            return self.process.wait(self.grace + _PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


def start(settings: UpSettings, typed: Sequence[str], errors: IO[bytes] | None = None) -> Background:
    """Start an instance and wait until it is ready; its lines go to `errors`, by default standard error.

    Raises NotStartedError.
    """
    process = _spawned(replace(settings, as_json=True), typed, errors)
    try:
        with saying_soon(f"starting {' '.join(map(str, settings.paths)) or 'without files'} ..."):
            found = _ready(process)
    except BaseException:
        process.terminate()
        process.communicate()
        raise
    _pass_on(process, errors)
    return Background(
        process, settings.grace, found["proxy"], found["admin"], found.get("tls", ""), found.get("token", "")
    )


def _spawned(settings: UpSettings, typed: Sequence[str], errors: IO[bytes] | None) -> subprocess.Popen[bytes]:
    with written(settings) as told:
        return subprocess.Popen(  # noqa: S603 - this interpreter, with what it was told
            command(told, typed),
            stdin=subprocess.DEVNULL if "-" not in map(str, settings.paths) else None,
            stdout=subprocess.PIPE,
            stderr=errors,
            pass_fds=(told.fileno(),),
            env={**os.environ, **safe_path()},
            start_new_session=True,  # Ctrl-C is for the command
        )


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
    raise NotStartedError(process.wait())


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

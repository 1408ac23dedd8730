"""What `up` takes before anything runs, and why it may not get it: ports, the access log, the state."""

from __future__ import annotations

import errno
import os
import socket
import sqlite3
from pathlib import Path

from edgesim.admin.guard import is_loopback
from edgesim.cli.settings import LOOPBACK, UpSettings
from edgesim.config.state_folder import (
    FolderInUseError,
    default_folder,
    in_words,
    open_default,
    open_explicit,
    temporary,
)
from edgesim.control.recorder import Recorder
from edgesim.policies.formatter import FormatError
from edgesim.proxy import Supervisor, WorkerSettings
from edgesim.proxy.access_log import compile_format, open_log
from edgesim.telemetry.sources import new_token, today


class StartError(Exception):
    """Why an instance cannot start, in one line with its code; `code` is the exit code."""

    def __init__(self, line: str, code: int = 1) -> None:
        """Take the line."""
        super().__init__(line)
        self.code = code


def worker_settings(settings: UpSettings) -> WorkerSettings:
    """Check what workers are told before there are any. Raises StartError."""
    try:
        compile_format(settings.access_log_format)
    except FormatError as wrong:
        hint = f"; {wrong.hint}" if wrong.hint else ""
        is_json = settings.access_log_format.lstrip().startswith("{")
        where = "--access-log-format" if is_json else f"--access-log-format, character {wrong.position + 1}"
        raise StartError(f"ES0706 {where}: {wrong.message}{hint}", 2) from None
    except ValueError as wrong:
        raise StartError(f"ES0706 --access-log-format: {wrong}", 2) from None
    path = "" if settings.access_log == "off" else settings.access_log
    if path:
        try:
            os.close(open_log(path))
        except OSError as refused:
            raise StartError(f"ES0705 --access-log {path}: {(refused.strerror or str(refused)).lower()}") from None
    return WorkerSettings(path, settings.access_log_format, settings.route_header)


def reserve_proxy(settings: UpSettings, seed: int, told: WorkerSettings) -> Supervisor:
    """Take the proxy's first port. Raises StartError."""
    host, seeded = settings.listen or LOOPBACK, str(seed)
    as_written = settings.listen is not None
    try:
        return Supervisor(host, settings.port, settings.workers, seeded, settings.tls_port, told, as_written=as_written)
    except OSError as error:
        raise _refused(error, host, settings.port, "--port") from None


def reserve_admin(settings: UpSettings) -> socket.socket:
    """Take the admin API's port. Raises StartError."""
    host, port = settings.admin_host, settings.admin_port
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise _refused(error, host, port, "--admin-port") from None


def _refused(error: OSError, host: str, port: int, option: str) -> StartError:
    if error.errno == errno.EADDRINUSE:
        return StartError(f"ES0700 {host}:{port} is in use; {option} N takes another port, 0 any free one")
    return StartError(f"ES0701 cannot listen on {host}:{port}: {(error.strerror or str(error)).lower()}")


def open_recorder(settings: UpSettings) -> Recorder:
    """Open the state: of a folder that was asked for, of the paths, or one that vanishes with the process.

    Raises StartError.
    """
    if settings.state == "off":
        return Recorder(temporary(), today)
    if not settings.state:
        return Recorder(open_default(default_folder(map(str, settings.paths), os.environ)), today)
    try:
        return Recorder(open_explicit(Path(settings.state)), today)
    except FolderInUseError as held:
        raise StartError(f"ES0720 --state {settings.state}: {held}") from None
    except (OSError, sqlite3.Error) as error:
        raise StartError(f"ES0720 --state {settings.state}: {in_words(error)}") from None


def admin_token(settings: UpSettings) -> str | None:
    """Return the token admin requests must show: off loopback there always is one."""
    if settings.admin_token is None and not is_loopback(settings.admin_host):
        return new_token()
    return settings.admin_token or None

"""What `up` takes before anything runs, and why it may not get it: ports, the access log, the state."""

from __future__ import annotations

import errno
import os
import socket
from pathlib import Path

from edgesim.cli.engine import DataPlane, envoy_engine
from edgesim.cli.settings import KUBE_PORT, LOOPBACK, Engine, KubeSettings, UpSettings
from edgesim.config.state_folder import default_folder, open_default, open_explicit, temporary
from edgesim.control.guard import is_loopback
from edgesim.control.recorder import Recorder
from edgesim.model import EdgesimError
from edgesim.model.codes import failure
from edgesim.policies.formatter import FormatError
from edgesim.proxy import Supervisor, WorkerSettings
from edgesim.proxy.access_log import compile_format, open_log
from edgesim.proxy.ports import Addresses
from edgesim.telemetry.sources import new_token, today


def worker_settings(settings: UpSettings) -> WorkerSettings:
    """Check what workers are told before there are any. Raises EdgesimError."""
    try:
        compile_format(settings.access_log_format)
    except FormatError as wrong:
        is_json = settings.access_log_format.lstrip().startswith("{")
        where = "--access-log-format" if is_json else f"--access-log-format, character {wrong.position + 1}"
        raise failure("ES0706", f"{where}: {wrong.message}", wrong.hint, exit_code=2) from None
    except ValueError as wrong:
        raise failure("ES0706", f"--access-log-format: {wrong}", exit_code=2) from None
    path = "" if settings.access_log == "off" else settings.access_log
    if path:
        try:
            os.close(open_log(path))
        except OSError as refused:
            raise failure("ES0705", f"--access-log {path}: {(refused.strerror or str(refused)).lower()}") from None
    return WorkerSettings(path, settings.access_log_format, settings.route_header)


def reserve_proxy(settings: UpSettings, seed: int, told: WorkerSettings) -> DataPlane:
    """Take the proxy's first port, or Envoy's. Raises EdgesimError."""
    host, seeded = settings.listen or LOOPBACK, str(seed)
    as_written = settings.listen is not None
    try:
        if settings.engine is Engine.ENVOY:
            return envoy_engine(settings, Addresses(host, settings.port, settings.tls_port, as_written), told, seeded)
        return Supervisor(host, settings.port, settings.workers, seeded, settings.tls_port, told, as_written=as_written)
    except OSError as error:
        raise _refused(error, host, settings.port, "--port") from None


def reserve_admin(settings: UpSettings) -> socket.socket:
    """Take the admin API's port. Raises EdgesimError."""
    host, port = settings.admin_host, settings.admin_port
    try:
        return _listening(host, port)
    except OSError as error:
        raise _refused(error, host, port, "--admin-port") from None


def reserve_kube(settings: KubeSettings) -> socket.socket:
    """Take the Kubernetes API's port; where nobody chose one, the first that is free from KUBE_PORT on.

    Raises EdgesimError.
    """
    first = KUBE_PORT if settings.port is None else settings.port
    for port in range(first, first + (_SO_MANY if settings.port is None else 1)):
        try:
            return _listening(settings.host, port)
        except OSError as error:
            refused = error
        if refused.errno != errno.EADDRINUSE:
            break
    raise _refused(refused, settings.host, first, "--kube-port")


_SO_MANY = 100
"""Ports that are tried."""


def _listening(host: str, port: int) -> socket.socket:
    return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)


def _refused(error: OSError, host: str, port: int, option: str) -> EdgesimError:
    if error.errno == errno.EADDRINUSE:
        return failure("ES0700", f"{host}:{port} is in use", f"{option} N takes another port, 0 any free one")
    return failure("ES0701", f"cannot listen on {host}:{port}: {(error.strerror or str(error)).lower()}")


def open_recorder(settings: UpSettings) -> Recorder:
    """Open the state: of a folder that was asked for, of the paths, or one that vanishes with the process.

    Raises EdgesimError.
    """
    if settings.state == "off":
        return Recorder(temporary(), today)
    if not settings.state:
        return Recorder(open_default(default_folder(map(str, settings.paths), os.environ)), today)
    return Recorder(open_explicit(Path(settings.state)), today)


def admin_token(settings: UpSettings) -> str | None:
    """Return the token admin requests must show: off loopback there always is one."""
    if settings.admin_token is None and not is_loopback(settings.admin_host):
        return new_token()
    return settings.admin_token or None

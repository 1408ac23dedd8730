"""Ports held for the workers, who share them."""

from __future__ import annotations

import errno
import socket


class PortInUseError(OSError):
    """Another program listens on the port asked for."""


def reserve(host: str, port: int) -> socket.socket:
    """Hold a port for the workers, who share it with SO_REUSEPORT; port 0 takes any free one.

    Raises PortInUseError where another program listens already (SO_REUSEPORT alone would not notice),
    and OSError for an address that cannot be bound.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    if port:
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            _bind(probe, host, port)
            probe.listen()
    return bound(host, port)


def bound(host: str, port: int) -> socket.socket:
    """Return a socket of a port that is held already; it does not listen yet. Raises OSError."""
    held = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        _bind(held, host, port)
    except OSError:
        held.close()
        raise
    return held


def port_of(held: socket.socket | None) -> int:
    """Return the port that is held, 0 for none."""
    return 0 if held is None else int(held.getsockname()[1])


def _bind(sock: socket.socket, host: str, port: int) -> None:
    try:
        sock.bind((host, port))
    except OSError as refused:
        if refused.errno == errno.EADDRINUSE:
            raise PortInUseError(refused.errno, f"{host}:{port} is in use") from None
        raise

"""TCP keep-alive of connections to endpoints: what a socket is told, where its system knows of it."""

from __future__ import annotations

import contextlib
import socket
import sys

from edgesim.model import TcpKeepalive

_IDLE = "TCP_KEEPALIVE" if sys.platform == "darwin" else "TCP_KEEPIDLE"


def keep_alive(sock: socket.socket, settings: TcpKeepalive) -> None:
    """Let a socket probe a peer that is silent. What is not given, or not known here, stays as the system has it."""
    options = {_IDLE: settings.time, "TCP_KEEPINTVL": settings.interval, "TCP_KEEPCNT": settings.probes}
    with contextlib.suppress(OSError):  # values that the system does not take
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in options.items():
            if value is not None and hasattr(socket, name):
                sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)

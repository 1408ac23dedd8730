"""Sockets between programs of one machine.

Where the system paces what it sends (BBR, a common choice on servers), every write arms a timer. On
loopback there is nothing to be paced for, so such sockets ask for the kernel's plainest congestion
control: accepted ones inherit it from the listener.
"""

from __future__ import annotations

import contextlib
import socket
from ipaddress import ip_address

_PLAIN = b"reno"
"""The one congestion control every Linux kernel has and every user may choose."""


def is_loopback(host: str) -> bool:
    """Tell whether an address is one of this machine's own loopback addresses; a name is not looked up."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def unpaced(sock: socket.socket) -> None:
    """Ask for sending without pacing, where the system knows such a choice."""
    if hasattr(socket, "TCP_CONGESTION"):
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, _PLAIN)

"""What the kernel knows of a connection: how much of what was sent its other end has not read yet, how it is probed.

So bytes can be sent one at a time, each a read of its own however busy the machine is. Asked over netlink (sock_diag(7), struct inet_diag_req_v2), about 20 us a question.
"""

from __future__ import annotations

import ctypes
import socket
import struct
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_SOCK_DIAG = 4
_SOCK_DIAG_BY_FAMILY = 20
_NLM_F_REQUEST = 1
_ANY_STATE = _NO_COOKIE = 0xFFFFFFFF
_ESTABLISHED = 1
_KEEPALIVE = 2
_SO_ATTACH_FILTER = 26
Address = tuple[str, int]
_HEADER = struct.Struct("=IHHII")
_MESSAGE = struct.Struct("=4B48x5I")
"""struct inet_diag_msg: family, state, timer, retransmits; the id; expires, rqueue, wqueue, uid, inode."""
CAN_TELL = sys.platform == "linux"
_STUCK = 5.0
"""Seconds after which bytes are taken to be left unread for good."""


def unread(connection: socket.socket) -> int | None:
    """Return how many bytes a connection's other end, on this machine, has not read; None when that end is closed."""
    try:
        local, remote = connection.getpeername(), connection.getsockname()
    except OSError:
        return None  # it was reset
    told = _told(local, remote)
    if told is None:
        return None
    _family, state, _timer, _retransmits, _expires, received, *_ = told
    return received if state == _ESTABLISHED else None


@dataclass(frozen=True, slots=True)
class Probing:
    """How a connection is probed: seconds until it is next, and how many probes were not answered."""

    due: float
    unanswered: int


def probing(local: Address, remote: Address) -> Probing | None:
    """Return how an end of a connection on this machine is probed (TCP keep-alive). Raises LookupError when it is gone."""
    told = _told(local, remote)
    if told is None or told[1] != _ESTABLISHED:
        raise LookupError(local)
    _family, _state, timer, unanswered, expires, *_ = told
    return Probing(expires / 1000, unanswered) if timer == _KEEPALIVE else None


def fall_silent(connection: Any) -> None:
    """Let a socket take no packet any more, as if its machine was gone: a filter that drops all (socket(7))."""
    drop = ctypes.create_string_buffer(struct.pack("=HBBI", 0x06, 0, 0, 0))  # BPF: return 0 bytes of it
    connection.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("@HP", 1, ctypes.addressof(drop)))


def _told(local: Address, remote: Address) -> tuple[int, ...] | None:
    """Return what the kernel says of the end of a connection that has these addresses, None when there is none."""
    ends = struct.pack("!HH", local[1], remote[1])
    addresses = b"".join(socket.inet_aton(host).ljust(16, b"\0") for host, _port in (local, remote))
    wanted = struct.pack("=4BI", socket.AF_INET, socket.IPPROTO_TCP, 0, 0, _ANY_STATE)
    request = wanted + ends + addresses + struct.pack("=3I", 0, _NO_COOKIE, _NO_COOKIE)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _SOCK_DIAG) as kernel:
        kernel.send(_HEADER.pack(_HEADER.size + len(request), _SOCK_DIAG_BY_FAMILY, _NLM_F_REQUEST, 1, 0) + request)
        answer = kernel.recv(4096)
    if _HEADER.unpack_from(answer)[1] != _SOCK_DIAG_BY_FAMILY:
        return None
    return _MESSAGE.unpack_from(answer, _HEADER.size)


def send(connection: socket.socket, data: bytes, *, whole: bool) -> None:
    """Send bytes, in one piece or one at a time."""
    for _ in sending(connection, data, whole=whole):
        pass


def sending(connection: socket.socket, data: bytes, *, whole: bool) -> Iterator[int]:
    """Send bytes, likewise; yields how many were sent whenever it goes on."""
    step = len(data) if whole else 1
    for at in range(0, len(data), max(1, step)):
        connection.sendall(data[at : at + step])
        yield at
        if not whole and not _is_read(connection):
            return


def _is_read(connection: socket.socket) -> bool:
    """Wait until the other end has read all of it; False if it never will."""
    deadline = time.monotonic() + _STUCK
    while CAN_TELL and (left := unread(connection)) != 0:
        if left is None or time.monotonic() > deadline:
            return False
    return True

"""The channel between the parent and a worker: length-prefixed pickles over a socket pair.

Both ends are this program and the socket is private to them, so pickle is safe here. Listening sockets are
handed over on a second pair, always ahead of the message that tells of them.
"""

from __future__ import annotations

import asyncio
import dataclasses
import errno
import os
import socket
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from edgesim.balancing import Address
from edgesim.model import Route
from edgesim.policies.breakage import Breakage
from edgesim.proxy.deltas import Delta
from edgesim.proxy.packing import pack, unpack
from edgesim.proxy.ports import Place
from edgesim.telemetry.states import Scope, State
from edgesim.telemetry.tally import Growth, Totals

_LENGTH = struct.Struct(">Q")
_ROUTES_AT_ONCE = 20
_AT_ONCE = 200
"""Sockets handed over by one call: Linux takes up to 253."""


@dataclass(frozen=True, slots=True)
class Drain:
    """Parent to worker: stop accepting, finish, and leave within `grace` seconds."""

    grace: float


@dataclass(frozen=True, slots=True)
class Hint:
    """Parent to worker: from now on answers say `connection: close`, or no more; connections are taken all the same."""

    closes: bool


@dataclass(frozen=True, slots=True)
class Reopen:
    """Parent to worker: the log's file may have been moved away; open it anew."""


@dataclass(frozen=True, slots=True)
class Ask:
    """Parent to worker: what did you count? With `reset`, begin at zero behind the answer.

    A `patient` one may be answered bit by bit: nobody waits.
    """

    number: int
    reset: bool = False
    patient: bool = False


@dataclass(frozen=True, slots=True)
class Served:
    """Worker to parent: requests are now decided by this version."""

    version: int


@dataclass(frozen=True, slots=True)
class Failed:
    """Worker to parent: this version cannot be served, the one before still is.

    `culprit` is the virtual host or cluster at fault, if one is.
    """

    version: int
    reason: str
    culprit: str = ""


@dataclass(frozen=True, slots=True)
class Grown:
    """Worker to parent: a piece of what was counted, asked for or not."""

    growth: Growth


@dataclass(frozen=True, slots=True)
class Seen:
    """Worker to parent: what some clusters and listeners are in."""

    states: tuple[tuple[Scope, State], ...]


@dataclass(frozen=True, slots=True)
class Counted:
    """Worker to parent: what was counted until the `Ask` of the same number has been told."""

    number: int
    totals: Totals


@dataclass(frozen=True, slots=True)
class Routes:
    """Parent to worker: routes of the delta that follows, which would be too much at once."""

    routes: tuple[Route, ...]


@dataclass(frozen=True, slots=True)
class Health:
    """Parent to worker: what active health checks found of endpoints of a cluster; None forgets one that is gone.

    It may come ahead of the delta that has the cluster.
    """

    cluster: str
    passing: dict[Address, bool | None]


@dataclass(frozen=True, slots=True)
class Break:
    """Parent to worker: all that is broken on purpose from now on, by the name of a cluster or by `ip:port`."""

    breakages: dict[str, Breakage]


@dataclass(frozen=True, slots=True)
class Used:
    """Worker to parent: these clusters, whose endpoints are checked, got their first request."""

    clusters: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Handed:
    """Parent to worker: sockets of these places were handed over, in order, for the delta that follows."""

    places: tuple[Place, ...]


Message = (
    Delta
    | Routes
    | Handed
    | Health
    | Break
    | Drain
    | Hint
    | Reopen
    | Ask
    | Served
    | Failed
    | Used
    | Grown
    | Seen
    | Counted
)


def frame(message: Message) -> bytes:
    """Return a message as it is sent."""
    payload = pack(message)
    return _LENGTH.pack(len(payload)) + payload


def frames(changes: Delta) -> Iterator[bytes]:
    """Yield a delta as messages none of which takes long to make or to read."""
    routes = changes.routes
    for begin in range(0, len(routes), _ROUTES_AT_ONCE):
        yield frame(Routes(routes[begin : begin + _ROUTES_AT_ONCE]))
    yield frame(dataclasses.replace(changes, routes=()))


def write(writer: asyncio.StreamWriter, message: Message) -> None:
    """Send a message; to a side that is gone it is lost."""
    if not writer.is_closing():
        writer.write(frame(message))


async def read(reader: asyncio.StreamReader) -> Message | None:
    """Receive a message, or None when the other side is gone."""
    try:
        (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
        message: Message = unpack(await reader.readexactly(length))
    except (asyncio.IncompleteReadError, OSError):
        return None
    return message


def hand_over(pair: socket.socket, sockets: Sequence[socket.socket]) -> None:
    """Send sockets to the other side, which has copies then. Raises OSError, also where the other side takes none."""
    for begin in range(0, len(sockets), _AT_ONCE):
        socket.send_fds(pair, [b"."], [each.fileno() for each in sockets[begin : begin + _AT_ONCE]])


def take_over(pair: socket.socket, count: int) -> list[socket.socket]:
    """Receive sockets that were handed over before the message that told how many. Raises OSError."""
    taken: list[socket.socket] = []
    while len(taken) < count:
        _data, numbers, flags, _address = socket.recv_fds(pair, 1, _AT_ONCE)
        if flags & socket.MSG_CTRUNC or not numbers:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))  # the system drops what there is no room for
        taken += [socket.socket(fileno=number) for number in numbers]
    return taken

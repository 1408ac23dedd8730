"""The channel between the parent and a worker: length-prefixed pickles over a socket pair.

Both ends are this program and the socket is private to them, so pickle is safe here.
"""

from __future__ import annotations

import asyncio
import pickle
import struct
from dataclasses import dataclass

from edgesim.proxy.deltas import Delta
from edgesim.telemetry.tally import News

_LENGTH = struct.Struct(">Q")


@dataclass(frozen=True, slots=True)
class Drain:
    """Parent to worker: stop accepting, finish, and leave within `grace` seconds."""

    grace: float


@dataclass(frozen=True, slots=True)
class Reopen:
    """Parent to worker: the log's file may have been moved away; open it anew."""


@dataclass(frozen=True, slots=True)
class Ask:
    """Parent to worker: what did you count? With `reset`, begin at zero behind the answer."""

    number: int
    reset: bool = False


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
class Counted:
    """Worker to parent: the answer to the `Ask` of the same number."""

    number: int
    news: News
    reset: bool


Message = Delta | Drain | Reopen | Ask | Served | Failed | Counted


def write(writer: asyncio.StreamWriter, message: Message) -> None:
    """Send a message; to a side that is gone it is lost."""
    if writer.is_closing():
        return
    payload = pickle.dumps(message, protocol=5)
    writer.write(_LENGTH.pack(len(payload)) + payload)


async def read(reader: asyncio.StreamReader) -> Message | None:
    """Receive a message, or None when the other side is gone."""
    try:
        (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
        message: Message = pickle.loads(await reader.readexactly(length))  # noqa: S301  # see above: both ends are ours
    except (asyncio.IncompleteReadError, OSError):
        return None
    return message

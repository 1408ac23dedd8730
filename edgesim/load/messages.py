"""What the parent and a client process tell each other: a length, then msgpack."""

from __future__ import annotations

import asyncio
import struct
from dataclasses import dataclass

import msgspec

from edgesim.load.results import SessionPattern, Slots
from edgesim.load.scenario import Scenario

_LENGTH = struct.Struct(">I")


class Order(msgspec.Struct, tag=True, array_like=True):
    """Parent to client: what to do. It answers `Ready` once its connections are open."""

    scenario: Scenario
    index: int
    """Of this client among `workers`."""
    workers: int


class Begin(msgspec.Struct, tag=True, array_like=True):
    """Parent to client: the run starts at this moment of the machine's monotonic clock, in nanoseconds."""

    at: int


class Stop(msgspec.Struct, tag=True, array_like=True):
    """Parent to client: send nothing more, wait for what is under way, and end."""


class Ready(msgspec.Struct, tag=True, array_like=True):
    """Client to parent: it may begin; or it cannot, and `wrong` says why."""

    wrong: str = ""


@dataclass(slots=True)
class Counts:
    """Of the requests whose time came: each is sent, waits, or is given up unsent."""

    asked: int = 0
    sent: int = 0
    late: int = 0
    unsent: int = 0


class Grown(msgspec.Struct, array_like=True):
    """What came of requests alike since the last beat."""

    request: str
    status: int
    destination: str
    error: str
    measured: bool
    """Its time lay between warm-up and cool-down."""
    received: int
    latency: Slots
    service: Slots
    """Empty where it is the same."""


class Beat(msgspec.Struct, tag=True, array_like=True):
    """Client to parent, once a second: all that came of it."""

    second: int
    measured: Counts
    other: Counts
    """In warm-up and cool-down."""
    waiting: int
    busy: float
    cells: list[Grown]
    connects: Slots = msgspec.field(default_factory=dict)
    pacing: Slots = msgspec.field(default_factory=dict)
    """Microseconds by which the client itself woke up late."""
    blocked: int = 0
    """Sends that the system took only in part."""
    short: dict[str, int] = msgspec.field(default_factory=dict)
    """Connections that could not be opened for want of something of the client's own: files, ports."""


class End(msgspec.Struct, tag=True, array_like=True):
    """Client to parent: all is done."""

    sessions: list[SessionPattern]
    seconds: float
    """From the start to the last answer."""


Message = Order | Begin | Stop | Ready | Beat | End
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Message)


def write(writer: asyncio.StreamWriter, message: Message) -> None:
    """Send a message; to a side that is gone it is lost."""
    if not writer.is_closing():
        payload = _encoder.encode(message)
        writer.write(_LENGTH.pack(len(payload)) + payload)


async def read(reader: asyncio.StreamReader) -> Message | None:
    """Receive a message, None when the other side is gone."""
    try:
        (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
        message: Message = _decoder.decode(await reader.readexactly(length))
    except (asyncio.IncompleteReadError, OSError):
        return None
    return message

"""What `edgesim load` and a process of Locust tell each other: a length, then msgpack, as in `messages`.

`Order` and `Begin` go to the process, as to any client process; what comes back is of several clients.
"""

from __future__ import annotations

import asyncio
import socket
import struct

import msgspec

from edgesim.load.messages import Beat, End, Order, Ready, Stop

_LENGTH = struct.Struct(">I")


class Joined(msgspec.Struct, tag=True, array_like=True):
    """So many workers have joined the master, and where others find it."""

    workers: int
    address: str


class Told(msgspec.Struct, tag=True, array_like=True):
    """What a worker has counted in a second."""

    client: int
    beat: Beat


class Ended(msgspec.Struct, tag=True, array_like=True):
    """A worker is through."""

    client: int
    end: End


class Lost(msgspec.Struct, tag=True, array_like=True):
    """Why the run cannot go on."""

    why: str


Message = Order | Stop | Ready | Joined | Told | Ended | Lost
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Message)
_reports = msgspec.msgpack.Decoder(Beat | End)


def packed(message: Message) -> bytes:
    """Return a message with its length."""
    payload = _encoder.encode(message)
    return _LENGTH.pack(len(payload)) + payload


def report(message: Beat | End | Order) -> bytes:
    """Return what travels inside of Locust's own messages."""
    return _encoder.encode(message)


def read_report(data: bytes) -> Beat | End:
    """Read what a worker put into its report. Raises msgspec.MsgspecError."""
    found: Beat | End = _reports.decode(data)
    return found


def read_order(data: bytes) -> Order:
    """Read what the master put into its order. Raises msgspec.MsgspecError."""
    return msgspec.msgpack.decode(data, type=Order)


async def read(reader: asyncio.StreamReader) -> Message | None:
    """Receive a message, None when the other side is gone."""
    try:
        (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
        message: Message = _decoder.decode(await reader.readexactly(length))
    except (asyncio.IncompleteReadError, OSError):
        return None
    return message


def receive(sock: socket.socket) -> Message | None:
    """Receive a message where sockets are gevent's."""
    length = _exactly(sock, _LENGTH.size)
    payload = _exactly(sock, *_LENGTH.unpack(length)) if length else b""
    return _decoder.decode(payload) if payload else None


def _exactly(sock: socket.socket, number: int) -> bytes:
    parts: list[bytes] = []
    while number:
        part = sock.recv(number)
        if not part:
            return b""
        parts.append(part)
        number -= len(part)
    return b"".join(parts)

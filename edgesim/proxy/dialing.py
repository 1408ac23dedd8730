"""A connection to one endpoint, over TLS where it has that: for requests, health checks and relays alike."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from edgesim.proxy.tls import names_hold

Made = TypeVar("Made", bound=asyncio.BaseProtocol)


@dataclass(frozen=True, slots=True)
class EndpointTls:
    """TLS to one endpoint: its context, the server name to send, and names of which its certificate must have one."""

    context: ssl.SSLContext
    server_name: str | None
    verify_names: tuple[str, ...]


async def dial(
    address: str, port: int, tls: EndpointTls | None, make: Callable[[], Made]
) -> tuple[asyncio.Transport, Made]:
    """Open a connection.

    Raises OSError, or ValueError and OverflowError for a server name that is none and a port out of range.
    """
    loop = asyncio.get_running_loop()
    if tls is None:
        return await loop.create_connection(make, address, port)
    name = tls.server_name or ""
    name.encode("idna")  # raises here what the ssl module would log
    transport, made = await loop.create_connection(make, address, port, ssl=tls.context, server_hostname=name)
    if not names_hold(transport.get_extra_info("peercert"), tls.verify_names):
        transport.abort()
        raise ssl.SSLCertVerificationError(1, "SAN matcher")
    return transport, made


async def dial_streams(
    address: str, port: int, tls: EndpointTls | None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Open a connection to read and write. Raises as `dial`."""
    loop, reader = asyncio.get_running_loop(), asyncio.StreamReader()
    transport, protocol = await dial(address, port, tls, lambda: asyncio.StreamReaderProtocol(reader))
    return reader, asyncio.StreamWriter(transport, protocol, reader, loop)

"""Workers that listen for TLS, and clients that dial them."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from edgesim.model import (
    TLS_LISTENER,
    DownstreamTls,
    Model,
    VirtualHost,
)
from edgesim.proxy import handshakes
from tests.proxy.authority import client_context, issued
from tests.proxy.scenes import (
    DEADLINE,
    Client,
    Gateway,
    direct,
    gateway,
    until,
)

TLS = DownstreamTls(issued("a.example"))
MEGABYTE = 1 << 20


def host(name: str, tls: DownstreamTls | None = TLS, domain: str = "*") -> VirtualHost:
    """A virtual host that answers with its own name."""
    return VirtualHost(name, (domain,), (direct(body=name),), tls=tls)


@asynccontextmanager
async def tls_gateway(served: Model) -> AsyncIterator[tuple[Gateway, handshakes.TlsListener]]:
    """Run a worker that listens for TLS as well."""
    async with gateway(served) as made:
        listening = socket.create_server(("127.0.0.1", 0), backlog=100)
        listener = handshakes.TlsListener(made.worker, made.worker.listeners[TLS_LISTENER.name], listening)
        try:
            yield made, listener
        finally:
            listener.close()
            await until(lambda: not listener.handshakes, "handshakes stay under way")


async def dial(
    made: Gateway, listener: handshakes.TlsListener, name: str | None = None, context: ssl.SSLContext | None = None
) -> Client:
    """Open a connection over TLS."""
    async with asyncio.timeout(DEADLINE):
        streams = await asyncio.open_connection(
            "127.0.0.1", listener.port, ssl=context or client_context(), server_hostname=name or "", limit=MEGABYTE
        )
    client = Client(*streams)
    made.clients.append(client)
    return client


def hello_for(name: str | None, context: ssl.SSLContext | None = None) -> bytes:
    """Return the ClientHello that OpenSSL writes."""
    outgoing = ssl.MemoryBIO()
    shaking = (context or client_context()).wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=name)
    with suppress(ssl.SSLWantReadError):
        shaking.do_handshake()
    return outgoing.read()

"""TLS towards endpoints, over real sockets."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from edgesim.model import (
    Certificate,
    Cluster,
    Endpoint,
    UpstreamTls,
)
from tests.proxy.authority import authority, issued, server_context
from tests.proxy.scenes import (
    OK,
    Gateway,
    Peer,
    Script,
    answering,
    cluster,
    gateway,
    model,
    to,
    upstream,
)


@asynccontextmanager
async def secure_upstream(
    context: ssl.SSLContext, tls: UpstreamTls, sni: str = "", script: Script | None = None
) -> AsyncIterator[tuple[Gateway, list[str | None], list[int]]]:
    """Run a TLS upstream and a worker that forwards to it; yields the server names and connections seen."""
    names: list[str | None] = []
    connections: list[int] = []
    context.sni_callback = lambda _socket, name, _context: names.append(name)
    follow = script or answering(OK)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(1)
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            await follow(Peer(reader, writer))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    try:
        clusters: list[Cluster] = [cluster(Endpoint("127.0.0.1", port, sni=sni), tls=tls)]
        async with gateway(model([to()], clusters)) as gw:
            yield gw, names, connections
    finally:
        server.close()


def demanding(**options: Any) -> UpstreamTls:
    """TLS that trusts our authority only."""
    return UpstreamTls(root_ca=authority("authority").pem, **options)


async def ask_upstream(certificate: Certificate, tls: UpstreamTls, **server: Any) -> tuple[int, bytes]:
    """Return what a client gets through TLS to an upstream."""
    async with secure_upstream(server_context(certificate, **server), tls) as (gw, _, _):
        reply = await (await gw.client()).ask()
        return reply.status, reply.body


async def test_secure_connections_are_kept() -> None:
    """TLS connections to an endpoint are pooled, and told the server name: the endpoint's, else the cluster's."""
    for sni, name in (("", "cluster.example"), ("endpoint.example", "endpoint.example")):
        tls = UpstreamTls(sni="cluster.example")
        async with secure_upstream(server_context(issued("up")), tls, sni) as (gw, names, connections):
            client = await gw.client()
            for _ in range(10):
                assert (await client.ask()).body == b"ok"
            assert (names, len(connections)) == ([name], 1)


FAILED = (503, b"upstream connect error or disconnect/reset before headers. reset reason: remote connection failure")


@pytest.mark.parametrize(
    ("tls", "answer"),
    [
        (UpstreamTls(), (200, b"ok")),
        (demanding(), (200, b"ok")),
        (demanding(verify_names=("up.example",)), (200, b"ok")),
        (demanding(verify_names=("x.wild.example",)), (200, b"ok")),
        (demanding(verify_names=("127.0.0.1",)), (200, b"ok")),
        (demanding(verify_names=("y.x.wild.example", "other")), FAILED),
        (UpstreamTls(root_ca=authority("others").pem), FAILED),
        (UpstreamTls(sni="..bad.."), FAILED),
        (UpstreamTls(minimum_version="TLSv1_3", maximum_version="TLSv1_3"), (200, b"ok")),
    ],
)
async def test_endpoints_are_verified(tls: UpstreamTls, answer: tuple[int, bytes]) -> None:
    """An authority and names are demanded where they are configured, and nothing is where they are not."""
    assert await ask_upstream(issued("up.example", "*.wild.example", "127.0.0.1"), tls) == answer


async def test_a_certificate_may_be_its_own_authority() -> None:
    """A trusted certificate need not be self-signed: an intermediate one, or the endpoint's own, will do as in Envoy."""
    own = issued("up.example")
    assert await ask_upstream(own, UpstreamTls(root_ca=own.chain)) == (200, b"ok")


async def test_a_client_certificate_is_shown() -> None:
    """An endpoint that demands certificates gets the cluster's; without one there is no connection."""
    up = issued("up.example")
    assert await ask_upstream(up, UpstreamTls(certificate=issued("me", by="clients")), asks_for="clients") == (
        200,
        b"ok",
    )
    assert await ask_upstream(up, UpstreamTls(), asks_for="clients") == FAILED


async def test_tls_1_3_is_not_spoken_to_endpoints_unless_asked_for() -> None:
    """Envoy's clients end at TLS 1.2 by default, and so does a rehearsal."""
    for tls, answer in ((UpstreamTls(), FAILED), (UpstreamTls(maximum_version="TLSv1_3"), (200, b"ok"))):
        context = server_context(issued("up"))
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        async with secure_upstream(context, tls) as (gw, _, _):
            reply = await (await gw.client()).ask()
            assert (reply.status, reply.body) == answer


async def test_an_endpoint_without_tls_is_a_failure() -> None:
    """An endpoint that answers in plain text is not reached, and the reason is there for the access log."""

    async def answer_anything(peer: Peer) -> None:
        await peer.reader.read(1)
        peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async with upstream(answer_anything) as up:
        served = model([to()], [cluster(up.endpoint, tls=UpstreamTls())])
        async with gateway(served) as gw:
            reply = await (await gw.client()).ask()
            assert (reply.status, reply.body) == FAILED
            pool = gw.worker.snapshot.clusters["echo"].pool(up.endpoint)
            assert (
                pool.failure == b"TLS_error:|268435703:SSL_routines:OPENSSL_internal:WRONG_VERSION_NUMBER:TLS_error_end"
            )

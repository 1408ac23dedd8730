"""TLS towards clients and endpoints, over real sockets."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgesim.model import (
    PLAIN_LISTENER,
    TLS_LISTENER,
    Certificate,
    Cluster,
    DownstreamTls,
    Endpoint,
    ListenerOptions,
    Model,
    UpstreamTls,
    VirtualHost,
)
from edgesim.proxy import handshakes
from edgesim.proxy.client_hello import LONGEST, server_name
from edgesim.proxy.tls import downstream_context, failure_text, names_hold, upstream_context
from tests.proxy.authority import authority, client_context, issued, server_context
from tests.proxy.scenes import (
    DEADLINE,
    GET,
    OK,
    Client,
    Gateway,
    Peer,
    Script,
    answering,
    cluster,
    direct,
    gateway,
    model,
    playing,
    to,
    until,
    upstream,
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


def shown(client: Client) -> str:
    """Return the common name of the certificate a client was shown."""
    certificate = client.writer.get_extra_info("peercert")
    return str(dict(pair[0] for pair in certificate["subject"])["commonName"])


async def refused(made: Gateway, listener: handshakes.TlsListener, context: ssl.SSLContext, name: str = "a") -> bool:
    """Tell whether a client gets no answer."""
    try:
        client = await dial(made, listener, name, context)
        return (await client.ask()).status == 0
    except (OSError, AssertionError):
        return True


# -- the server name -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "certificate"),
    [("a.example", "a.example"), ("A.EXAMPLE", "a.example"), ("x.b.example", "b"), ("y.x.b.example", "b")],
)
async def test_the_server_name_chooses_the_certificate(name: str, certificate: str) -> None:
    """Exact names and wildcards lead to their certificates, in any case, at any depth, as in Envoy."""
    served = Model(
        (
            host("a", replace(TLS, sni=("a.example",)), "a.example"),
            host("b", DownstreamTls(issued("b", "*.b.example"), sni=("*.b.example",)), "b.example"),
        )
    )
    async with tls_gateway(served) as (gw, listener):
        client = await dial(gw, listener, name)
        assert shown(client) == certificate
        assert (await client.ask(GET.replace(b"any", b"b.example"))).body == b"b"  # the Host chooses the virtual host


@pytest.mark.parametrize("name", ["b.example", "unknown.example", None])
async def test_a_server_name_that_nothing_serves_is_reset(name: str | None) -> None:
    """An unknown name, and none at all, end the connection without an alert, as in Envoy."""
    served = Model((host("a", replace(TLS, sni=("a.example", "*.b.example"))),))
    async with tls_gateway(served) as (gw, listener):
        with pytest.raises(ConnectionError):
            await dial(gw, listener, name)
        assert (await (await dial(gw, listener, "a.example")).ask()).status == 200


async def test_without_names_every_name_is_served() -> None:
    """A certificate without server names serves what no other one does."""
    served = Model((host("any"), host("b", DownstreamTls(issued("b"), sni=("b",)), "b")))
    async with tls_gateway(served) as (gw, listener):
        for name, certificate in (("zz", "a.example"), (None, "a.example"), ("b", "b")):
            assert shown(await dial(gw, listener, name)) == certificate


async def test_a_hello_may_come_byte_by_byte() -> None:
    """The server name is found however the ClientHello is cut."""
    served = Model((host("a", replace(TLS, sni=("a.example",))),))
    async with tls_gateway(served) as (gw, listener):
        data = hello_for("a.example")
        peer = Peer(*await asyncio.open_connection("127.0.0.1", listener.port))
        for at in range(len(data)):
            peer.send(data[at : at + 1])
            await asyncio.sleep(0)
        assert (await peer.exactly(3))[:2] == b"\x16\x03"  # a ServerHello
        peer.close()
        del gw


def hello_for(name: str | None, context: ssl.SSLContext | None = None) -> bytes:
    """Return the ClientHello that OpenSSL writes."""
    outgoing = ssl.MemoryBIO()
    shaking = (context or client_context()).wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=name)
    with suppress(ssl.SSLWantReadError):
        shaking.do_handshake()
    return outgoing.read()


@pytest.mark.parametrize("name", ["a.example", "x" * 60 + ".example", None])
@pytest.mark.parametrize("size", [1, 7, 100, 16000])
def test_names_are_found_in_any_records(name: str | None, size: int) -> None:
    """A hello may come in one record or in many, and is not taken for whole before it is."""
    message = hello_for(name, client_context(alpn=("h2", "http/1.1")))[5:]
    pieces = [message[at : at + size] for at in range(0, len(message), size)]
    data = b"".join(b"\x16\x03\x01" + len(piece).to_bytes(2, "big") + piece for piece in pieces)
    assert server_name(data) == (name or "").encode()
    assert {server_name(data[:end]) for end in range(len(data))} == {None}


@given(st.binary(max_size=200))
def test_any_first_bytes_are_looked_at(data: bytes) -> None:
    """Whatever a client begins with, looking for a name raises nothing, and ends where too much came."""
    server_name(data)
    for begin in (b"\x16\x03\x01\x40\x00", b"\x16\x03\x01\0\x80\x01\0\0\x7c", hello_for("a.example")[:60]):
        server_name(begin + data)
        assert server_name((begin + data).ljust(LONGEST, b"\0")) is not None


async def test_hostile_names_are_refused_quietly(capfd: pytest.CaptureFixture[str]) -> None:
    """A name that is no ASCII, or no name at all, is looked up like any other, and nothing is logged."""
    served = Model((host("a", replace(TLS, sni=("a.example",))),))
    async with tls_gateway(served) as (gw, listener):
        for wild in (b"a..xxxxxx", b"\xff\xfe\0aaaaaa", b"\xc3\xa4aaaaaaa"):
            peer = Peer(*await asyncio.open_connection("127.0.0.1", listener.port))
            peer.send(hello_for("a.example").replace(b"a.example", wild))
            with suppress(ConnectionResetError):
                assert await peer.rest() == b""
            peer.close()
        del gw
    assert capfd.readouterr().err == ""


# -- client certificates, versions, protocols ----------------------------------------------------------


async def test_client_certificates_are_demanded() -> None:
    """With an authority, only its clients are served; the server's other certificates demand nothing."""
    mutual = replace(TLS, sni=("a",), root_ca=authority("clients").pem)
    served = Model((host("open", TLS, "any"), host("a", mutual, "a")))
    good, foreign = issued("me", by="clients"), issued("me", by="others")
    async with tls_gateway(served) as (gw, listener):
        assert await refused(gw, listener, client_context())
        assert await refused(gw, listener, client_context(foreign))
        old = client_context()
        old.maximum_version = ssl.TLSVersion.TLSv1_2
        assert await refused(gw, listener, old)
        assert not await refused(gw, listener, client_context(good))
        assert not await refused(gw, listener, client_context(), "other")


@pytest.mark.parametrize(("wanted", "is_refused"), [("me", False), ("spiffe://a/b", False), ("you", True)])
async def test_client_certificates_carry_a_wanted_name(wanted: str, is_refused: bool) -> None:
    """`verifySubjectAltName` lets only certificates with one of the names in."""
    mutual = replace(TLS, root_ca=authority("clients").pem, verify_names=("zz", wanted))
    async with tls_gateway(Model((host("a", mutual),))) as (gw, listener):
        named = client_context(issued("me", "spiffe://a/b", by="clients"))
        assert await refused(gw, listener, named) is is_refused


async def test_one_way_tls_asks_for_no_certificate() -> None:
    """`oneWayTls` switches client certificates off, whatever authority is there."""
    one_way = replace(TLS, root_ca=authority("clients").pem, verify_names=("me",), one_way=True)
    async with tls_gateway(Model((host("a", one_way),))) as (gw, listener):
        assert not await refused(gw, listener, client_context())


@pytest.mark.parametrize(
    ("least", "most", "offered", "spoken"),
    [
        ("", "", "TLSv1_3", "TLSv1.3"),
        ("", "TLSv1_2", "TLSv1_3", "TLSv1.2"),
        ("TLSv1_3", "", "TLSv1_2", None),
        ("", "", "TLSv1_2", "TLSv1.2"),
    ],
)
async def test_versions_are_limited_by_name(least: str, most: str, offered: str, spoken: str | None) -> None:
    """The limits of the certificate that the name chooses hold, not those of another."""
    limited = replace(TLS, sni=("a",), minimum_version=least, maximum_version=most)
    other = DownstreamTls(issued("o"), minimum_version="TLSv1_3")
    async with tls_gateway(Model((host("other", other, "o"), host("a", limited, "a")))) as (gw, listener):
        context = client_context()
        context.maximum_version = ssl.TLSVersion[offered]
        if spoken is None:
            assert await refused(gw, listener, context)
        else:
            client = await dial(gw, listener, "a", context)
            assert client.writer.get_extra_info("ssl_object").version() == spoken


@pytest.mark.parametrize(
    ("served", "offered", "selected"),
    [
        (("http/1.1",), ("h2", "http/1.1"), "http/1.1"),
        (("http/1.1",), ("h2",), None),
        (("http/1.1",), (), None),
        ((), ("http/1.1",), None),
    ],
)
async def test_http_1_is_negotiated(served: tuple[str, ...], offered: tuple[str, ...], selected: str | None) -> None:
    """ALPN chooses HTTP/1.1 where both have it; a client that offers something else may still speak it."""
    async with tls_gateway(Model((host("a", replace(TLS, alpn=served)),))) as (gw, listener):
        client = await dial(gw, listener, "a", client_context(alpn=offered))
        assert client.writer.get_extra_info("ssl_object").selected_alpn_protocol() == selected
        assert (await client.ask()).body == b"a"


async def test_http_2_is_refused_in_words() -> None:
    """A client that begins with HTTP/2 over TLS is told what is spoken here."""
    async with tls_gateway(Model((host("a"),))) as (gw, listener):
        client = await dial(gw, listener, "a", client_context(alpn=("h2",)))
        client.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9))
        assert b"HTTP/1.1" in await client.rest()


# -- listeners -----------------------------------------------------------------------------------------


async def test_a_domain_may_be_served_on_both_listeners() -> None:
    """A virtual host with TLS is not on the plain port, one without not on the TLS port; a domain may have both."""
    served = Model((host("plain", None, "both"), host("secret", TLS, "both"), host("only", TLS, "only")))
    async with tls_gateway(served) as (gw, listener):
        plain, secret = await gw.client(), await dial(gw, listener)
        both, only = GET.replace(b"any", b"both"), GET.replace(b"any", b"only")
        assert (await plain.ask(both)).body == b"plain"
        assert (await secret.ask(both)).body == b"secret"
        assert (await plain.ask(only)).status == 404
        assert (await secret.ask(only)).body == b"only"


@pytest.mark.parametrize("sni", [(), ("a.example",)])
@pytest.mark.parametrize("sent", [GET, b"\0\1\2\3" * 10])
async def test_a_client_without_tls_is_closed(sni: tuple[str, ...], sent: bytes) -> None:
    """Plain bytes on the TLS port end their own connection, without an answer of HTTP."""
    async with tls_gateway(Model((host("a", replace(TLS, sni=sni)),))) as (gw, listener):
        peer = Peer(*await asyncio.open_connection("127.0.0.1", listener.port))
        peer.send(sent)
        got = b""
        with suppress(ConnectionResetError):
            got = await peer.rest()
        assert b"HTTP" not in got
        peer.close()
        assert (await (await dial(gw, listener, "a.example")).ask()).status == 200


async def test_certificates_change_and_connections_stay() -> None:
    """After a reload new connections see the new certificate, and old ones go on with the new routes."""
    async with tls_gateway(Model((host("one"),))) as (gw, listener):
        before = await dial(gw, listener)
        assert (await before.ask()).body == b"one"
        gw.serve(Model((host("two", DownstreamTls(issued("new"))),)))
        assert shown(await dial(gw, listener)) == "new"
        assert (await before.ask()).body == b"two"
        gw.serve(Model((host("two", None),)))
        assert (await before.ask()).status == 404


async def test_sessions_outlive_a_reload() -> None:
    """What a client may resume it may still resume when the routes changed and the certificate did not."""
    same = issued("same")
    first = downstream_context(DownstreamTls(same))
    assert downstream_context(DownstreamTls(Certificate(same.chain, same.key))) is first


async def test_a_slow_handshake_holds_only_its_own_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients that never finish their handshake are closed in time, and nobody waits for them."""
    monkeypatch.setattr(handshakes, "HANDSHAKE", 1.5)
    async with tls_gateway(Model((host("a"),))) as (gw, listener):
        idle = [Peer(*await asyncio.open_connection("127.0.0.1", listener.port)) for _ in range(20)]
        for peer in idle[10:]:
            peer.send(b"\x16\x03\x01\x02\x00\x01")
        idle[0].send(hello_for("a"))  # shakes one hand only
        assert (await (await dial(gw, listener)).ask()).status == 200
        await until(lambda: not listener.handshakes, "slow handshakes are not given up")
        for peer in idle:
            with suppress(ConnectionResetError):
                await peer.rest()
            peer.close()


async def test_clients_that_leave_in_the_handshake_are_forgotten() -> None:
    """Whoever hangs up before or in its hello leaves nothing behind."""
    async with tls_gateway(Model((host("a"),))) as (gw, listener):
        for sent in (b"", b"\x16", b"\x16\x03\x01\x02\x00\x01"):
            for leave in (Peer.close, Peer.reset):
                peer = Peer(*await asyncio.open_connection("127.0.0.1", listener.port))
                peer.send(sent)
                await until(lambda: listener.handshakes, "no handshake begins")
                leave(peer)
                await until(lambda: not listener.handshakes, "a client that is gone shakes hands")
        del gw


async def test_handshakes_count_as_connections() -> None:
    """The connection limit holds for those who did not even finish their handshake."""
    served = replace(
        Model((host("a"),)),
        listeners=(PLAIN_LISTENER, replace(TLS_LISTENER, options=ListenerOptions(max_connections=2))),
    )
    async with tls_gateway(served) as (gw, listener):
        holding = [Peer(*await asyncio.open_connection("127.0.0.1", listener.port)) for _ in range(2)]
        await until(lambda: len(listener.handshakes) == 2, "handshakes do not begin")
        assert await refused(gw, listener, client_context())
        for peer in holding:
            peer.close()
        await until(lambda: not listener.handshakes, "handshakes stay")
        assert (await (await dial(gw, listener)).ask()).status == 200


async def test_a_drain_closes_idle_connections() -> None:
    """A worker that leaves says so over TLS as well."""
    async with tls_gateway(Model((host("a"),))) as (gw, listener):
        client = await dial(gw, listener)
        await client.ask()
        gw.worker.drain()
        assert await client.ended()
        await until(lambda: not gw.worker.connections, "a closed connection stays")
        gw.worker.draining = False


# -- HTTP over TLS -------------------------------------------------------------------------------------


@asynccontextmanager
async def forwarding(script: Script | bytes = OK, **options: Any) -> AsyncIterator[tuple[Gateway, Client]]:
    """Forward what comes over TLS to a plain upstream; yields a client."""
    async with upstream(script) as up:
        served = model([to(**options)], [cluster(up.endpoint)], tls=TLS)
        async with tls_gateway(served) as (gw, listener):
            yield gw, await dial(gw, listener)


async def test_connections_are_kept_and_pipelines_answered() -> None:
    """Many requests share a connection over TLS, one after the other or all at once, and say they are secure."""
    seen: list[bytes] = []

    async def note(peer: Peer) -> None:
        while head := await peer.head():
            seen.append(head)
            peer.send(OK)

    async with forwarding(note) as (_, client):
        assert (await client.ask()).body == b"ok"
        client.send(GET * 20)
        for _ in range(20):
            assert (await client.reply()).body == b"ok"
    assert all(b"x-forwarded-proto: https" in head for head in seen)


async def test_bodies_stream_both_ways() -> None:
    """Megabytes go up and down over TLS, also to a client that is slow to read, and nothing is lost."""
    size = 16 * MEGABYTE

    async def turn_back(peer: Peer) -> None:
        await peer.head()
        peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size)
        left = size
        while left:
            piece = await peer.reader.read(65536)
            left -= len(piece)
            peer.send(piece)
            await peer.writer.drain()

    async with forwarding(turn_back) as (_, client):
        client.send(b"POST / HTTP/1.1\r\nhost: any\r\ncontent-length: %d\r\n\r\n" % size)
        piece = bytes(range(256)) * 256

        async def send() -> None:
            for _ in range(size // len(piece)):
                client.send(piece)
                await client.writer.drain()

        sending = asyncio.get_running_loop().create_task(send())  # awaited below
        assert b"200 OK" in await client.head()
        await asyncio.sleep(0.1)  # a pause in reading: everything in between fills up
        for _ in range(size // len(piece)):
            assert await client.exactly(len(piece)) == piece
        await sending


async def test_a_refusal_is_read_before_the_end() -> None:
    """What cannot be read is answered over TLS, behind which the connection ends."""
    async with forwarding() as (_, client):
        client.send(b"GET / HTTP/1.1\r\nhost: any\r\nbad header\r\n\r\n" + b"x" * 100_000)
        assert (await client.reply()).status == 400
        assert await client.ended()


async def test_an_answer_may_come_before_the_whole_request() -> None:
    """A refusal ahead of a body's end is read by the client, then the connection ends."""
    async with tls_gateway(Model((host("a"),))) as (gw, listener):
        client = await dial(gw, listener)
        client.send(b"POST / HTTP/1.1\r\nhost: any\r\ncontent-length: 1000000\r\n\r\nx")
        reply = await client.reply()
        assert (reply.status, reply.headers["connection"]) == (200, "close")
        assert await client.ended()


async def test_a_client_that_closes_leaves_nothing_behind() -> None:
    """A close in the middle of a request, or while its answer is awaited, lets the upstream go."""
    gone = asyncio.Event()

    async def wait(peer: Peer) -> None:
        await peer.head()
        await peer.rest()
        gone.set()

    for sent in (GET, b"POST / HTTP/1.1\r\nhost: any\r\ncontent-length: 5\r\n\r\nab"):
        gone.clear()
        async with forwarding(wait) as (gw, client):
            client.send(sent)
            await until(lambda: gw.worker.active and all(e.connection for e in gw.worker.active), "nothing is sent")
            client.close()
            async with asyncio.timeout(DEADLINE):
                await gone.wait()


async def test_an_answer_cut_short_is_no_clean_end() -> None:
    """An upstream that dies in its body resets the client: no close_notify, which would pass for the end."""
    half = b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf"
    async with forwarding(playing(half)) as (_, client):
        client.send(GET)
        await client.head()
        with pytest.raises((ConnectionError, ssl.SSLError)):
            await client.rest()


async def test_protocols_switch_over_tls() -> None:
    """Behind a 101 bytes go both ways, and the end of either side ends the other."""

    async def echo(peer: Peer) -> None:
        await peer.head()
        peer.send(b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\nfirst")
        while data := await peer.reader.read(100):
            peer.send(data.upper())

    async with forwarding(echo) as (_, client):
        client.send(b"GET / HTTP/1.1\r\nhost: any\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n")
        assert b"101" in await client.head()
        assert await client.exactly(5) == b"first"
        client.send(b"hello")
        assert await client.exactly(5) == b"HELLO"
        client.close()


# -- towards endpoints ---------------------------------------------------------------------------------


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


def test_failures_are_worded_as_in_envoys_log() -> None:
    """The reason of a failed handshake carries BoringSSL's number and name, as Envoy 1.40 logs it."""
    alert = ssl.SSLError(1, "[SSL: SSLV3_ALERT_HANDSHAKE_FAILURE] x")
    alert.reason = "SSLV3_ALERT_HANDSHAKE_FAILURE"
    text = b"TLS_error:|268436496:SSL_routines:OPENSSL_internal:SSLV3_ALERT_HANDSHAKE_FAILURE:TLS_error_end"
    assert failure_text(alert) == text
    named = failure_text(ssl.SSLCertVerificationError(1, "SAN matcher"))
    assert named.startswith(b"TLS_error:|268435581:SSL_routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED:verify_cert")
    assert (
        failure_text(ConnectionRefusedError(111, "Connection refused")) == b"delayed_connect_error:_Connection_refused"
    )


# -- what cannot be used -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "tls",
    [
        DownstreamTls(Certificate("no certificate", "no key")),
        DownstreamTls(Certificate(issued("a").chain, issued("b").key)),
        DownstreamTls(issued("a"), root_ca="none"),
        DownstreamTls(issued("a"), root_ca="nön"),
    ],
)
def test_what_openssl_refuses_is_a_value_error(tls: DownstreamTls) -> None:
    """A certificate, key or authority that cannot be used is an error that a worker survives, and repeats no key."""
    with pytest.raises(ValueError, match="cannot be used") as refusal:
        downstream_context(tls)
    assert "PRIVATE" not in str(refusal.value)


def test_a_key_with_a_password_is_refused_at_once() -> None:
    """Nobody is asked for a password on a terminal."""
    from tests.dialects.certificates import pair  # noqa: PLC0415  # only here

    with pytest.raises(ValueError, match="cannot be used"):
        downstream_context(DownstreamTls(Certificate(pair().chain, pair().locked)))
    with pytest.raises(ValueError, match="cannot be used"):
        upstream_context(UpstreamTls(certificate=Certificate(pair().chain, pair().locked)))


@pytest.mark.parametrize(
    ("pattern", "name", "holds"),
    [
        ("a.example", "A.Example", True),
        ("*.example", "a.example", True),
        ("*.example", "b.a.example", False),
        ("*.example", "example", False),
        ("w*w.example", "www.example", True),
        ("w*w.example", "w.example", False),
        ("xn--*.example", "xn--a.example", False),
        ("*", "example", False),
        ("a.*.example", "a.b.example", False),
    ],
)
def test_dns_names_match_as_in_envoy(pattern: str, name: str, holds: bool) -> None:
    """One star in the first label stands for anything in that label."""
    assert names_hold({"subjectAltName": (("DNS", pattern),)}, (name,)) is holds


def test_other_names_match_exactly() -> None:
    """Addresses, URIs and mail addresses are compared as they are; wanting nothing always holds."""
    carried = {"subjectAltName": (("URI", "spiffe://a/*"), ("IP Address", "10.0.0.1"))}
    assert names_hold(carried, ("10.0.0.1",))
    assert not names_hold(carried, ("spiffe://a/b",))
    assert names_hold(None, ())
    assert not names_hold(None, ("a",))

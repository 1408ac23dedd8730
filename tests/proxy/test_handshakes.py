"""TLS towards clients: certificates by name, versions, reloads and clients that misbehave."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import suppress
from dataclasses import replace

import pytest

from edgesim.model import (
    PLAIN_LISTENER,
    TLS_LISTENER,
    Certificate,
    DownstreamTls,
    ListenerOptions,
    Model,
)
from edgesim.proxy import handshakes
from edgesim.proxy.tls import downstream_context
from tests.proxy.authority import authority, client_context, issued
from tests.proxy.scenes import (
    GET,
    Client,
    Gateway,
    Peer,
    until,
)
from tests.proxy.secure import TLS, dial, hello_for, host, tls_gateway


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


async def test_handshakes_are_counted_as_envoy_does() -> None:
    """By what became of them, with version and cipher; a client that only leaves is no error."""
    mutual = replace(TLS, sni=("a",), root_ca=authority("clients").pem, verify_names=("me",))
    served = Model((host("open", replace(TLS, sni=("open",)), "open"), host("a", mutual, "a")))
    async with tls_gateway(served) as (gw, listener):
        counts = gw.worker.listeners[TLS_LISTENER.name].tls

        async def changed(*by: str) -> None:
            await until(lambda: all(counts[name] for name in by), f"{by} in {counts}")
            assert {name for name, count in counts.items() if count} == set(by)
            counts.clear()

        old = client_context()
        old.maximum_version = ssl.TLSVersion.TLSv1_2
        assert not await refused(gw, listener, old, "open")
        spoken = next(name for name in counts if name.startswith("ssl.ciphers."))
        await changed("ssl.handshake", "ssl.no_certificate", "ssl.versions.TLSv1.2", spoken)
        assert not await refused(gw, listener, client_context(issued("me", "me", by="clients")))
        spoken = next(name for name in counts if name.startswith("ssl.ciphers."))
        await changed("ssl.handshake", "ssl.versions.TLSv1.3", spoken)
        for context, name, failure in (
            (client_context(), "a", "ssl.fail_verify_no_cert"),
            (client_context(issued("me", "me", by="others")), "a", "ssl.fail_verify_error"),
            (client_context(issued("you", "you", by="clients")), "a", "ssl.fail_verify_san"),
            (client_context(), "nowhere", "no_filter_chain_match"),
        ):
            assert await refused(gw, listener, context, name)
            await changed(failure)
        for sent, failures in ((b"", ()), (hello_for("open") + b"what is this", ("ssl.connection_error",))):
            peer = Peer(*await asyncio.open_connection("127.0.0.1", listener.port))
            peer.send(sent or hello_for("open"))
            with suppress(asyncio.IncompleteReadError, ConnectionResetError):
                await peer.exactly(1)
            peer.close()
            await until(lambda: not listener.handshakes, "the handshake goes on")
            await changed(*failures)


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

"""Many listeners: each with its port, options and virtual hosts; they come and go while workers run."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import ssl
from dataclasses import replace

import pytest

from edgesim.model import (
    DEFAULT_LISTENERS,
    PLAIN_LISTENER,
    TLS_LISTENER,
    Certificate,
    DownstreamTls,
    Listener,
    ListenerOptions,
    Model,
    OriginStep,
    UpdateRefusedError,
    VirtualHost,
)
from edgesim.proxy import Bound
from edgesim.proxy.ports import Addresses
from tests.dialects.certificates import pair
from tests.proxy.scenes import GET, Client, direct, until
from tests.proxy.test_supervisor import PATIENT, Workers, running, telling

OTHER = Listener("other", 8080, address="127.0.0.2")
"""A listener on an address of its own, so that its port is ephemeral as well."""
ORIGIN = (OriginStep("Gateway", "gloo-system", "mine", "gateway.yaml"),)


def host(name: str, domain: str = "*") -> VirtualHost:
    """A virtual host that answers with its name."""
    return VirtualHost(name, (domain,), (direct(body=name),))


def bound(workers: Workers, name: str) -> Bound:
    """Where a listener is."""
    return next(each for each in workers.supervisor.bound if each.name == name)


async def dial(where: Bound) -> Client:
    """Connect to a listener."""
    return Client(*await asyncio.open_connection(where.host, where.port))


async def said(where: Bound, authority: str = "any") -> tuple[int, str]:
    """Ask a listener on a new connection."""
    client = await dial(where)
    try:
        reply = await client.ask(GET.replace(b"any", authority.encode()))
        return reply.status, reply.body.decode()
    finally:
        client.close()


async def refused(where: Bound) -> bool:
    """Tell whether nobody listens."""
    try:
        (await dial(where)).close()
    except ConnectionRefusedError:
        return True
    return False


async def test_each_listener_serves_its_own_virtual_hosts() -> None:
    """Two listeners share one virtual host and each has one of its own, with the options of the listener."""
    hosts = (host("both", "both.example"), host("one", "one.example"), host("two", "two.example"))
    one = replace(PLAIN_LISTENER, virtual_hosts=frozenset(("both", "one")))
    two = replace(OTHER, virtual_hosts=frozenset(("both", "two")), options=ListenerOptions(server_name="two"))
    async with running(2) as workers:
        await workers.push(Model(hosts, (), (one, two)))
        first, second = bound(workers, one.name), bound(workers, two.name)
        for _ in range(10):
            assert [await said(first, f"{name}.example") for name in ("both", "one", "two")] == [
                (200, "both"),
                (200, "one"),
                (404, ""),
            ]
            assert [await said(second, f"{name}.example") for name in ("both", "one", "two")] == [
                (200, "both"),
                (404, ""),
                (200, "two"),
            ]
        client = await dial(second)
        assert (await client.ask(GET.replace(b"any", b"both.example"))).headers["server"] == "two"
        client.close()


async def _over(client: Client) -> bool:
    """Wait for the end; it is a reset where what was sent had not been read yet."""
    try:
        return await client.ended()
    except ConnectionResetError:
        return True


@pytest.mark.parametrize("count", [1, 2])
async def test_a_listener_comes_and_goes_while_others_stay(count: int) -> None:
    """It takes connections when the push returns; when it is gone they are refused, and what ran is finished."""
    async with running(count) as workers:
        await workers.push(telling("here"))
        staying = await dial(bound(workers, PLAIN_LISTENER.name))
        await staying.ask(GET)
        pids = workers.supervisor.pids
        for _ in range(3):
            await workers.push(replace(telling("here"), listeners=(*DEFAULT_LISTENERS, OTHER)))
            there = bound(workers, OTHER.name)
            assert [await said(there) for _ in range(10)] == [(200, "here")] * 10
            idle, busy = await dial(there), await dial(there)
            await idle.ask(GET)
            busy.send(GET[:-2])
            await workers.push(telling("here"))
            assert await idle.ended()
            assert await _over(busy)  # the rest of its head never came
            idle.close()
            busy.close()
            assert await refused(there)
            assert (await staying.ask(GET)).body == b"here"
        staying.close()
        assert workers.supervisor.pids == pids


async def test_the_port_of_a_listener_that_is_gone_is_free() -> None:
    """Another program may have it at once."""
    async with running(2) as workers:
        await workers.push(replace(telling("here"), listeners=(*DEFAULT_LISTENERS, OTHER)))
        there = bound(workers, OTHER.name)
        await workers.push(telling("here"))
        with socket.create_server((there.host, there.port)):
            pass


async def test_a_listener_changes_to_tls_and_back_in_place() -> None:
    """The socket stays, what is spoken over it changes; a plain connection that was there ends."""
    made = pair()
    tls = VirtualHost("tls", ("*",), (direct(body="secret"),), tls=DownstreamTls(Certificate(made.chain, made.key)))
    async with running(1) as workers:
        await workers.push(replace(telling("here"), listeners=(*DEFAULT_LISTENERS, OTHER)))
        there = bound(workers, OTHER.name)
        client = await dial(there)
        await client.ask(GET)
        hosts = (*telling("here").virtual_hosts, tls)
        await workers.push(Model(hosts, (), (*DEFAULT_LISTENERS, replace(OTHER, tls=True))))
        assert await client.ended()
        client.close()
        assert bound(workers, OTHER.name) == there._replace(tls=True)
        assert await _secret(there) == b"secret"
        await workers.push(replace(telling("here"), listeners=(*DEFAULT_LISTENERS, OTHER)))
        assert await said(there) == (200, "here")


async def _secret(where: Bound) -> bytes:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    async with asyncio.timeout(PATIENT):
        client = Client(*await asyncio.open_connection(where.host, where.port, ssl=context))
        try:
            return (await client.ask(GET)).body
        finally:
            client.close()


async def test_tls_clients_wait_while_a_worker_is_replaced() -> None:
    """Nobody is refused while there is no worker: its sockets are the parent's as well, those with TLS too."""
    made = pair()
    tls = VirtualHost("tls", ("*",), (direct(body="secret"),), tls=DownstreamTls(Certificate(made.chain, made.key)))
    async with running(1) as workers:
        await workers.push(Model((tls,), (), (*DEFAULT_LISTENERS, OTHER)))
        there, other = bound(workers, TLS_LISTENER.name), bound(workers, OTHER.name)
        (killed,) = workers.supervisor.pids
        os.kill(killed, signal.SIGKILL)
        async with asyncio.timeout(PATIENT):
            for _ in range(20):
                assert await _secret_or_reset(there) in {b"secret", None}
            assert await _secret(there) == b"secret"
        assert await said(other) == (404, "")
        await until(lambda: killed not in workers.supervisor.pids, "it is still there")


async def _secret_or_reset(where: Bound) -> bytes | None:
    """A connection that the worker had before it died is reset; one that is refused fails the test."""
    with contextlib.suppress(ConnectionResetError, AssertionError):
        return await _secret(where)
    return None


async def test_a_taken_port_names_the_listener() -> None:
    """Who wrote the gateway is told that its port is in use; everybody else goes on."""
    with socket.create_server(("127.0.0.3", 0)) as taken:
        busy = Listener("busy", taken.getsockname()[1], address="127.0.0.3", origin=ORIGIN)
        async with running(2) as workers:
            await workers.push(telling("one"))
            with pytest.raises(UpdateRefusedError, match="busy, is in use") as refusal:
                await workers.push(replace(telling("two"), listeners=(*DEFAULT_LISTENERS, busy)))
            assert refusal.value.culprit == "busy"
            assert await workers.answers() == {"one"}


async def test_two_listeners_cannot_share_a_place() -> None:
    """The second listener of one address and port is refused, by name."""
    twin = replace(PLAIN_LISTENER, name="twin", address="0.0.0.0", origin=ORIGIN)  # means loopback here
    async with running(1) as workers:
        with pytest.raises(UpdateRefusedError, match="is listener-::-8080's already") as refusal:
            await workers.push(replace(telling("two"), listeners=(*DEFAULT_LISTENERS, twin)))
        assert refusal.value.culprit == "twin"


async def test_each_listener_limits_its_own_connections() -> None:
    """As many connections as one listener may have take nothing from another."""
    limited = replace(OTHER, options=ListenerOptions(max_connections=1))
    async with running(1) as workers:
        await workers.push(replace(telling("here"), listeners=(PLAIN_LISTENER, limited)))
        first = await dial(bound(workers, OTHER.name))
        assert (await first.ask(GET)).status == 200
        second = await dial(bound(workers, OTHER.name))
        assert await second.ended()
        second.close()
        assert await said(bound(workers, PLAIN_LISTENER.name)) == (200, "here")
        first.close()


@pytest.mark.parametrize(
    ("address", "as_written", "place"),
    [
        ("::", False, "127.0.0.1"),
        ("", True, "127.0.0.1"),
        ("0.0.0.0", False, "127.0.0.1"),  # means loopback here
        ("127.0.0.9", False, "127.0.0.9"),
        ("::1", False, "::1"),
        ("192.0.2.7", False, "127.0.0.1"),
        ("192.0.2.7", True, "192.0.2.7"),
    ],
)
def test_where_a_listener_is_bound(address: str, *, as_written: bool, place: str) -> None:
    """Any address means the one of the command line; another one holds on loopback, or where it was asked for."""
    addresses = Addresses("127.0.0.1", 80, 443, as_written)
    for written, port in ((8080, 80), (8443, 443), (9000, 9000)):
        found = addresses.place(Listener("any", written, address=address))
        assert (found[0], addresses.port_for(found)) == (place, port)

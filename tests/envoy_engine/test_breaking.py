"""Endpoints that are broken on purpose, as clients of a real Envoy see it."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest

from edgesim.model import (
    BalancerKind,
    Cluster,
    ClusterType,
    Destination,
    Endpoint,
    FallbackPolicy,
    ForwardAction,
    HealthCheck,
    HttpCheck,
    LoadBalancer,
    Policies,
    Route,
    SubsetConfig,
    SubsetSelector,
    UpdateRefusedError,
    UpstreamTls,
)
from edgesim.model.policies import HashKind, HashPolicy
from edgesim.policies.breakage import Breakage
from edgesim.telemetry import spawn
from tests.envoy_engine.scenes import Running, eds, forward, running, saying
from tests.proxy.authority import authority, issued, server_context
from tests.proxy.http2 import http2_server
from tests.proxy.scenes import GET, Client, Peer, answering, model, prefix, until, upstream

pytestmark = pytest.mark.slow
RESET = "upstream connect error or disconnect/reset before headers. reset reason: "
TRUSTED = UpstreamTls(root_ca=authority("authority").pem)


async def broken(envoy: Running, target: str, breakage: Breakage, seconds: float | None = None) -> None:
    """Break something, and wait until requests meet it."""
    envoy.engine.breaking.break_(target, breakage, seconds)
    await envoy.engine.breaking.reached()


async def sees(envoy: Running, status: int, text: str) -> None:
    """Wait until this is the answer: Envoy's workers follow its acknowledgement."""
    found = (0, "")
    async with asyncio.timeout(60):
        while found != (status, text):
            reply = await envoy.reply()
            found = (reply.status, reply.body.decode())


async def mended(envoy: Running) -> None:
    """Mend everything."""
    envoy.engine.breaking.mend()
    await envoy.engine.breaking.reached()


@pytest.mark.parametrize("kind", [ClusterType.EDS, ClusterType.STATIC, ClusterType.STRICT_DNS])
@pytest.mark.parametrize("by", ["cluster", "address"])
async def test_what_a_client_sees(kind: ClusterType, by: str) -> None:
    """Each way to be broken ends a request as it does with edgesim's own engine, and none once it is mended."""
    async with upstream(saying("ok")) as up, running() as envoy:
        host = "localhost" if kind is ClusterType.STRICT_DNS else "127.0.0.1"
        endpoint = Endpoint(host, up.port)
        cluster = Cluster("echo", kind, () if kind is ClusterType.EDS else (endpoint,))
        route = Route((prefix(),), ForwardAction(Destination("echo"), timeout=0.3))
        await envoy.push(model([route], [cluster]), **({"echo": (endpoint,)} if kind is ClusterType.EDS else {}))
        target = "echo" if by == "cluster" else f"{host}:{up.port}"
        for breakage, status, text in (
            (Breakage(error_rate=1.0), 500, "broken on purpose\n"),
            (Breakage(reset=True), 503, RESET + "connection termination"),
            (Breakage(kill=True), 503, RESET + "remote connection failure"),
            (Breakage(hang=True), 504, "upstream request timeout"),
            (Breakage(latency=10.0), 504, "upstream request timeout"),
            (Breakage(latency=0.01), 200, "ok"),
        ):
            await broken(envoy, target, breakage)
            await sees(envoy, status, text)
        await mended(envoy)
        await sees(envoy, 200, "ok")
        assert not envoy.engine._relays.places


async def test_requests_over_http2_end_one_by_one() -> None:
    """Where Envoy speaks HTTP/2 to an endpoint, each request on a connection ends as it is told."""
    async with http2_server(lambda call: call.head().data(b"ok", ends=True)) as up, running() as envoy:
        route = Route((prefix(),), ForwardAction(Destination("echo"), timeout=0.3))
        await envoy.push(model([route], [replace(eds("echo"), http2=True)]), echo=(up.endpoint,))
        for breakage, status, text in (
            (Breakage(error_rate=1.0), 500, "broken on purpose\n"),
            (Breakage(reset=True), 503, RESET + "remote reset"),
            (Breakage(hang=True), 504, "upstream request timeout"),
            (Breakage(latency=10.0), 504, "upstream request timeout"),
            (Breakage(kill=True), 503, RESET + "remote connection failure"),
            (Breakage(latency=0.01), 200, "ok"),
        ):
            await broken(envoy, "echo", breakage)
            await sees(envoy, status, text)
            reply = await envoy.reply()
            assert (reply.status, reply.body.decode()) == (status, text)
        await broken(envoy, "echo", Breakage(error_rate=0.5))
        assert {(await envoy.reply()).status for _ in range(40)} == {200, 500}
        await mended(envoy)
        assert await envoy.ask() == "ok"


async def test_one_endpoint_is_broken_alone_and_in_each_cluster() -> None:
    """Others go on; a new endpoint of a broken cluster is broken, too, and what is said of an endpoint counts first."""
    routes = [Route((prefix(f"/{name}"),), ForwardAction(Destination(name))) for name in ("both", "one")]

    async def statuses(path: bytes) -> set[int]:
        return {(await envoy.reply(GET.replace(b"/ ", path + b" "))).status for _ in range(8)}

    async def both(*wanted: set[int]) -> None:
        found: tuple[set[int], ...] = ()
        async with asyncio.timeout(60):
            while found != wanted:
                found = (await statuses(b"/both"), await statuses(b"/one"))

    async with upstream() as a, upstream() as b, running() as envoy:
        served = model(routes, [eds("both"), eds("one")])
        await envoy.push(served, both=(a.endpoint,), one=(a.endpoint,))
        await broken(envoy, f"127.0.0.1:{a.port}", Breakage(error_rate=1.0))
        await both({500}, {500})
        await envoy.push(served, both=(a.endpoint, b.endpoint), one=(a.endpoint,))
        await both({200, 500}, {500})
        await broken(envoy, "both", Breakage(reset=True))
        await both({500, 503}, {500})
        await mended(envoy)
        await both({200}, {200})


async def test_an_update_that_is_refused_changes_nothing() -> None:
    """What is broken stays so where Envoy refuses an update, and can be mended."""
    wrong = Cluster("wrong", ClusterType.STATIC, (Endpoint("no.address", 80),))
    async with upstream(saying("a")) as a, running() as envoy:
        await envoy.push(model([forward("echo")], [eds("echo")]), echo=(a.endpoint,))
        await broken(envoy, "echo", Breakage(error_rate=1.0))
        places = envoy.engine._relays.places
        with pytest.raises(UpdateRefusedError):
            await envoy.push(
                model([forward("echo")], [eds("echo"), wrong]), echo=(a.endpoint, Endpoint("127.0.0.1", 1))
            )
        assert envoy.engine._relays.places == places
        assert await envoy.ask() == "broken on purpose\n"
        await mended(envoy)
        assert await envoy.ask() == "a"


async def test_no_request_is_lost_on_the_way() -> None:
    """While relays come and go, requests on connections that stay open are all answered."""
    done, seen = asyncio.Event(), Counter[int]()

    async def asking(client: Client) -> None:
        while not done.is_set():
            seen[(await client.ask()).status] += 1
        client.close()

    async with upstream() as a, upstream() as b, running() as envoy:
        await envoy.push(model([forward("echo")], [eds("echo")]), echo=(a.endpoint, b.endpoint))
        clients = [Client(*await asyncio.open_connection("127.0.0.1", envoy.engine.port)) for _ in range(8)]
        tasks = [spawn(asking(client), "asking") for client in clients]
        for _ in range(10):
            await broken(envoy, "echo", Breakage(latency=0.001))
            await mended(envoy)
        done.set()
        await asyncio.gather(*tasks)
    assert seen.keys() == {200}


async def test_it_ends_by_itself_and_outlives_an_envoy() -> None:
    """An Envoy that takes another's place meets what is broken; after its time nothing is, and no relay is left."""
    async with upstream(saying("ok")) as up, running() as envoy:
        await envoy.push(model([forward("echo")], [eds("echo")]), echo=(up.endpoint,))
        await broken(envoy, "echo", Breakage(error_rate=1.0))
        [killed] = envoy.engine.pids
        os.kill(killed, signal.SIGKILL)
        await until(lambda: envoy.engine.pids not in ([], [killed]), "nobody took its place")
        await answered(envoy, 500)
        await broken(envoy, "echo", Breakage(error_rate=1.0), seconds=0.2)
        await answered(envoy, 200)
        await until(lambda: not envoy.engine._relays.places, "a relay is left")
        assert await envoy.ask() == "ok"


async def answered(envoy: Running, status: int) -> None:
    """Wait until an answer has a status."""
    found = 0
    async with asyncio.timeout(60):
        while found != status:
            try:
                found = (await envoy.reply()).status
            except (OSError, AssertionError):
                await asyncio.sleep(0.01)


@pytest.mark.parametrize("kind", [BalancerKind.RING_HASH, BalancerKind.MAGLEV])
async def test_the_same_requests_reach_an_endpoint(kind: BalancerKind) -> None:
    """By ring hash and Maglev each request is sent where it was before, and so it is after mending."""
    policies = Policies(hash_policies=(HashPolicy(HashKind.HEADER, "x-key"),))
    route = Route((prefix(),), ForwardAction(Destination("echo")), policies=policies)

    async def places() -> list[str]:
        keys = [b"GET / HTTP/1.1\r\nhost: any\r\nx-key: %d\r\n\r\n" % number for number in range(60)]
        return [(await envoy.reply(key)).body.decode() for key in keys]

    async with AsyncExitStack() as stack:
        ups = [await stack.enter_async_context(upstream(saying(name))) for name in "abcd"]
        envoy = await stack.enter_async_context(running())
        cluster = replace(eds("echo"), balancer=LoadBalancer(kind))
        await envoy.push(model([route], [cluster]), echo=tuple(up.endpoint for up in ups))
        before = await places()
        assert {*before} == {*"abcd"}
        for target in (f"127.0.0.1:{ups[1].port}", "echo"):
            await broken(envoy, target, Breakage(latency=0.001))
            assert await places() == before
        await mended(envoy)
        assert await places() == before


async def test_weights_priorities_and_subsets_stay() -> None:
    """An endpoint that is broken has the weight, priority and subset it had."""
    subsets = SubsetConfig((SubsetSelector(("version",)),), FallbackPolicy.NO_FALLBACK)
    route = Route((prefix(),), ForwardAction(Destination("echo", (("version", "v1"),))))
    async with upstream(saying("a")) as a, upstream(saying("b")) as b, upstream(saying("c")) as c, running() as envoy:
        ends = (
            replace(a.endpoint, metadata=(("version", "v1"),), weight=3),
            replace(b.endpoint, metadata=(("version", "v1"),), weight=1),
            replace(c.endpoint, metadata=(("version", "v2"),)),
            replace(c.endpoint, port=1, metadata=(("version", "v1"),), priority=1),
        )
        await envoy.push(model([route], [replace(eds("echo"), subsets=subsets)]), echo=ends)
        await broken(envoy, "echo", Breakage(latency=0.001))
        found = Counter([await envoy.ask() for _ in range(40)])
        assert found.keys() == {"a", "b"}
        assert abs(found["a"] - 30) <= 1
        await broken(envoy, f"127.0.0.1:{a.port}", Breakage(error_rate=1.0))
        found = Counter([await envoy.ask() for _ in range(40)])
        assert abs(found["broken on purpose\n"] - 30) <= 1


@pytest.mark.parametrize("kind", [ClusterType.EDS, ClusterType.STATIC])
async def test_health_checks_see_it(kind: ClusterType) -> None:
    """A healthy endpoint that is killed fails requests until its checks have failed; mended, it is back."""
    check = HealthCheck(1.0, 0.2, 5, 1, HttpCheck("/health"), no_traffic_interval=0.2, unhealthy_interval=0.2)
    async with upstream(saying("a")) as a, upstream(saying("b")) as b, running() as envoy:
        ends = (a.endpoint, b.endpoint)
        cluster = Cluster("echo", kind, () if kind is ClusterType.EDS else ends, health_checks=(check,))
        await envoy.push(model([forward("echo")], [cluster]), **({"echo": ends} if kind is ClusterType.EDS else {}))
        await broken(envoy, f"127.0.0.1:{a.port}", Breakage(kill=True))
        assert {(await envoy.reply()).status for _ in range(6)} == {200, 503}
        await steady(envoy, {"b"})
        await mended(envoy)
        await steady(envoy, {"a", "b"})


async def steady(envoy: Running, wanted: set[str]) -> None:
    """Wait until these are the answers."""
    async with asyncio.timeout(60):
        while {await envoy.ask() for _ in range(10)} != wanted:  # noqa: ASYNC110  # another process has no event for us
            await asyncio.sleep(0.01)


async def test_tls_towards_endpoints() -> None:
    """An endpoint with TLS is broken as others are, and what passes is verified as before."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await answering(saying("secret"))(Peer(reader, writer))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=server_context(issued("a.example")))
    endpoint = Endpoint("127.0.0.1", server.sockets[0].getsockname()[1])
    async with running() as envoy:
        for cluster, status in (
            (Cluster("echo", ClusterType.STATIC, (endpoint,), tls=TRUSTED), 200),
            (Cluster("echo", ClusterType.STATIC, (replace(endpoint, sni="a.example"),), tls=TRUSTED), 200),
            (Cluster("echo", ClusterType.STATIC, (endpoint,), tls=replace(TRUSTED, verify_names=("b",))), 503),
        ):
            await envoy.push(model([forward("echo")], [cluster]))
            await broken(envoy, "echo", Breakage(error_rate=1.0))
            await sees(envoy, 500, "broken on purpose\n")
            await broken(envoy, "echo", Breakage(latency=0.001))
            assert (await envoy.reply()).status == status
            await mended(envoy)
            assert (await envoy.reply()).status == status
    server.close()

"""Health checks over HTTP/2 on the wire: by gRPC, and by plain requests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from h2.errors import ErrorCodes

from edgesim.model import (
    Cluster,
    Endpoint,
    GrpcCheck,
    HeaderMutations,
    HeaderValue,
    HealthCheck,
    HttpCheck,
    UpstreamTls,
)
from edgesim.policies.grpc_health import Serving, check_request, check_response, framed
from edgesim.policies.health_checks import Outcome
from edgesim.proxy.health_checks import HealthChecks
from edgesim.proxy.probes import Prober, prober
from tests.proxy.authority import issued, server_context
from tests.proxy.http2 import SERVING, Call, Server, http2_server, serving
from tests.proxy.scenes import DEADLINE, OK, Upstream, answering, cluster, until, upstream

CHECK = HealthCheck(DEADLINE, 0.01, 2, 1, GrpcCheck(), no_traffic_interval=0.01)
NOT_SERVING = check_response(Serving.NOT_SERVING)


@asynccontextmanager
async def probing(up: Server | Upstream, check: HealthCheck = CHECK, **options: Any) -> AsyncIterator[Prober]:
    made = prober(cluster(up.endpoint, **options), check, up.endpoint)
    try:
        yield made
    finally:
        made.close()
        if isinstance(up, Server):
            await until(lambda: not up.open, "a connection stays open")


async def ask(probe: Prober) -> Outcome:
    async with asyncio.timeout(DEADLINE):
        return await probe.ask()


async def test_a_call_is_envoys() -> None:
    """Its head and its message, over one connection; a call that is answered leaves nothing behind."""
    check = replace(CHECK, timeout=2.5, checker=GrpcCheck("shop.Cart"))
    async with http2_server() as up, probing(up, check) as probe:
        for _ in range(3):
            assert await ask(probe) is Outcome.PASSED
        assert up.heads[0] == [
            (b":method", b"POST"),
            (b":scheme", b"http"),
            (b":path", b"/grpc.health.v1.Health/Check"),
            (b":authority", b"echo"),
            (b"te", b"trailers"),
            (b"grpc-timeout", b"2500m"),
            (b"content-type", b"application/grpc"),
            (b"user-agent", b"Envoy/HC"),
        ]
        assert up.bodies == [check_request("shop.Cart")] * 3
        assert (up.connections, up.resets) == (1, 0)


async def test_authority_and_connections_are_as_configured() -> None:
    """Without reuse each call has a connection of its own, which is closed behind it."""
    check = replace(CHECK, checker=GrpcCheck(authority="a.example"), reuse_connection=False)
    async with http2_server() as up, probing(up, check) as probe:
        for _ in range(3):
            assert await ask(probe) is Outcome.PASSED
            await until(lambda: not up.open, "the connection stays open")
        assert dict(up.heads[0])[b":authority"] == b"a.example"
        assert up.bodies[0] == check_request("")
        assert up.connections == 3


REFUSALS: dict[str, Callable[[Call], object]] = {
    "not serving": lambda call: call.head().data(NOT_SERVING).trailers(),
    "unknown": lambda call: call.head().data(framed(b"")).trailers(),
    "no message": lambda call: call.head().trailers(),
    "an error behind SERVING": lambda call: call.head().data(SERVING).trailers((b"grpc-status", b"13")),
    "no status": lambda call: call.head().data(SERVING).trailers((b"x", b"y")),
    "unimplemented": lambda call: call.head((b"grpc-status", b"12"), ends=True),
    "not found": lambda call: call.head((b"grpc-status", b"5"), ends=True),
    "only a head": lambda call: call.head(ends=True),
    "another status": lambda call: call.head(status=b"503"),
    "another type": lambda call: call.head((b"content-type", b"text/plain")),
    "no trailers": lambda call: call.head().data(SERVING, ends=True),
    "two messages": lambda call: call.head().data(SERVING * 2),
    "compressed": lambda call: call.head().data(b"\1" + SERVING[1:]),
    "no protobuf": lambda call: call.head().data(framed(b"\xff")),
}


@pytest.mark.parametrize("script", REFUSALS.values(), ids=[*REFUSALS])
async def test_what_is_answered_and_does_not_serve_is_a_refusal(script: Callable[[Call], object]) -> None:
    """Whatever it is, and at once: the rest is not waited for. The connection stays."""
    async with http2_server(script) as up, probing(up) as probe:
        assert await ask(probe) is Outcome.REFUSED
        assert await ask(probe) is Outcome.REFUSED
        assert up.connections == 1


def reset(call: Call) -> None:
    call.http2.reset_stream(call.stream, ErrorCodes.INTERNAL_ERROR)


def cut(call: Call) -> None:
    call.writer.transport.abort()


def garbage(call: Call) -> None:
    call.writer.write(b"\0\0\4\0\0\0\0\0\0data")


def error(call: Call) -> None:
    call.goodbye(int(ErrorCodes.PROTOCOL_ERROR))


@pytest.mark.parametrize("script", [reset, cut, garbage, error, lambda call: cut(call.head().data(SERVING))])
async def test_what_is_no_answer_is_lost(script: Callable[[Call], object]) -> None:
    """A reset, an end, a broken protocol, a connection given up with an error; the next call is made all the same."""
    async with http2_server(script) as up, probing(up) as probe:
        assert await ask(probe) is Outcome.LOST
        assert await ask(probe) is Outcome.LOST
        assert up.connections == (1 if script is reset else 2)


async def test_http_1_is_lost() -> None:
    """So is what answers by HTTP/1.1, or nobody at all."""
    async with upstream(answering(OK)) as up, probing(up) as probe:
        assert await ask(probe) is Outcome.LOST
    async with probing(up) as probe:
        assert await ask(probe) is Outcome.LOST


async def test_a_timeout_ends_the_call_alone() -> None:
    """Its stream is reset; the next call goes over the same connection."""
    silent = [True]

    def script(call: Call) -> None:
        if not silent.pop():
            serving(call)
        silent.append(False)

    async with http2_server(script) as up, probing(up) as probe:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await probe.ask()
        await until(lambda: up.resets or not up.heads, "the stream is not reset")
        silent[:] = [False]
        assert await ask(probe) is Outcome.PASSED
        assert up.connections == 1


async def test_a_connection_that_is_given_up_ends_behind_the_call() -> None:
    """The call under way is answered, the next one has another connection."""

    def last(call: Call) -> None:
        serving(call.goodbye())

    async with http2_server(last) as up, probing(up) as probe:
        assert await ask(probe) is Outcome.PASSED
        assert await ask(probe) is Outcome.PASSED
        assert up.connections == 2


async def test_a_connection_given_up_between_calls_is_closed() -> None:
    """Nothing is lost by it."""
    calls: list[Call] = []

    def script(call: Call) -> None:
        calls.append(call)
        serving(call)

    async with http2_server(script) as up, probing(up) as probe:
        assert await ask(probe) is Outcome.PASSED
        calls[0].goodbye()
        await until(lambda: not up.open, "the connection stays open")
        assert await ask(probe) is Outcome.PASSED


async def test_one_byte_at_a_time() -> None:
    """However an answer is cut, it is read the same."""

    def script(call: Call) -> None:
        call.writer.write(call.http2.data_to_send())
        call.head()
        for byte in SERVING:
            call.data(bytes((byte,)))
        call.trailers()
        for byte in call.http2.data_to_send():
            call.writer.write(bytes((byte,)))

    async with http2_server(script) as up, probing(up) as probe:
        assert await ask(probe) is Outcome.PASSED


@pytest.mark.parametrize("offered", [(), ("h2",)])
async def test_over_tls(offered: tuple[str, ...]) -> None:
    """HTTP/2 is spoken whatever was agreed on; only what the upstream is configured with is offered, as by Envoy."""
    context = server_context(issued("up"))
    context.set_alpn_protocols(["h2"])
    async with http2_server(context=context) as up, probing(up, tls=UpstreamTls(alpn=offered)) as probe:
        assert await ask(probe) is Outcome.PASSED
        assert dict(up.heads[0])[b":scheme"] == b"https"
        assert up.protocols == [offered[0] if offered else None]


# --- plain requests ---------------------------------------------------------------------------------

HTTP = replace(CHECK, checker=HttpCheck("/healthz", http2=True))


def with_status(status: bytes) -> Callable[[Call], object]:
    return lambda call: call.head(status=status).data(b"whatever", ends=True)


async def test_a_request_is_envoys() -> None:
    """Its head, over one connection; what is added to it, Host among it."""
    headers = HeaderMutations(
        (HeaderValue("x-check", "1"), HeaderValue("host", "b.example", append=False)), ("user-agent",)
    )
    check = replace(HTTP, checker=HttpCheck("/a?b", "a.example", "PUT", ((500, 501),), headers, http2=True))
    async with http2_server(with_status(b"200")) as up, probing(up, HTTP) as probe:
        assert [await ask(probe) for _ in range(3)] == [Outcome.PASSED] * 3
        assert up.connections == 1
        assert up.bodies[0] == b""
        assert up.heads[0] == [
            (b":method", b"GET"),
            (b":scheme", b"http"),
            (b":path", b"/healthz"),
            (b":authority", b"echo"),
            (b"user-agent", b"Envoy/HC"),
        ]
    async with http2_server(with_status(b"500")) as up, probing(up, check) as probe:
        assert await ask(probe) is Outcome.PASSED
        assert dict(up.heads[0]) == {
            b":method": b"PUT",
            b":scheme": b"http",
            b":path": b"/a?b",
            b":authority": b"b.example",
            b"x-check": b"1",
        }


@pytest.mark.parametrize(
    ("script", "outcome"),
    [
        (with_status(b"200"), Outcome.PASSED),
        (with_status(b"503"), Outcome.REFUSED),
        (lambda call: call.head(ends=True), Outcome.PASSED),
        (lambda call: call.head().data(b"x").trailers(), Outcome.PASSED),
        (reset, Outcome.LOST),
        (lambda call: cut(call.head()), Outcome.LOST),
        (error, Outcome.LOST),
    ],
)
async def test_the_status_of_a_whole_answer_counts(script: Callable[[Call], object], outcome: Outcome) -> None:
    """However it ends; without an end there is none."""
    async with http2_server(script) as up, probing(up, HTTP) as probe:
        assert await ask(probe) is outcome
        assert await ask(probe) is outcome


async def test_a_timeout_costs_a_plain_request_its_connection() -> None:
    """As in Envoy; gRPC's calls keep theirs."""
    async with http2_server(lambda call: call.head()) as up, probing(up, HTTP) as probe:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await probe.ask()
        await until(lambda: not up.open, "the connection stays open")


# --- what comes of it -------------------------------------------------------------------------------


async def test_an_endpoint_falls_ill_and_recovers() -> None:
    """The thresholds are those of every check: one refusal is enough, and `healthyThreshold` passes after it."""
    status = [Serving.SERVING]
    news: list[bool | None] = []

    def script(call: Call) -> None:
        call.head().data(check_response(status[0])).trailers()

    async with http2_server(script) as up:
        checks = HealthChecks(lambda: 0, lambda _, told: news.extend(told.values()))
        checked: Cluster = cluster(up.endpoint, health_checks=(replace(CHECK, healthy_threshold=3),))
        endpoints: tuple[Endpoint, ...] = (up.endpoint,)
        checks.follow([(checked, endpoints)])
        await checks.known(["echo"], DEADLINE)
        status[0] = Serving.NOT_SERVING
        await until(lambda: news == [True, False], "it stays healthy")
        status[0] = Serving.SERVING
        await until(lambda: news == [True, False, True], "it stays ill")
        checks.close()
        await until(lambda: not up.open, "the connection stays open")
        assert up.connections == 1

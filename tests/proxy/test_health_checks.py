"""Active health checks on the wire, and who is told what."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from edgesim.balancing import Address
from edgesim.model import (
    Cluster,
    Endpoint,
    HeaderMutations,
    HeaderValue,
    HealthCheck,
    HttpCheck,
    OutlierDetection,
    TcpCheck,
)
from edgesim.proxy.health_checks import HealthChecks
from tests.proxy.scenes import DEADLINE, OK, Peer, Script, Upstream, answering, cluster, until, upstream

NO = b"HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n"
QUICK = HealthCheck(
    timeout=DEADLINE,
    interval=0.01,
    unhealthy_threshold=1,
    healthy_threshold=1,
    checker=HttpCheck("/healthz"),
    no_traffic_interval=0.01,
)


class Told:
    """What was told, in order, and what it comes to."""

    def __init__(self) -> None:
        self.news: list[dict[Address, bool | None]] = []
        self.now: dict[Address, bool | None] = {}

    def __call__(self, name: str, news: dict[Address, bool | None]) -> None:
        assert name == "echo"
        self.news.append(news)
        self.now.update(news)


@asynccontextmanager
async def checking(
    *endpoints: Endpoint, check: HealthCheck = QUICK
) -> AsyncIterator[tuple[HealthChecks, Told, Cluster]]:
    told = Told()
    checks = HealthChecks(lambda: 0, told)
    checked = cluster(*endpoints, health_checks=(check,))
    assert checks.follow([(checked, endpoints)]) == {"echo"}
    try:
        yield checks, told, checked
    finally:
        checks.close()
    await asyncio.sleep(0)


def of(up: Upstream) -> Address:
    return "127.0.0.1", up.port


async def test_an_endpoint_is_checked_as_envoy_checks_it() -> None:
    """Over one connection, with Envoy's agent and the cluster's name for a host; the first pass is told, the next ones not."""
    async with upstream(OK) as up, checking(up.endpoint) as (checks, told, _):
        await checks.known(["echo"], DEADLINE)
        assert told.news == [{of(up): True}]
        await until(lambda: len(up.heads) > 3, "it is checked once only")
        assert up.heads[0] == b"GET /healthz HTTP/1.1\r\nhost: echo\r\nuser-agent: Envoy/HC"
        assert (up.connections, len(told.news)) == (1, 1)
        assert checks.passing == {"echo": {of(up): True}}


async def test_what_a_check_is_configured_to_ask() -> None:
    """Host, method, headers and statuses; without reuse each check has a connection of its own."""
    headers = HeaderMutations(request_add=(HeaderValue("x-check", "yes"),), request_remove=("user-agent",))
    asks = HttpCheck("/ready?now", "checked.example", "HEAD", ((500, 505),), headers)
    check = replace(QUICK, checker=asks, reuse_connection=False)
    async with upstream(NO) as up, checking(up.endpoint, check=check) as (checks, told, _):
        await checks.known(["echo"], DEADLINE)
        await until(lambda: len(up.heads) > 2, "it is checked once only")
        assert up.heads[0] == b"HEAD /ready?now HTTP/1.1\r\nhost: checked.example\r\nx-check: yes"
        assert up.connections >= len(up.heads)
        assert told.news == [{of(up): True}]


async def test_a_change_is_told() -> None:
    """An answer with another status is told, and so is the next pass."""
    answers = iter([OK, NO, NO, OK, OK, OK])

    async def script(peer: Peer) -> None:
        while await peer.head():
            peer.send(next(answers, OK))

    async with upstream(script) as up, checking(up.endpoint) as (_, told, _c):
        await until(lambda: len(told.news) == 3, "a change is missing")
        assert told.news == [{of(up): True}, {of(up): False}, {of(up): True}]


async def torn(peer: Peer) -> None:
    await peer.head()
    peer.send(OK[:-1])


async def hanging(peer: Peer) -> None:
    await peer.rest()


@pytest.mark.parametrize(
    "script", [torn, hanging, answering(b"no HTTP at all\r\n\r\n")], ids=["torn", "hanging", "other"]
)
async def test_what_is_no_answer_is_a_failure(script: Script) -> None:
    """An answer that is cut, none in time, and anything but HTTP."""
    check = replace(QUICK, timeout=0.05)
    async with upstream(script) as up, checking(up.endpoint, check=check) as (checks, told, _):
        await checks.known(["echo"], DEADLINE)
        assert told.news == [{of(up): False}]


async def test_nobody_there_is_a_failure_until_somebody_is() -> None:
    """A refused connection fails; as soon as somebody listens a check passes."""
    async with upstream(OK) as up:
        pass
    async with checking(up.endpoint) as (checks, told, _):
        await checks.known(["echo"], DEADLINE)
        assert told.now == {of(up): False}
        async with upstream(OK, up.port):
            await until(lambda: told.now == {of(up): True}, "it stays ill")


async def pong(peer: Peer) -> None:
    while await peer.exactly(4) == b"ping":
        peer.send(b"well: ", b"po", b"ng!")


@pytest.mark.parametrize(
    ("checker", "passes"),
    [
        (TcpCheck(), True),
        (TcpCheck(b"ping", (b"well", b"pong")), True),
        (TcpCheck(b"ping", (b"pong", b"well")), False),
    ],
)
async def test_tcp(checker: TcpCheck, passes: bool) -> None:
    """A connection is enough where nothing is sent; else all must come back, in order, in time."""
    check = replace(QUICK, checker=checker, timeout=DEADLINE if passes else 0.05)
    async with upstream(pong) as up, checking(up.endpoint, check=check) as (checks, told, _):
        await checks.known(["echo"], DEADLINE)
        assert told.now == {of(up): passes}


async def test_endpoints_come_and_go() -> None:
    """One that comes is checked at once, one that goes is forgotten, one that stays is not checked anew."""
    async with upstream(OK) as one, upstream(OK) as other, checking(one.endpoint) as (checks, told, checked):
        await checks.known(["echo"], DEADLINE)
        assert checks.follow([(checked, (one.endpoint, other.endpoint))]) == frozenset()
        await checks.known(["echo"], DEADLINE)
        assert told.now == {of(one): True, of(other): True}
        checks.follow([(checked, (other.endpoint,))])
        assert told.now == {of(one): None, of(other): True}
        checks.follow([])
        assert told.now == {of(one): None, of(other): None}
        assert checks.passing == {}
        assert len(told.news) == 4


async def test_another_check_begins_anew() -> None:
    """What the old one found is forgotten."""
    async with upstream(OK) as up, checking(up.endpoint) as (checks, told, checked):
        await checks.known(["echo"], DEADLINE)
        other = replace(checked, health_checks=(replace(QUICK, checker=HttpCheck("/", expected=((500, 600),))),))
        checks.follow([(other, (up.endpoint,))])
        await checks.known(["echo"], DEADLINE)
        assert told.news == [{of(up): True}, {of(up): None}, {of(up): False}]


async def test_without_requests_checks_are_far_apart() -> None:
    """The next check is at the slow pace until the cluster is used; with outlier detection every pass is told."""
    slow = replace(QUICK, no_traffic_interval=300.0)
    outlier = OutlierDetection()
    async with upstream(OK) as up, checking(up.endpoint, check=slow) as (checks, _, _c):
        await checks.known(["echo"], DEADLINE)
        assert len(up.heads) == 1
    async with upstream(OK) as up:
        told = Told()
        checks = HealthChecks(lambda: 0, told)
        checks.used(["echo"])
        checks.follow([(cluster(up.endpoint, health_checks=(slow,), outlier=outlier), (up.endpoint,))])
        await until(lambda: len(told.news) > 3, "it is not checked at full speed")
        checks.close()


async def test_connections_are_kept_after_a_timeout_too() -> None:
    """The one that was silent is cut; the next one is kept as the first was."""
    asked: list[bytes] = []

    async def script(peer: Peer) -> None:
        while head := await peer.head():
            asked.append(head)
            if len(asked) > 1:
                peer.send(OK)

    check = replace(QUICK, timeout=0.05)
    async with upstream(script) as up, checking(up.endpoint, check=check) as (_, told, _c):
        await until(lambda: len(asked) > 5, "it is checked no more")
        assert told.now == {of(up): True}
        assert up.connections == 2

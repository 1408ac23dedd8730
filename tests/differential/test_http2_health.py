"""Health checks over HTTP/2 beside Envoy: what is judged how, and how many checks it takes to leave and to come back."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
import time
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from h2.errors import ErrorCodes

from edgesim.backends.answers import JsonEcho
from edgesim.backends.pod_log import PodLog
from edgesim.backends.program import Program
from edgesim.backends.runtime import PodRuntime, RunningPod
from edgesim.model import (
    Cluster,
    ClusterType,
    Destination,
    Endpoint,
    ForwardAction,
    GrpcCheck,
    HealthCheck,
    HttpCheck,
    LoadBalancer,
    Model,
    PathKind,
    PathMatcher,
    Route,
    RouteMatch,
    UpstreamTls,
    VirtualHost,
)
from edgesim.policies.grpc_health import Serving, check_response, framed
from edgesim.proxy.health_checks import HealthChecks
from tests.differential.features import edgesims
from tests.envoy import bootstrap, running
from tests.proxy.authority import issued, server_context
from tests.proxy.http2 import SERVING, Call, Server, http2_server, serving

pytestmark = pytest.mark.slow
DEADLINE = 30.0
ENOUGH = 6
"""Checks by which it shows what they come to."""
CHECK = HealthCheck(0.5, 0.05, 1, 1, GrpcCheck("shop.Cart"), no_traffic_interval=0.05)

Script = Callable[[Call], object]


def reset(call: Call) -> None:
    call.http2.reset_stream(call.stream, ErrorCodes.REFUSED_STREAM)


def cut(call: Call) -> None:
    call.writer.transport.abort()


def last(call: Call) -> None:
    serving(call.goodbye())


def error(call: Call) -> None:
    call.goodbye(int(ErrorCodes.ENHANCE_YOUR_CALM))


def padded(call: Call) -> None:
    call.head().data(framed(b"") + framed(b"\x12\x01x\x08\x01") + framed(b"")).trailers((b"grpc-status", b"00"))


def slow(call: Call) -> None:
    call.head().data(SERVING)


SCRIPTS: Mapping[str, Script] = {
    "serving": serving,
    "not-serving": lambda call: call.head().data(check_response(Serving.NOT_SERVING)).trailers(),
    "unknown": lambda call: call.head().data(framed(b"")).trailers(),
    "another-number": lambda call: call.head().data(framed(b"\x08\x03")).trailers(),
    "no-message": lambda call: call.head().trailers(),
    "error-behind-serving": lambda call: call.head().data(SERVING).trailers((b"grpc-status", b"13")),
    "no-status": lambda call: call.head().data(SERVING).trailers((b"x", b"y")),
    "odd-status": lambda call: call.head().data(SERVING).trailers((b"grpc-status", b"zero")),
    "unimplemented": lambda call: call.head((b"grpc-status", b"12"), ends=True),
    "ok-without-message": lambda call: call.head((b"grpc-status", b"0"), ends=True),
    "only-a-head": lambda call: call.head(ends=True),
    "503": lambda call: call.head(status=b"503"),
    "503-ends": lambda call: call.head(status=b"503", ends=True),
    "text": lambda call: call.head((b"content-type", b"text/plain")),
    "grpc-web": lambda call: call.head((b"content-type", b"application/grpc-web")),
    "grpc-proto": lambda call: call.head((b"content-type", b"application/grpc+proto")).data(SERVING).trailers(),
    "no-trailers": lambda call: call.head().data(SERVING, ends=True),
    "two-messages": lambda call: call.head().data(SERVING * 2),
    "compressed": lambda call: call.head().data(b"\1" + SERVING[1:]),
    "no-protobuf": lambda call: call.head().data(framed(b"\xff")),
    "padded": padded,
    "slow": slow,
    "silent": lambda _call: None,
    "reset": reset,
    "cut": cut,
    "last": last,
    "error": error,
}


PLAIN = {"serving", "503", "503-ends", "only-a-head", "no-message", "silent", "reset", "cut", "last", "error"}
"""Of these what plain requests get is compared as well."""


def checked(name: str, endpoints: tuple[Endpoint, ...], **options: Any) -> Cluster:
    options = {"health_checks": (CHECK,), "http2": True, "balancer": LoadBalancer(panic_threshold=0.0), **options}
    return Cluster(name, ClusterType.STATIC, endpoints, **options)


def routed(*clusters: Cluster) -> Model:
    routes = [
        Route((RouteMatch(PathMatcher(PathKind.PREFIX, f"/{each.name}")),), ForwardAction(Destination(each.name)))
        for each in clusters
    ]
    return Model((VirtualHost("any", ("*",), tuple(routes)),), clusters)


@dataclass(frozen=True)
class Found:
    """What the checks of a script came to, whether a connection was kept, and a call as it was asked."""

    kinds: frozenset[str]
    keeps: bool
    head: tuple[tuple[bytes, bytes], ...]
    body: bytes
    agreed: str | None


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE):
        while not condition():  # noqa: ASYNC110  # what is waited for has no event
            await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def scripted() -> AsyncIterator[tuple[dict[str, Server], list[Cluster]]]:
    """Run a server for each script, more for plain requests and over TLS; yield them and a cluster of each."""
    context = server_context(issued("up"))
    context.set_alpn_protocols(["h2", "http/1.1"])
    async with contextlib.AsyncExitStack() as stack:
        servers = {name: await stack.enter_async_context(http2_server(script)) for name, script in SCRIPTS.items()}
        clusters = [checked(name, (each.endpoint,)) for name, each in servers.items()]
        plain = replace(CHECK, checker=HttpCheck("/healthz", http2=True))
        for name in PLAIN:
            servers[f"plain-{name}"] = await stack.enter_async_context(http2_server(SCRIPTS[name]))
            clusters.append(checked(f"plain-{name}", (servers[f"plain-{name}"].endpoint,), health_checks=(plain,)))
        for name, offered in (("tls", ()), ("alpn", ("h2",))):
            servers[name] = await stack.enter_async_context(http2_server(context=context))
            clusters.append(checked(name, (servers[name].endpoint,), tls=UpstreamTls(alpn=offered)))
        yield servers, clusters


def found(servers: Mapping[str, Server], counts: Callable[[str, str], int]) -> dict[str, Found]:
    kinds = ("success", "failure", "network_failure")
    return {
        name: Found(
            frozenset(kind for kind in kinds if counts(name, kind)),
            each.connections < len(each.heads),
            tuple(sorted(field for field in each.heads[0])),
            each.bodies[0],
            next(iter(each.protocols), None),
        )
        for name, each in servers.items()
    }


async def by_edgesim() -> dict[str, Found]:
    checks = HealthChecks(lambda: 0, lambda _name, _news: None)
    async with scripted() as (servers, clusters):
        checks.follow((each, each.endpoints) for each in clusters)
        await until(lambda: all(len(each.heads) >= ENOUGH for each in servers.values()))
        states = {scope[1]: state.values for scope, state in checks.states().items()}
        checks.close()
        return found(servers, lambda name, kind: int(states[name][f"health_check.{kind}"]))


async def by_envoy(folder: Path) -> dict[str, Found]:
    async with scripted() as (servers, clusters):
        envoy = running(bootstrap(routed(*clusters)), folder)
        await asyncio.to_thread(envoy.__enter__)
        try:
            await until(lambda: all(len(each.heads) >= ENOUGH for each in servers.values()))
            stats = await asyncio.to_thread(_stats, folder)
        finally:
            await asyncio.to_thread(envoy.__exit__, None, None, None)
        return found(servers, lambda name, kind: stats[f"cluster.{name}.health_check.{kind}"])


def _stats(folder: Path) -> dict[str, int]:
    admin = (folder / "admin").read_text().strip()
    with urllib.request.urlopen(f"http://{admin}/stats?format=json&filter=health_check", timeout=DEADLINE) as answer:
        return {each["name"]: each["value"] for each in json.load(answer)["stats"]}


async def test_everything_is_judged_as_by_envoy(tmp_path: Path) -> None:
    """Passes, refusals and losses of every answer; what is asked, over how many connections, and by which ALPN."""
    own, envoys = await by_edgesim(), await by_envoy(tmp_path)
    assert {name: each for name, each in own.items() if each != envoys[name]} == {}


# --- pods -------------------------------------------------------------------------------------------


@contextlib.contextmanager
def pods(count: int) -> Iterator[list[tuple[RunningPod, PodLog]]]:
    """Run pods on a loop of their own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    runtime, port = PodRuntime(), Random().randrange(20_000, 60_000)

    async def begin() -> list[tuple[RunningPod, PodLog]]:
        logs = [PodLog(time.time) for _ in range(count)]
        return [
            (await runtime.start(f"pod-{at}", Program((port,), JsonEcho(f"pod-{at}", "shop", {})), log), log)
            for at, log in enumerate(logs)
        ]

    async def end(started: list[tuple[RunningPod, PodLog]]) -> None:
        for pod, _ in started:
            await runtime.stop(pod, grace=0)

    started = asyncio.run_coroutine_threadsafe(begin(), loop).result(DEADLINE)
    try:
        yield started
    finally:
        asyncio.run_coroutine_threadsafe(end(started), loop).result(DEADLINE)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(DEADLINE)
        loop.close()


@contextlib.contextmanager
def proxy(name: str, served: Model, folder: Path) -> Iterator[int]:
    if name == "edgesim":
        with edgesims({"": served}, folder, None, "") as ports:
            yield ports[""]
        return
    config = bootstrap(served)
    for each in config["static_resources"]["clusters"]:  # else Envoy gathers changes of health for a second
        each.setdefault("common_lb_config", {})["update_merge_window"] = "0s"
    with running(config, folder) as port:
        yield port


def ask(port: int) -> str:
    """Return which pod answered."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/pods", timeout=DEADLINE) as answer:
        return str(json.load(answer)["pod"])


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < end, "it does not come"
        time.sleep(0.01)


CALL = "POST /grpc.health.v1.Health/Check HTTP/2.0"


def checks_of(log: PodLog) -> int:
    return sum(f'"{CALL}"' in line.text for line in log.lines())


@pytest.mark.parametrize("name", ["envoy", "edgesim"])
def test_a_pod_that_does_not_serve_leaves_and_comes_back(name: str, tmp_path: Path) -> None:
    """With the first check that says so, and with the second that says it serves again: `healthyThreshold` is 2."""
    check = HealthCheck(2.0, 0.5, 3, 2, GrpcCheck(), no_traffic_interval=0.5)
    with pods(2) as started:
        pod, log = started[0]
        endpoints = tuple(Endpoint(each.address.host, next(iter(each.address.ports.values()))) for each, _ in started)
        with proxy(name, routed(checked("pods", endpoints, health_checks=(check,))), tmp_path) as port:
            both = {"pod-0", "pod-1"}
            wait_until(lambda: {ask(port) for _ in range(6)} == both)
            assert pod.server is not None
            seen = checks_of(log)
            pod.server.ready_at += 1000
            wait_until(lambda: {ask(port) for _ in range(4)} == {"pod-1"})
            assert checks_of(log) == seen + 1
            seen = checks_of(log)
            pod.server.ready_at -= 1000
            wait_until(lambda: {ask(port) for _ in range(4)} == both)
            assert checks_of(log) == seen + 2
            spoken = {line.text.partition('"')[2].partition('"')[0] for line in log.lines()} - {CALL}
            assert spoken == {f"GET /pods HTTP/{'2.0' if name == 'envoy' else '1.1'}"}

"""What one request costs in Python alone: the data plane between two transports that go nowhere.

Sockets and the kernel are left out and processor time is counted, so the figure is steady enough to see a microsecond. Kinds of traffic:
the same request and answer again and again, requests that differ in their path and answers that all differ, and
requests that have a header of their own too; some with an access log, to a file that goes nowhere.

    python -m bench.hotpath [--requests N]
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import statistics
import time
from collections.abc import Callable
from itertools import cycle, islice
from random import Random
from typing import Any, cast

from edgesim.model import (
    PLAIN_LISTENER,
    Cluster,
    ClusterType,
    Destination,
    Endpoint,
    ForwardAction,
    HeaderMatcher,
    PathKind,
    PathMatcher,
    Route,
    RouteMatch,
    SubsetConfig,
    SubsetSelector,
    ValueKind,
    VirtualHost,
    WeightedCluster,
)
from edgesim.proxy.access_log import AccessLog, compile_format
from edgesim.proxy.deltas import Delta
from edgesim.proxy.downstream import Downstream
from edgesim.proxy.pools import give
from edgesim.proxy.upstream import UpstreamConnection
from edgesim.proxy.worker import Worker

_DIFFERENT = 1500
"""More than the data plane remembers, and few enough for the processor's cache, where a kernel would have just put them."""
HEADERS = "".join(f"X-Header-{i}: some value {i}\r\n" for i in range(7))


class Nowhere:
    """A transport that keeps the last thing written."""

    def __init__(self) -> None:
        self.written = b""

    def write(self, data: bytes) -> None:
        """Keep it."""
        self.written = data

    def is_closing(self) -> bool:
        """Never."""
        return False

    def close(self) -> None:
        """Nothing is open."""

    abort = pause_reading = resume_reading = close

    def get_extra_info(self, _name: str) -> Any:
        """Know nothing."""
        return None


def canary() -> Delta:
    """Return the canary's routes and cluster."""
    path = PathMatcher(PathKind.PREFIX, "/")
    arms = tuple(Destination("echo", (("version", version),)) for version in ("v1", "v2"))
    routes = (
        Route((RouteMatch(path, (HeaderMatcher("stage", ValueKind.EXACT, "canary"),)),), ForwardAction(arms[1])),
        Route((RouteMatch(path),), ForwardAction(weighted=tuple(WeightedCluster(arm, 50) for arm in arms))),
    )
    endpoints = tuple(Endpoint("127.0.0.1", 1 + i, arm.subset) for i, arm in enumerate(arms))
    cluster = Cluster("echo", ClusterType.STATIC, endpoints, subsets=SubsetConfig((SubsetSelector(("version",)),)))
    return Delta(1, (VirtualHost("echo", ("*",), routes),), clusters=(cluster,))


class Scene:
    """A worker with one client and a connection to each endpoint."""

    def __init__(self, *, logged: bool = False) -> None:
        self.worker = Worker(Random(1), time.monotonic, time.time)
        self.worker.swap(self.worker.compiler.snapshot(canary()))
        if logged:
            self.worker.log = AccessLog(compile_format(""), os.devnull)
        self.client = Downstream(self.worker, self.worker.listeners[PLAIN_LISTENER.name])
        self.client.connection_made(cast(asyncio.BaseTransport, Nowhere()))
        cluster = self.worker.snapshot.clusters["echo"]
        self.upstreams: list[UpstreamConnection] = []
        for endpoint in cluster.endpoints.every:
            connection = UpstreamConnection(cluster.pool(endpoint))
            connection.connection_made(cast(asyncio.BaseTransport, Nowhere()))
            give(connection)
            self.upstreams.append(connection)

    def exchange(self, request: bytes, response: bytes) -> None:
        """Take one request and its answer."""
        self.client.data_received(request)
        for upstream in self.upstreams:
            if upstream.exchange is not None:
                upstream.data_received(response)

    def answered(self) -> bytes:
        """Return the last body the client got."""
        written: bytes = cast(Nowhere, self.client.transport).written
        return written.rpartition(b"\r\n\r\n")[2].strip()


def request(path: str, headers: str) -> bytes:
    """Return a GET."""
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n{headers}\r\n".encode()


def response(more: str) -> bytes:
    """Return an answer like nginx's."""
    head = "HTTP/1.1 200 OK\r\nServer: nginx\r\nDate: Tue, 24 Nov 2026 16:11:10 GMT\r\nContent-Type: text/plain\r\n"
    return f"{head}Content-Length: 11\r\nConnection: keep-alive\r\n{more}\r\nversion:v1\n".encode()


def traffic(kind: str, count: int) -> list[tuple[bytes, bytes]]:
    """Return requests with their answers."""
    headers = HEADERS if "ten" in kind else ""
    if kind.startswith("repeated"):
        return [(request("/", headers), response(""))] * count
    trace = "Traceparent: 00-{i:x}\r\n" if "distinct" in kind else ""
    different = [
        (
            request(f"/items/{i * 7919:x}?page={i}", headers + trace.format(i=i)),
            response(f"X-Answer: {i}\r\n"),
        )
        for i in range(_DIFFERENT)
    ]
    return list(islice(cycle(different), count))


def microseconds(exchange: Callable[[bytes, bytes], None], pairs: list[tuple[bytes, bytes]]) -> float:
    """Return the cost of one exchange."""
    begun = time.process_time()
    for sent, answered in pairs:
        exchange(sent, answered)
    return (time.process_time() - begun) / len(pairs) * 1e6


async def main(count: int) -> None:
    """Print a line for each kind of traffic."""
    gc.set_threshold(50_000)
    kinds = ("repeated", "repeated, ten headers", "other paths", "distinct", "distinct, ten headers")
    for kind in (*kinds, "repeated, logged", "distinct, logged"):
        scene = Scene(logged="logged" in kind)
        pairs = traffic(kind, count)
        microseconds(scene.exchange, pairs[: count // 4])
        assert scene.answered() == b"version:v1"
        rounds = [microseconds(scene.exchange, pairs) for _ in range(5)]
        print(f"{kind:24} {min(rounds):6.2f} us a request (median {statistics.median(rounds):.2f})")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=20_000)
    asyncio.run(main(parser.parse_args().requests))

"""The two proxies that are compared: a real edgesim worker process, and real Envoy configured as Gloo does."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from edgesim.model import (
    DEFAULT_LISTENER,
    PLAIN_LISTENER,
    Cluster,
    ClusterType,
    Destination,
    Endpoint,
    ForwardAction,
    ListenerOptions,
    Model,
    PathKind,
    PathMatcher,
    Route,
    RouteMatch,
    Update,
    VirtualHost,
)
from edgesim.proxy import Supervisor
from tests.envoy import bootstrap, running

_DEADLINE = 60.0


@contextlib.contextmanager
def edgesim(upstream: int, options: ListenerOptions = DEFAULT_LISTENER) -> Iterator[int]:
    """Run one worker that forwards everything to a port; yields its own."""
    with supervised(upstream, options) as supervisor:
        yield supervisor.port


@contextlib.contextmanager
def supervised(upstream: int, options: ListenerOptions = DEFAULT_LISTENER) -> Iterator[Supervisor]:
    """Run one worker, likewise; yields its supervisor."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def begin() -> Supervisor:
        supervisor = Supervisor("127.0.0.1", 0, 1, "0")
        await supervisor.start()
        await supervisor.push(Update(1, model(upstream, options), {}))
        return supervisor

    supervisor = asyncio.run_coroutine_threadsafe(begin(), loop).result(_DEADLINE)
    try:
        yield supervisor
    finally:
        asyncio.run_coroutine_threadsafe(supervisor.close(0.0), loop).result(_DEADLINE)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(_DEADLINE)
        loop.close()


def model(upstream: int, options: ListenerOptions = DEFAULT_LISTENER) -> Model:
    """Return a model with one route for everything."""
    endpoint = Endpoint(address="127.0.0.1", port=upstream)
    cluster = Cluster(name="up", type=ClusterType.STATIC, endpoints=(endpoint,))
    route = Route(matches=(RouteMatch(PathMatcher(PathKind.PREFIX, "/")),), action=ForwardAction(Destination("up")))
    return Model(
        (VirtualHost(name="all", domains=("*",), routes=(route,)),),
        (cluster,),
        (replace(PLAIN_LISTENER, options=options),),
    )


@contextlib.contextmanager
def envoy(upstream: int, folder: Path, **connection_manager: Any) -> Iterator[int]:
    """Run Envoy, likewise, with websockets as Gloo enables them; skips where it is not installed."""
    with running(bootstrap(model(upstream), **connection_manager), folder) as port:
        yield port

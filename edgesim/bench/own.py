"""The proxy under a user's own configuration, loaded with requests that come to its routes."""

from __future__ import annotations

import http.client
from collections.abc import Sequence
from contextlib import AbstractContextManager, suppress
from pathlib import Path

from edgesim.bench import peers
from edgesim.bench.peers import Peer
from edgesim.bench.processes import get
from edgesim.bench.proxy import target_of
from edgesim.inspect.examples import Example
from edgesim.inspect.listeners import choose_listener
from edgesim.inspect.requests import RequestError, read_url
from edgesim.load.scenario import By, Closed, Destination, RequestClass, Scenario
from edgesim.model import Model

_MOST = 200
"""Kinds of requests: each is kept ready by the client."""


def load_of(model: Model, examples: Sequence[Example], connections: int, seed: int) -> Scenario | None:
    """Return what is sent to the usual plain listener; None where no example is one of its."""
    with suppress(RequestError):
        usual = choose_listener(model, read_url("http://localhost/")).name
        requests = tuple(map(_request, [each for each in examples if each.listener == usual]))
        step = max(1, -(-len(requests) // _MOST))
        if requests:
            return Scenario(
                target_of(0), requests[::step], Closed(connections, 1.0), connections=connections, seed=seed,
                destination=Destination(By.ROUTE),
            )  # fmt: skip
    return None


def _request(example: Example) -> RequestClass:
    url = read_url(example.url)
    headers = [("Host", url.authority)]
    headers += [(name, value.strip()) for name, _, value in (line.partition(":") for line in example.headers)]
    return RequestClass("routed", example.method, url.target, tuple(headers))


def serving(paths: Sequence[Path], folder: Path) -> AbstractContextManager[Peer]:
    """Run `edgesim up` with these files. Raises Unavailable."""
    return peers.serving("edgesim", [path.absolute() for path in paths], folder, _listens)


def _listens(port: int) -> bool:
    try:
        get(port)
    except (OSError, http.client.HTTPException):
        return False
    return True

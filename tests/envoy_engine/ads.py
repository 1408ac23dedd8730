"""Snapshots of few resources, and an Envoy that follows a stream of them without a network."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from edgesim.dialects.envoy import Kind, Part, Resources
from edgesim.envoy.discovery_messages import Request
from edgesim.envoy.discovery_stream import Refused
from edgesim.envoy.served import Served, serve
from edgesim.policies.protobuf_wire import read_fields

EMPTY = Resources({}, {}, {}, {}, {})


def snapshot(
    *clusters: str, listeners: Iterable[str] = ("edge",), routes: str = "", before: Served | None = None
) -> Served:
    """Return listeners whose routes name clusters: all there are, or those of `routes`."""
    named = [*routes.split()] or [*clusters]
    hosts = [{"name": " ".join(named), "domains": ["*"]}]
    return serve(
        Resources(
            {name: Part({"name": name}) for name in listeners},
            {f"{name}-routes": Part({"name": f"{name}-routes", "virtual_hosts": hosts}) for name in listeners},
            {name: Part({"name": name}) for name in clusters},
            {},
            {},
        ),
        before,
    )


@dataclass
class Response:
    """A response as it is read: the resources by name, and of routes the clusters they name."""

    kind: Kind
    version: str
    nonce: str
    names: list[str]
    routed: set[str]

    def __str__(self) -> str:
        return f"{self.kind.rpartition('.')[2]}: {' '.join(sorted(self.names))}"


def _fields(message: bytes) -> dict[int, int | bytes]:
    return {number: value for number, _, value in read_fields(message)}


def read(message: bytes) -> Response:
    """Read a DiscoveryResponse."""
    said = _fields(message)
    resources = [
        _fields(value)[2] for number, _, value in read_fields(message) if number == 2 and isinstance(value, bytes)
    ]
    messages = [_fields(each) for each in resources if isinstance(each, bytes)]
    kind = Kind(_text(said[4]).rpartition("/")[2])
    hosts = [_fields(each[2])[1] for each in messages if kind is Kind.ROUTES and isinstance(each[2], bytes)]
    routed = {name for host in hosts for name in _text(host).split()}
    return Response(kind, _text(said[1]), _text(said[5]), [_text(each[1]) for each in messages], routed)


def _text(value: int | bytes) -> str:
    assert isinstance(value, bytes)
    return value.decode()


@dataclass
class Peer:
    """An Envoy at the other end: it takes responses one by one, but for resources whose names begin with `bad`."""

    stream: Any
    """A `Stream`, or what leads to one."""
    got: list[str] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    clusters: set[str] = field(default_factory=set)
    listeners: set[str] = field(default_factory=set)
    routed: set[str] = field(default_factory=set)
    versions: dict[Kind, str] = field(default_factory=dict)
    names: dict[Kind, tuple[str, ...]] = field(default_factory=dict)
    nonces: dict[Kind, str] = field(default_factory=dict)
    queue: list[Response] = field(default_factory=list)

    def begin(self, stream: Any = None) -> None:
        """Connect, anew with another stream: what it has it has."""
        self.stream = stream or self.stream
        self.nonces, self.queue = {}, []
        for kind in (Kind.CLUSTER, Kind.LISTENER):
            self.ask(kind)
        if Kind.ROUTES in self.names:
            self.ask(Kind.ROUTES, *self.names[Kind.ROUTES])

    def ask(self, kind: Kind, *names: str, error: str | None = None) -> None:
        """Send a request."""
        self.names[kind] = names
        nonce, version = self.nonces.get(kind, ""), self.versions.get(kind, "")
        found = self.stream.hear(Request(kind.type_url, names, version, nonce, error=error))
        if found is not None:
            self.refused.append(found)

    def look(self) -> None:
        """Let what is due arrive."""
        self.queue += map(read, self.stream.due())

    def step(self) -> bool:
        """Take the next response, if there is one."""
        self.look()
        if not self.queue:
            return False
        self._take(self.queue.pop(0))
        return True

    def run(self) -> list[str]:
        """Take all there is; returns what came."""
        self.got = []
        while self.step():
            pass
        return self.got

    def _take(self, response: Response) -> None:
        self.got.append(str(response))
        bad = [name for name in response.names if name.startswith("bad")]
        bad += (
            ["routes"]
            if response.kind is Kind.ROUTES and any(name.startswith("odd") for name in response.routed)
            else []
        )
        self._apply(response, bad)
        self.nonces[response.kind] = response.nonce
        if not bad:
            self.versions[response.kind] = response.version
        self.ask(response.kind, *self.names[response.kind], error=f"no {bad[0]}" if bad else None)
        if response.kind is Kind.LISTENER:
            wanted = tuple(f"{name}-routes" for name in sorted(self.listeners))
            if self.names.get(Kind.ROUTES, ()) != wanted:
                self.ask(Kind.ROUTES, *wanted)

    def _apply(self, response: Response, bad: list[str]) -> None:
        """Envoy takes what is good of clusters and listeners, and lets go of what is not named any more."""
        good = {name for name in response.names if name not in bad}
        if response.kind is Kind.CLUSTER:
            self.clusters = good
        elif response.kind is Kind.LISTENER:
            self.listeners = good
        elif response.kind is Kind.ROUTES and not bad:
            self.routed = response.routed

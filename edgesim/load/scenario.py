"""What is sent, by whom and when: read from the command line or a scenario file, told to the client processes.

A path, a header's value and a body may hold `${name}`, a variable of the row of the CSV file whose turn it is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

import msgspec


class Arrivals(StrEnum):
    """How send times are spread at a given rate: evenly, or as those of many who do not know of each other."""

    EVEN = "even"
    POISSON = "poisson"


class Order(StrEnum):
    """Which row of variables is next."""

    SEQUENTIAL = "sequential"
    RANDOM = "random"


@dataclass(frozen=True, slots=True)
class Target:
    """The server: all requests of a run go to one."""

    scheme: str
    host: str
    port: int
    authority: str
    """What `Host` says."""
    path: str = "/"
    server_name: str = ""
    """For SNI and the certificate's name; empty: `host`."""
    ca_file: str = ""
    insecure: bool = False


@dataclass(frozen=True, slots=True)
class RequestClass:
    """Requests that are counted together, and how often one is drawn among the others."""

    name: str
    method: str = "GET"
    path: str = "/"
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Variables:
    """Rows of values for `${name}`."""

    names: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    order: Order = Order.SEQUENTIAL


@dataclass(frozen=True, slots=True)
class Think:
    """The pause of a user between an answer and the next request, uniform between two numbers of seconds."""

    low: float = 0.0
    high: float = 0.0


@dataclass(frozen=True, slots=True)
class Sessions:
    """Users who keep their cookies. In an open loop each request is some user's; in a closed one each user is a loop."""

    users: int = 0
    """0: no request belongs to a user."""
    requests: int = 0
    """After so many a user is replaced by a new one without cookies; 0: never."""
    think: Think = Think()


@dataclass(frozen=True, slots=True)
class Stage:
    """A stretch of the schedule in which the rate goes evenly from one number of requests a second to another."""

    seconds: float
    start: float
    end: float


class Open(msgspec.Struct, frozen=True, tag="open", tag_field="loop"):
    """Requests are sent at times fixed before the run."""

    stages: tuple[Stage, ...]
    arrivals: Arrivals = Arrivals.EVEN
    times: tuple[float, ...] = ()
    """Where a log is replayed: seconds since its start, in place of stages."""
    requests: tuple[int, ...] = ()
    """Of a replay: which of the scenario's requests is sent at each time; where empty they are drawn by weight."""


class Closed(msgspec.Struct, frozen=True, tag="closed", tag_field="loop"):
    """Each connection (or user) sends its next request when it has the answer: the server's slowness slows the load."""

    connections: int
    seconds: float


class By(StrEnum):
    """Where an answer says which version sent it."""

    NOTHING = "nothing"
    HEADER = "header"
    BODY = "body"
    ROUTE = "route-header"
    """What `edgesim up --route-header` adds: the pod's Deployment, or the cluster."""


@dataclass(frozen=True, slots=True)
class Destination:
    """How the destination of an answer is learned: the value of a header, or the first group of a regular expression."""

    by: By = By.NOTHING
    what: str = ""


@dataclass(frozen=True, slots=True)
class Scenario:
    """All that a client process must know."""

    target: Target
    requests: tuple[RequestClass, ...]
    mode: Open | Closed
    variables: Variables = Variables()
    sessions: Sessions = Sessions()
    destination: Destination = Destination()
    connections: int = 256
    """At most so many at a time, of all client processes together."""
    per_connection: int = 0
    """After so many requests a connection is closed and a new one opened; 1: one for each request; 0: never."""
    timeout: float = 10.0
    """Seconds from the send to the end of the answer; then the connection is closed and a `timeout` counted."""
    count: int = 0
    """At most so many requests; 0: as many as the schedule has."""
    warm_up: float = 0.0
    cool_down: float = 0.0
    """Seconds at the start and the end whose requests are sent and left out of all figures but the seconds' own."""
    late: float = 0.01
    """A request sent more than so many seconds after its time counts as late."""
    seed: int = 0
    labels: dict[str, str] = field(default_factory=dict)

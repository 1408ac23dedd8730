"""The fields of a scenario file, as msgspec structs: what `docs/schemas/scenario.json` is made of."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from msgspec import Meta, field

from edgesim.dialects.schema.common import OneOf, Strict

Time = str | int | float
"""A duration as `1m30s` or `250ms`, or a number of seconds."""
Rate = str | int | float
"""Requests a second: `100`, a ramp `0-500`, stages `0-500:30s,500:2m`, or a curve `day:500:10m`."""
Count = Annotated[int, Meta(ge=0, le=2**53)]
Users = Annotated[int, Meta(ge=0, le=1_000_000)]
Some = Annotated[int, Meta(ge=1, le=1_000_000)]
Token = Annotated[
    str, Meta(pattern=r"^[-!#$%&'*+.^_`|~0-9A-Za-z]+\Z", description="a word of letters, digits and -!#$%&'*+.^_`|~")
]


class Tls(Strict, frozen=True):
    """How a server with `https` is met."""

    insecure: bool = False
    ca_file: str = ""
    server_name: str = ""


class Stage(Strict, frozen=True):
    """A stretch of time at one rate, or with the rate going evenly from one to another (`0-500`)."""

    rate: Rate
    duration: Time


class Point(Strict, frozen=True):
    """A rate at a moment since the start; between two points it goes evenly."""

    at: Time
    rate: float


class Closed(Strict, frozen=True):
    """A closed loop: each connection sends its next request when it has its answer."""

    connections: Some = 10


class Request(Strict, frozen=True):
    """Requests that are counted together. Path, values of headers and body may hold `${name}`."""

    ONE_OF: ClassVar[OneOf] = (("body", "bodyFile"),)

    name: str = ""
    method: Token = "GET"
    path: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    body: str | None = None
    body_file: str | None = None
    weight: float = 1.0


class Variables(Strict, frozen=True):
    """Rows of values for `${name}`: a CSV file whose first line names its columns."""

    file: str
    order: Literal["sequential", "random"] = "sequential"


class Sessions(Strict, frozen=True):
    """Users who keep their cookies; after `requests` each is replaced by a new one."""

    users: Users = 0
    requests: Count = 0
    think: Time = 0


class Replay(Strict, frozen=True):
    """An access log whose requests are sent at its times."""

    file: str
    speed: Rate = 1


class Verdicts(Strict, frozen=True):
    """What is asked of the split, and of one version beside another."""

    expect_split: dict[str, float] = field(default_factory=dict)
    tolerance: Rate = ""
    compare: Annotated[tuple[str, ...], Meta(max_length=2)] = ()
    margin: Rate = ""
    latency_margin: Rate = ""
    confidence: float | None = None


class ScenarioFile(Verdicts, frozen=True):
    """What is sent, by whom and when, and what is expected of it."""

    ONE_OF: ClassVar[OneOf] = (("rate", "stages", "curve", "points", "replay", "closed"), ("requests", "replay"))

    url: str = ""
    tls: Tls = Tls()
    rate: Rate | None = None
    stages: Annotated[tuple[Stage, ...], Meta(min_length=1)] | None = None
    curve: str | None = None
    points: Annotated[tuple[Point, ...], Meta(min_length=2)] | None = None
    replay: Replay | None = None
    closed: Closed | None = None
    duration: Time | None = None
    arrivals: Literal["even", "poisson"] = "even"
    count: Count = 0
    connections: Some = 256
    requests_per_connection: Count = 0
    timeout: Time = 10
    warm_up: Time = 0
    cool_down: Time = 0
    seed: Count = 0
    by: str = ""
    requests: Annotated[tuple[Request, ...], Meta(min_length=1)] | None = None
    variables: Variables | None = None
    sessions: Sessions = Sessions()
    fail_if: tuple[str, ...] = ()
    labels: dict[str, str] = field(default_factory=dict)

"""A test of routes: a request, and what is expected of the decision about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction

from edgesim.model.policies import StringMatch
from edgesim.model.problems import Position


@dataclass(frozen=True, slots=True)
class RouteTestRequest:
    """A request to decide. `random` pins the draw of weighted choices; None asks about every destination.

    `forwarded_https` says that the client came over TLS, whether or not a TLS listener serves anything.
    `response_headers` are what the upstream answers with.
    """

    authority: str
    target: str
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    scheme: str = "http"
    listener: str = ""
    random: int | None = None
    forwarded_https: bool = False
    response_headers: tuple[tuple[str, str], ...] = ()


class Facet(StrEnum):
    """What of a decision is compared.

    PATH and HOST are what the upstream sees, empty where nothing is forwarded. The ROUTER_ ones are what
    Envoy's router_check_tool sees, which names no virtual host where nothing is forwarded, and a
    Location for a direct response.
    """

    CLUSTER = "cluster"
    VIRTUAL_HOST = "virtual host"
    ROUTE = "route"
    TABLE = "table"
    UPSTREAM = "upstream"
    SUBSET = "subset"
    SPLIT = "split"
    STATUS = "status"
    BODY = "body"
    LOCATION = "location"
    PATH = "path"
    HOST = "host"
    TIMEOUT = "timeout"
    REQUEST_HEADER = "request header"
    RESPONSE_HEADER = "response header"
    ROUTER_VIRTUAL_HOST = "router's virtual host"
    ROUTER_LOCATION = "router's location"
    ROUTER_STATUS = "router's status"


@dataclass(frozen=True, slots=True)
class HeaderTest:
    """What is expected of a header: to be there (no condition), absent, of a range or of a text (Envoy's HeaderMatcher).

    `equals` compares all lines joined, absent being empty.
    """

    name: str
    text: StringMatch | None = None
    contains: str | None = None
    within: tuple[int, int] | None = None
    equals: str | None = None
    absent: bool = False
    invert: bool = False
    missing_is_empty: bool = False


Expected = str | float | HeaderTest | tuple[tuple[str, str], ...] | tuple[tuple[str, Fraction], ...]


@dataclass(frozen=True, slots=True)
class Assertion:
    """One thing expected, under the name it is written with."""

    name: str
    facet: Facet
    expected: Expected


@dataclass(frozen=True, slots=True)
class RouteTest:
    """One request of a test with everything that is expected of it; `place` finds where it is written."""

    name: str
    file: str
    request: RouteTestRequest
    assertions: tuple[Assertion, ...]
    place: Callable[[], Position] = field(repr=False, compare=False)

"""Route tables of any size, and requests that spread over all of each table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import accumulate
from random import Random

from edgesim.model import (
    Destination,
    ForwardAction,
    HeaderMatcher,
    PathKind,
    PathMatcher,
    RequestHead,
    Route,
    RouteMatch,
    ValueKind,
    VirtualHost,
    WeightedCluster,
)

_HOST = "shop.example.com"
_V1 = Destination("echo", (("version", "v1"),))
_V2 = Destination("echo", (("version", "v2"),))
_SPLIT = ForwardAction(weighted=(WeightedCluster(_V1, 50), WeightedCluster(_V2, 50)))
_CANARY = HeaderMatcher("stage", ValueKind.EXACT, "canary")
# With the Host, and a stage or a tenant, ten headers.
_HEADERS = {
    b"host": _HOST.encode(),
    b"accept": b"application/json, text/plain, */*",
    b"accept-encoding": b"gzip, deflate, br",
    b"accept-language": b"en-GB,en;q=0.9,de;q=0.8",
    b"authorization": b"Bearer eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJiZW5jaCJ9",
    b"cache-control": b"no-cache",
    b"cookie": b"session=0123456789abcdef0123456789abcdef; theme=dark",
    b"referer": b"http://shop.example.com/basket",
    b"user-agent": b"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/126.0 Safari/537.36",
}


@dataclass(frozen=True, slots=True)
class Kind:
    """A way in which routes differ. `routes` and `request` take a number; `step` routes share each number."""

    name: str
    step: int
    routes: Callable[[int], tuple[Route, ...]]
    request: Callable[[int, Random], tuple[str, bytes, bytes]]


def _canary_pair(path: PathMatcher) -> tuple[Route, ...]:
    """The two routes of a service under release: the header goes to v2, the rest is split."""
    return (
        Route((RouteMatch(path, (_CANARY,)),), ForwardAction(destination=_V2)),
        Route((RouteMatch(path),), _SPLIT),
    )


def _stage(random: Random) -> tuple[bytes, bytes]:
    return b"stage", random.choice((b"canary", b"stable"))


def _distinct(number: int) -> tuple[Route, ...]:
    return _canary_pair(PathMatcher(PathKind.PREFIX, f"/service-{number}/"))


def _distinct_request(number: int, random: Random) -> tuple[str, bytes, bytes]:
    return f"/service-{number}/items/{random.randrange(1000)}", *_stage(random)


def _shared(number: int) -> tuple[Route, ...]:
    return _canary_pair(PathMatcher(PathKind.PREFIX, f"/api/v1/tenant-{number % 7}/service-{number}/"))


def _shared_request(number: int, random: Random) -> tuple[str, bytes, bytes]:
    return f"/api/v1/tenant-{number % 7}/service-{number}/items/{random.randrange(1000)}", *_stage(random)


def _by_header(number: int) -> tuple[Route, ...]:
    tenant = HeaderMatcher("x-tenant", ValueKind.EXACT, f"tenant-{number}")
    return (Route((RouteMatch(PathMatcher(PathKind.PREFIX, "/"), (tenant,)),), _SPLIT),)


def _by_header_request(number: int, random: Random) -> tuple[str, bytes, bytes]:
    return f"/items/{random.randrange(1000)}", b"x-tenant", f"tenant-{number}".encode()


def _regex(number: int) -> tuple[Route, ...]:
    return _canary_pair(PathMatcher(PathKind.REGEX, f"/service-{number}/items/[0-9]+"))


KINDS = (
    Kind("distinct first segments", 2, _distinct, _distinct_request),
    Kind("shared first segments", 2, _shared, _shared_request),
    Kind("header-only differences", 1, _by_header, _by_header_request),
    Kind("regex paths", 2, _regex, _distinct_request),
)


def virtual_hosts(kind: Kind, size: int) -> tuple[VirtualHost, ...]:
    """Return a host of `size` routes among a few others."""
    routes = tuple(route for number in range(services_of(kind, size)) for route in kind.routes(number))
    others = tuple(VirtualHost(f"other-{number}", (f"other-{number}.example.com",)) for number in range(20))
    return (*others, VirtualHost("shop", (_HOST,), routes), VirtualHost("rest", ("*.example.com", "*")))


Chooser = Callable[[Random, int], list[int]]
"""Draws the services of so many requests."""


def busy(services: int) -> Chooser:
    """Draw from a hundred services anywhere in the table: those that a gateway is busy with at a moment."""
    chosen = Random(services).choices(range(services), k=min(services, 100))
    return lambda random, count: random.choices(chosen, k=count)


def skewed(services: int) -> Chooser:
    """Draw the nth most popular service 1/n as often as the first (Zipf)."""
    ranked = list(range(services))
    Random(services).shuffle(ranked)
    weights = list(accumulate(1 / (rank + 1) for rank in range(services)))
    return lambda random, count: random.choices(ranked, cum_weights=weights, k=count)


def even(services: int) -> Chooser:
    """Draw every service equally often: a large table finds nothing in the processor's cache."""
    return lambda random, count: random.choices(range(services), k=count)


TRAFFIC = {"busy": busy, "skewed": skewed, "even": even}


def services_of(kind: Kind, size: int) -> int:
    """Return how many services a table of `size` routes has."""
    return size // kind.step


def requests(kind: Kind, services: Iterable[int], random: Random) -> Iterator[RequestHead]:
    """Yield a request for each service, made of fresh bytes as a parser makes them."""
    for number in services:
        path, name, value = kind.request(number, random)
        yield RequestHead(b"GET", _HOST.encode(), path.encode(), None, {**_HEADERS, name: value})

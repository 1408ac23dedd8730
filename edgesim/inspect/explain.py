"""The whole decision about one request: what was tried, in which order, and what failed first on each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from heapq import nlargest

from edgesim.inspect.conditions import Failure, Nearness, failure, match_text
from edgesim.inspect.domains import HostTrial, try_hosts
from edgesim.inspect.steps import Step, Where, own_name, steps
from edgesim.model import Listener, RequestHead, Route, VirtualHost
from edgesim.routing import with_pseudo_headers

NEAREST = 5
"""So many routes that do not match are shown, the nearest misses, unless all are asked for."""


@dataclass(frozen=True, slots=True)
class RouteTrial:
    """One matcher that was looked at: the condition that failed first, None for the one that took the request.

    `matcher` counts from 1 among the `matchers` of its route.
    """

    route: int
    name: str
    matcher: int
    matchers: int
    conditions: str
    failed: Failure | None
    origin: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """How a request came to its route.

    `hosts` and `routes` hold what was tried, in the order it was; `other_hosts` and `other_routes` count
    those that were tried and left out here, `behind` the matchers behind the one that took the request.
    """

    listener: str
    port: int
    tls: bool
    hosts: tuple[HostTrial, ...] = ()
    other_hosts: int = 0
    routes: tuple[RouteTrial, ...] = ()
    other_routes: int = 0
    behind: int = 0


@dataclass(frozen=True, slots=True)
class _Tried:
    order: int
    route: Route
    index: int
    failed: Failure | None
    near: Nearness


def explain(
    listener: Listener,
    hosts: Iterable[VirtualHost],
    chosen: VirtualHost | None,
    head: RequestHead,
    where: Where,
    most: int | None = NEAREST,
) -> Explanation:
    """Explain a decision on one listener: `hosts` are those it serves, `chosen` the one whose domain won.

    `most` bounds the misses that are told, None telling all.
    """
    tried = try_hosts(hosts, head.authority, chosen)
    shown = [each for each in tried if each.domain or most is None]
    routes = [] if chosen is None else _try_routes(chosen, _seen(head, listener))
    told = _told(routes, most)
    matchers = 0 if chosen is None else sum(len(route.matches) for route in chosen.routes)
    return Explanation(
        listener.name,
        listener.port,
        listener.tls,
        tuple(shown),
        len(tried) - len(shown),
        tuple(_trial(each, where) for each in told),
        len(routes) - len(told),
        matchers - len(routes),
    )


def _seen(head: RequestHead, listener: Listener) -> RequestHead:
    return with_pseudo_headers(head, b"https" if listener.tls else b"http")


def _try_routes(host: VirtualHost, head: RequestHead) -> list[_Tried]:
    """Return every matcher in order, up to the first that holds."""
    tried: list[_Tried] = []
    for route in host.routes:
        for index, match in enumerate(route.matches):
            failed, near = failure(match, head)
            tried.append(_Tried(len(tried), route, index, failed, near))
            if failed is None:
                return tried
    return tried


def _told(tried: list[_Tried], most: int | None) -> list[_Tried]:
    """Keep the matcher that holds and the nearest misses, in order; of equally near ones the earlier."""
    if most is None or len(tried) <= most:
        return tried
    misses = [each for each in tried if each.failed is not None]
    nearest = nlargest(most, misses, key=lambda each: (each.near, -each.order))
    return sorted([*nearest, *(each for each in tried if each.failed is None)], key=lambda each: each.order)


def _trial(tried: _Tried, where: Where) -> RouteTrial:
    route = tried.route
    return RouteTrial(
        route.number,
        own_name(route.name),
        tried.index + 1,
        len(route.matches),
        match_text(route.matches[tried.index]),
        tried.failed,
        steps(route.origin, where),
    )

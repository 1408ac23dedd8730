"""Who waits for whom: the resources whose newest version is not served, and the problems they wait for. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from edgesim.config.isolation import left_out
from edgesim.config.serving import Policy, Served, blocking
from edgesim.model import Cluster, Listener, Model, Problem, ResourceKey, Route, VirtualHost


@dataclass(frozen=True, slots=True)
class HeldBack:
    """A resource whose newest version waits, and the problems that have to be mended first."""

    resource: ResourceKey
    blockers: tuple[Problem, ...]


def held_back(served: Served, newest: Model) -> tuple[HeldBack, ...]:
    """Return every resource whose newest version is not what is served, in the order of the model.

    A route reached by delegation counts for its RouteTable, so that a team whose table waits for another
    team's mistake finds its own table named. Under freeze all wait for all problems, under isolate each
    waits for those of its virtual host. One that has nothing in the newest model, because of its own error,
    waits as well.
    """
    blockers = tuple(blocking(served.problems, served.policy))
    if not blockers:
        return ()
    waiting: dict[ResourceKey, dict[Problem, None]] = {}
    differing = () if newest is served.model else _differing(served.model, newest)
    absent = ((key, key) for key in left_out(newest, blockers))
    for key, holder in (*differing, *absent):
        causes = blockers if served.policy is Policy.FREEZE else _reaching(holder, blockers)
        waiting.setdefault(key, {}).update(dict.fromkeys(causes))
    return tuple(HeldBack(key, tuple(causes)) for key, causes in waiting.items())


def cause(problem: Problem) -> str:
    """Return in a few words what is to be mended: the code, whose problem it is, and where."""
    owner = f" of {problem.resource}" if problem.resource else ""
    return f"{problem.code}{owner}" + (f" ({problem.position})" if problem.position else "")


def _reaching(holder: ResourceKey, problems: Iterable[Problem]) -> list[Problem]:
    known = list(problems)
    found = [each for each in known if holder == each.resource or holder in each.affects]
    # What no error reaches waits for a place: for the Gateway that would have it.
    return found or [each for each in known if each.resource is not None and each.resource.kind == "Gateway"]


Difference = tuple[ResourceKey, ResourceKey]
"""The resource that differs, and the one whose virtual host, listener or cluster it is part of."""


def _differing(old: Model, new: Model) -> Iterator[Difference]:
    for before, after in _pairs(old.virtual_hosts, new.virtual_hosts):
        yield from _host_difference(before, after)
    for pair in (*_pairs(old.listeners, new.listeners), *_pairs(old.clusters, new.clusters)):
        for piece in pair[::-1]:
            if piece is not None and piece.origin:
                yield piece.origin[0].resource, piece.origin[0].resource
                break


Named = TypeVar("Named", VirtualHost, Listener, Cluster)


def _pairs(old: Iterable[Named], new: Iterable[Named]) -> Iterator[tuple[Named | None, Named | None]]:
    """Pair what differs, by name; None where one side has no such piece."""
    before: Mapping[str, Named] = {each.name: each for each in old}
    after: Mapping[str, Named] = {each.name: each for each in new}
    for name in dict.fromkeys((*after, *before)):
        one, other = before.get(name), after.get(name)
        if one is not other and one != other:
            yield one, other


def _host_difference(before: VirtualHost | None, after: VirtualHost | None) -> Iterator[Difference]:
    """Name the tables whose routes differ, or the VirtualService where it is not only theirs."""
    host = after or before
    if host is None or not host.origin:
        return
    holder = host.origin[0].resource
    if before is None or after is None:
        yield holder, holder
        return
    owners = dict.fromkeys(_owner(route) or holder for route in _changed(before.routes, after.routes))
    yield from ((owner, holder) for owner in owners or [holder])


def _changed(old: tuple[Route, ...], new: tuple[Route, ...]) -> Iterator[Route]:
    """Return the routes of only one side; one that only moved is in both."""
    kept = {id(route) for route in old} & {id(route) for route in new}
    for routes, others in ((new, old), (old, new)):
        rest = {route for route in others if id(route) not in kept}
        yield from (route for route in routes if id(route) not in kept and route not in rest)


def _owner(route: Route) -> ResourceKey | None:
    return route.origin[-1].resource if route.origin else None

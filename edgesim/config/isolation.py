"""Isolate: an error keeps what it reaches on its last good version, and everything else goes on. Pure.

As Gloo does since 1.12 (reference, section 9.4): virtual hosts whose VirtualService has an error, itself or
through a table below it, are the last good ones, and those that never were good are left out. So are
listeners of Gateways with errors and, milder than Gloo, clusters of Upstreams with errors.
"""

from __future__ import annotations

import operator
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from edgesim.model import (
    Cluster,
    ForwardAction,
    Listener,
    Model,
    Policies,
    Problem,
    ResourceKey,
    Route,
    Severity,
    VirtualHost,
    is_served,
)
from edgesim.model.codes import DOMAIN_CONFLICT

Piece = VirtualHost | Cluster | Listener

_ON_NO_LISTENER = "ES0609"


@dataclass(frozen=True, slots=True)
class Broken:
    """What errors reach: resources, Gateways that are themselves at fault, files that cannot be read."""

    resources: frozenset[ResourceKey]
    gateways: frozenset[ResourceKey]
    files: frozenset[str]
    homeless: frozenset[ResourceKey] = frozenset()
    """VirtualServices that no Gateway takes, perhaps because one that would have is broken."""

    def reaches(self, piece: Piece) -> bool:
        """Tell whether a virtual host or cluster comes from a resource with an error."""
        return bool(piece.origin) and piece.origin[0].resource in self.resources

    def hides(self, piece: Piece) -> bool:
        """Tell whether a piece that is not there any more may still be declared, in a file that cannot be read."""
        return bool(piece.origin) and (self.reaches(piece) or piece.origin[0].file in self.files)


def broken_by(problems: Iterable[Problem]) -> Broken:
    """Find what the errors among some problems reach; those whose routes were replaced reach nothing."""
    known = list(problems)
    errors = [each for each in known if each.severity is Severity.ERROR and not each.replaced]
    causes = [each.resource for each in errors if each.resource is not None]
    return Broken(
        frozenset((*causes, *(key for each in errors for key in each.affects))),
        # A Gateway suffers from a conflict of its virtual hosts, but what it says itself is sound.
        frozenset(
            each.resource
            for each in errors
            if each.resource is not None and each.resource.kind == "Gateway" and each.code != DOMAIN_CONFLICT
        ),
        frozenset(each.position.file for each in errors if each.resource is None and each.position is not None),
        frozenset(each.resource for each in known if each.code == _ON_NO_LISTENER and each.resource is not None),
    )


def isolate(
    before: Model, whole: Sequence[VirtualHost], newest: Model, problems: Iterable[Problem]
) -> tuple[Model, tuple[VirtualHost, ...]]:
    """Return the newest model with the last good version of all that has an error.

    `before` is what is served, `whole` what was held back of it and gave domains away; the second value is
    that of the new model. A virtual host without errors is always the newest, so one that is held back
    gives way where both ask for a domain. Unchanged models keep their identity.
    """
    broken = broken_by(problems)
    sound = {host.name: host for host in newest.virtual_hosts if not broken.reaches(host)}
    good = {host.name: host for host in (*before.virtual_hosts, *whole)}
    named = {host.name for host in newest.virtual_hosts}
    new, lost = _listeners(before, newest, broken)
    held = {
        name: host
        for name, host in good.items()
        if name not in sound
        and (broken.reaches(host) or (name not in named and (broken.hides(host) or _stays(host, lost, broken))))
    }
    places = _Places(before, (*new, *lost), sound, held)
    kept = places.share_domains()
    order = dict.fromkeys((*(host.name for host in newest.virtual_hosts), *held))
    hosts = tuple(host for name in order if (host := sound.get(name) or kept.get(name)) is not None)
    clusters = _clusters(before, newest, held.values(), broken)
    model = Model(hosts, clusters, places.listeners({host.name for host in hosts}))
    cut = tuple(host for name, host in held.items() if kept.get(name) is not host)
    return next((old for old in (newest, before) if _same(old, model)), model), cut


def left_out(model: Model, problems: Iterable[Problem]) -> tuple[ResourceKey, ...]:
    """Return the VirtualServices and Gateways that an error reaches, and of which nothing is in a model."""
    pieces: Sequence[Piece] = (*model.virtual_hosts, *model.listeners)
    there = {piece.origin[0].resource for piece in pieces if piece.origin}
    broken = broken_by(problems)
    wanted = {key for key in broken.resources if key.kind == "VirtualService"} | broken.gateways
    return tuple(sorted(wanted - there, key=str))


def _same(one: Model, other: Model) -> bool:
    """Tell whether two models are of the same pieces."""
    pairs: Sequence[tuple[Sequence[Piece], Sequence[Piece]]] = (
        (one.virtual_hosts, other.virtual_hosts),
        (one.clusters, other.clusters),
        (one.listeners, other.listeners),
    )
    return all(len(mine) == len(its) and all(map(operator.is_, mine, its)) for mine, its in pairs)


# --- listeners ------------------------------------------------------------------------------------


def _listeners(before: Model, newest: Model, broken: Broken) -> tuple[list[Listener], list[Listener]]:
    """Return the newest listeners of sound Gateways, and the last good ones of the others.

    A default listener that a broken Gateway was to stand in for stays where that never was good; where it was, the
    default is not there in its place.
    """
    stay = [one for one in before.listeners if _is_of(one, broken.gateways)]
    sorts = {one.tls for one in stay}
    sound = [
        one for one in newest.listeners if not _is_of(one, broken.gateways) and (one.origin or one.tls not in sorts)
    ]
    names = {one.name for one in sound}
    fresh = broken.gateways - {one.origin[0].resource for one in stay}
    lost = [
        one
        for one in before.listeners
        if one.name not in names
        and (one in stay or (one.origin[0].file in broken.files if one.origin else bool(fresh)))
    ]
    return sound, lost


def _stays(host: VirtualHost, lost: Iterable[Listener], broken: Broken) -> bool:
    """Tell whether a virtual host is on no listener now, and was on one that stays because of a broken Gateway."""
    homeless = bool(host.origin) and host.origin[0].resource in broken.homeless
    return homeless and any(is_served(host, one) for one in lost)


def _is_of(listener: Listener, gateways: Collection[ResourceKey]) -> bool:
    return bool(listener.origin) and listener.origin[0].resource in gateways


class _Places:
    """Which listener serves which virtual host: a held one stays where it was."""

    def __init__(
        self,
        before: Model,
        listeners: Sequence[Listener],
        sound: dict[str, VirtualHost],
        held: dict[str, VirtualHost],
    ) -> None:
        self._listeners = listeners
        self._sound = sound
        self._held = held
        old = {one.name: one for one in before.listeners}
        was = {host.name: host for host in before.virtual_hosts}
        self._at: dict[str, list[Listener]] = {}
        for name, host in held.items():
            stays = [one for one in listeners if name in was and one.name in old and is_served(host, old[one.name])]
            # Where its listeners are gone it moves to those it would be on now.
            self._at[name] = stays or [one for one in listeners if is_served(host, one)]

    def share_domains(self) -> dict[str, VirtualHost]:
        """Return the held virtual hosts with the domains that are left for them; without any they are left out."""
        if not self._held:
            return {}
        taken = {one.name: self._domains(one) for one in self._listeners}
        kept: dict[str, VirtualHost] = {}
        for name, host in self._held.items():
            others = [taken[one.name] for one in self._at[name]]
            domains = tuple(domain for domain in host.domains if not any(domain in each for each in others))
            for each in others:
                each.update(domains)
            if domains:
                kept[name] = host if domains == host.domains else replace(host, domains=domains)
        return kept

    def _domains(self, listener: Listener) -> set[str]:
        """Return the domains that virtual hosts without errors have on a listener."""
        return {domain for host in self._sound.values() if is_served(host, listener) for domain in host.domains}

    def listeners(self, existing: Collection[str]) -> tuple[Listener, ...]:
        """Return the listeners, naming those virtual hosts only that exist."""
        return tuple(self._naming(one, existing) for one in self._listeners)

    def _naming(self, listener: Listener, existing: Collection[str]) -> Listener:
        if listener.virtual_hosts is None:
            return listener
        kept = {name for name, places in self._at.items() if listener in places}
        names = frozenset(
            name for name in listener.virtual_hosts | kept if name in existing and (name in self._sound or name in kept)
        )
        return listener if names == listener.virtual_hosts else replace(listener, virtual_hosts=names)


# --- clusters -------------------------------------------------------------------------------------


def _clusters(before: Model, newest: Model, held: Iterable[VirtualHost], broken: Broken) -> tuple[Cluster, ...]:
    """Return the newest clusters, the last good ones of broken Upstreams, and those gone that held hosts need."""
    old = {one.name: one for one in before.clusters}
    found = {one.name: old.get(one.name, one) if broken.reaches(one) else one for one in newest.clusters}
    gone = {name: one for name, one in old.items() if name not in found}
    needed = {name for host in held for name in clusters_of(host, gone)}
    found |= {name: one for name, one in gone.items() if name in needed or broken.hides(one)}
    return tuple(found.values())


def clusters_of(host: VirtualHost, every: Iterable[str]) -> Iterator[str]:
    """Return the names of the clusters a virtual host may send to; a `clusterHeader` may name any of `every`."""
    yield from _of_policies(host.policies)
    for route in host.routes:
        yield from _of_route(route, every)


def _of_route(route: Route, every: Iterable[str]) -> Iterator[str]:
    yield from _of_policies(route.policies)
    action = route.action
    if not isinstance(action, ForwardAction):
        return
    if action.cluster_header:
        yield from every
    if action.destination is not None:
        yield action.destination.cluster
    for arm in action.weighted:
        yield arm.destination.cluster
        yield from _of_policies(arm.policies)


def _of_policies(policies: Policies) -> Iterator[str]:
    if policies.mirror is not None:
        yield policies.mirror.cluster
    for provider in policies.jwt.providers if policies.jwt is not None else ():
        if provider.remote_cluster:
            yield provider.remote_cluster

"""VirtualServices become virtual hosts (reference section 2)."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import compress
from operator import is_not
from typing import cast

from edgesim.dialects.gloo.cors import merged_cors
from edgesim.dialects.gloo.delegation import Root, read_pieces
from edgesim.dialects.gloo.domains import Claimant, Placed, place, share_domains
from edgesim.dialects.gloo.gateways import Gate
from edgesim.dialects.gloo.guesses import Name, dotted
from edgesim.dialects.gloo.inheritance import with_refs
from edgesim.dialects.gloo.listeners import listeners_of, with_gateways
from edgesim.dialects.gloo.memo import Memo, Reading, reading_of
from edgesim.dialects.gloo.names import virtual_host_name
from edgesim.dialects.gloo.policies import host_policies
from edgesim.dialects.gloo.route_tables import catalogue_of
from edgesim.dialects.gloo.routes import headers_of, read_route
from edgesim.dialects.gloo.scope import Place, Reporter, Scope
from edgesim.dialects.gloo.short_circuits import report_short_circuits
from edgesim.dialects.gloo.tls import downstream_tls
from edgesim.dialects.gloo.trees import Grower, Tree
from edgesim.dialects.resource import FieldPath, Resource
from edgesim.dialects.schema import gateway
from edgesim.dialects.schema.options import CorsPolicyMergeSettings
from edgesim.model import (
    DownstreamTls,
    HeaderMutations,
    InheritedOption,
    Listener,
    Policies,
    Route,
    VirtualHost,
)

_PATH = ("spec", "virtualHost")


@dataclass(frozen=True, slots=True)
class _Settings:
    """A virtual host but for its domains and routes; one that is not `sound` must not be served in the clear."""

    sound: bool
    headers: HeaderMutations
    policies: Policies
    tls: DownstreamTls | None
    merging: CorsPolicyMergeSettings | None


@dataclass(slots=True, eq=False)
class _Kept:
    """What was read of a VirtualService, and the virtual host that came of it."""

    resource: Resource
    settings: Reading[_Settings]
    tree: Tree
    host: VirtualHost | None = None
    built_from: _Settings | None = None
    silent: bool = field(init=False)
    """There is nothing to replay."""

    def __post_init__(self) -> None:
        """See whether there is anything to replay: of thousands few have something."""
        settings, tree = self.settings, self.tree
        self.silent = not (settings.problems or settings.kube_destinations or tree.readings or tree.errors)

    def replay(self, scope: Scope) -> None:
        """Leave in the scope what the readings left there."""
        self.tree.replay(scope)
        self.settings.replay(scope)


@dataclass(frozen=True, slots=True)
class _Layout:
    """Which VirtualService has which domains, and what is on which listener; routes do not matter here."""

    domains: Sequence[tuple[str, ...]]
    listeners: tuple[Listener, ...]
    placed: Sequence[Placed]


def read_virtual_services(
    resources: Sequence[Resource], gates: Sequence[Gate], scope: Scope, memo: Memo
) -> tuple[tuple[VirtualHost, ...], tuple[Listener, ...]]:
    """Translate every VirtualService, and say which listeners they are on.

    One without a domain of its own left, or on no listener, is left out.
    """
    grower = Grower(scope, memo, catalogue_of(scope.tables, memo))
    read = _read_all(resources, grower)
    for kept in read if scope.warn_short_circuits else ():
        report_short_circuits(kept.resource, kept.tree.routes, scope, memo)
    gateways = (gate.reporter.resource for gate in gates if gate.reporter is not None)
    parts = (*resources, *gateways, *(kept.settings.value for kept in read))
    layout = memo.recall_all("layout", parts, scope, lambda: _lay_out(read, gates, scope))
    scope.problems[:] = with_gateways(scope.problems, layout.placed)
    hosts = _hosts(read, layout, memo)
    return memo.same("virtual hosts", tuple(host for host in hosts if host is not None)), layout.listeners


def _lay_out(read: Sequence[_Kept], gates: Sequence[Gate], scope: Scope) -> _Layout:
    """Give every VirtualService its domains and its place."""
    claimants = [_claimant(kept.resource, scope) for kept in read]
    placed = place(claimants, gates)
    shares = share_domains(claimants, placed)
    hosts = {
        claimant: host
        for claimant, kept, domains in zip(claimants, read, shares, strict=True)
        if (host := _virtual_host(kept, domains)) is not None
    }
    return _Layout(shares, listeners_of(placed, hosts), placed)


def _read_all(resources: Sequence[Resource], grower: Grower) -> list[_Kept]:
    """Read what has changed of every VirtualService and of the tables below it."""
    memo, changed = grower.memo, grower.memo.changed
    before: dict[int, _Kept] = memo.kept("virtual services", dict) or {}  # by the identity of what they hold
    named: dict[Name, _Kept] = {}
    read: list[_Kept] = []
    for resource in resources:
        kept = before.get(id(resource))
        if kept is None:
            named = named or {(each.resource.namespace, each.resource.name): each for each in before.values()}
            kept = _read(resource, named.get((resource.namespace, resource.name)), grower)
        elif not (kept.settings.lookups.isdisjoint(changed) and kept.tree.lookups.isdisjoint(changed)):
            kept = _read(resource, kept, grower)
        if not kept.silent:
            kept.replay(grower.scope)
        read.append(kept)
    memo.keep("virtual services", dict(zip(map(id, resources), read, strict=True)))
    return read


def _read(resource: Resource, old: _Kept | None, grower: Grower) -> _Kept:
    """Read what has changed of a VirtualService and of the tables below it."""
    scope, memo = grower.scope, grower.memo
    if old is not None and old.resource is resource and memo.valid(old.settings):
        settings = old.settings
    else:
        settings = reading_of(scope, lambda: _settings(Reporter(scope, resource)))
    spec = cast(gateway.VirtualService, resource.typed).spec
    routes = spec.virtual_host.routes if spec.virtual_host is not None else ()
    root = _root(resource, settings.value)
    tree = grower.grow(
        old.tree if old is not None else None,
        resource,
        root,
        lambda: read_pieces(routes, (*_PATH, "routes"), None, root, Reporter(scope, resource)),
    )
    if old is None:
        return _Kept(resource, settings, tree)
    return _Kept(resource, settings, tree, old.host, old.built_from)


def _root(resource: Resource, settings: _Settings) -> Root:
    """Return what the routes below a VirtualService share."""
    gateway_name = "gateway-proxy-ssl" if settings.tls is not None else "gateway-proxy"
    label = f"vs:{gateway_name}_gateway-proxy_{resource.namespace}_{resource.name}"
    shared = (settings.policies.cors, settings.merging) if settings.merging is not None else None

    def read(
        route: gateway.Route,
        path: FieldPath,
        number: int,
        reporter: Reporter,
        name: str,
        inherited: tuple[InheritedOption, ...],
    ) -> Route | None:
        found = read_route(route, path, number, reporter, name, inherited)
        return None if found is None else _merged(found, settings.policies, settings.merging)

    return Root(resource.key, label, shared, read)


def _claimant(resource: Resource, scope: Scope) -> Claimant:
    spec = cast(gateway.VirtualService, resource.typed).spec
    return Claimant(Reporter(scope, resource), spec.virtual_host)


def _settings(reporter: Reporter) -> _Settings:
    """Read a VirtualService but for its routes."""
    of = reporter.resource
    spec = cast(gateway.VirtualService, of.typed).spec
    host, ssl = spec.virtual_host, spec.ssl_config
    if host is None:
        text = f"virtual service [{dotted((of.namespace, of.name))}] does not specify a virtual host"
        reporter.report("ES0203", ("spec",), text, "add `spec.virtualHost`")
    tls = downstream_tls(ssl, ("spec", "sslConfig"), reporter) if ssl is not None else None
    given = host.options if host is not None else None
    refs = host.options_config_refs if host is not None else None
    at, known = (*_PATH, "optionsConfigRefs"), reporter.scope.shelves["VirtualHostOption"]
    options = with_refs(given, refs, at, known, "virtualHostOption", reporter)
    reporter.moved = options.moved((*_PATH, "options"))
    merging = options.value.cors_policy_merge_settings if options.value is not None else None
    return _Settings(
        sound=ssl is None or tls is not None,
        headers=headers_of(options.value, (*_PATH, "options"), reporter),
        policies=host_policies(options.value, (*_PATH, "options"), reporter),
        tls=tls,
        merging=merging,
    )


@dataclass(frozen=True, slots=True)
class _Built:
    """The virtual hosts that came of what was read."""

    read: Sequence[_Kept]
    layout: _Layout
    hosts: Sequence[VirtualHost | None]


def _hosts(read: Sequence[_Kept], layout: _Layout, memo: Memo) -> Sequence[VirtualHost | None]:
    """Return the virtual host of each; those of the last translation but where something else was read."""
    old = memo.kept("built", _Built)
    if old is None or old.layout is not layout or len(old.read) != len(read):
        hosts = [*map(_virtual_host, read, layout.domains)]
    else:
        hosts = [*old.hosts]
        for place in compress(range(len(read)), map(is_not, read, old.read)):
            hosts[place] = _virtual_host(read[place], layout.domains[place])
    memo.keep("built", _Built(read, layout, hosts))
    return hosts


def _virtual_host(kept: _Kept, domains: tuple[str, ...]) -> VirtualHost | None:
    """Return the virtual host: the one of the last translation if nothing of it has changed."""
    settings, of, old = kept.settings.value, kept.resource, kept.host
    if not settings.sound or not domains:
        return None
    routes = kept.tree.routes
    if old is not None and old.domains == domains and old.routes is routes and kept.built_from is settings:
        return old
    found = VirtualHost(
        name=virtual_host_name(of.namespace, of.name),
        domains=domains,
        routes=routes,
        headers=settings.headers,
        origin=(Place(of, _PATH).step,),
        policies=settings.policies,
        tls=settings.tls,
    )
    kept.host = old if old == found else found
    kept.built_from = settings
    return kept.host


def _merged(route: Route, host: Policies, settings: CorsPolicyMergeSettings | None) -> Route:
    """Join what a virtual host asks to join with its routes'."""
    cors = merged_cors(route.policies.cors, host.cors, settings)
    if cors is route.policies.cors:
        return route
    return dataclasses.replace(route, policies=dataclasses.replace(route.policies, cors=cors))

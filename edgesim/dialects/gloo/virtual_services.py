"""VirtualServices become virtual hosts (reference section 2)."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from typing import cast

from edgesim.dialects.gloo.actions import read_action
from edgesim.dialects.gloo.cors import merged_cors
from edgesim.dialects.gloo.domains import Claimant, share_domains
from edgesim.dialects.gloo.headers import mutations_of
from edgesim.dialects.gloo.matchers import matches_of
from edgesim.dialects.gloo.names import virtual_host_name
from edgesim.dialects.gloo.policies import direct_response_headers, host_policies, route_policies
from edgesim.dialects.gloo.scope import Reporter, Scope
from edgesim.dialects.gloo.tls import TlsHost, check_server_names, downstream_tls
from edgesim.dialects.resource import FieldPath, Resource
from edgesim.dialects.schema import gateway
from edgesim.dialects.schema.options import CorsPolicyMergeSettings, SharedOptions
from edgesim.model import NO_MUTATIONS, HeaderMutations, Policies, Route, VirtualHost

_PATH = ("spec", "virtualHost")


def read_virtual_services(resources: Iterable[Resource], scope: Scope) -> tuple[VirtualHost, ...]:
    """Translate every VirtualService; one without a domain of its own left is left out."""
    claimants = [_claimant(resource, scope) for resource in resources]
    shares = share_domains(claimants)
    hosts = [_virtual_host(*pair) for pair in zip(claimants, shares, strict=True) if pair[1]]
    _check_names(claimants, hosts)
    return tuple(host for host in hosts if host is not None)


def _check_names(claimants: Sequence[Claimant], hosts: Sequence[VirtualHost | None]) -> None:
    reporters = {
        virtual_host_name(of.namespace, of.name): each.reporter for each in claimants for of in [each.reporter.resource]
    }
    check_server_names(
        [TlsHost(host.tls, reporters[host.name]) for host in hosts if host is not None and host.tls is not None]
    )


def _claimant(resource: Resource, scope: Scope) -> Claimant:
    spec = cast(gateway.VirtualService, resource.typed).spec
    reporter = Reporter(scope, resource)
    claimant = Claimant(reporter, spec.virtual_host, spec.ssl_config is not None)
    if spec.virtual_host is None:
        text = f"virtual service [{claimant.name}] does not specify a virtual host"
        reporter.report("ES0203", ("spec",), text, "add `spec.virtualHost`")
    return claimant


def _virtual_host(claimant: Claimant, domains: tuple[str, ...]) -> VirtualHost | None:
    """Translate one; None if it asks for TLS that cannot be had: it must not be served in the clear."""
    reporter, host = claimant.reporter, claimant.host
    of = reporter.resource
    routes = host.routes if host is not None else ()
    options = host.options if host is not None else None
    read = [read_route(route, (*_PATH, "routes", i), i + 1, reporter) for i, route in enumerate(routes)]
    ssl = cast(gateway.VirtualService, of.typed).spec.ssl_config
    tls = downstream_tls(ssl, ("spec", "sslConfig"), reporter) if ssl is not None else None
    if ssl is not None and tls is None:
        return None
    policies = host_policies(options, (*_PATH, "options"), reporter)
    merging = options.cors_policy_merge_settings if options is not None else None
    return VirtualHost(
        name=virtual_host_name(of.namespace, of.name),
        domains=domains,
        routes=tuple(_merged(route, policies, merging) for route in read if route is not None),
        headers=_headers(options, (*_PATH, "options"), reporter),
        origin=reporter.origin(_PATH),
        policies=policies,
        tls=tls,
    )


def _merged(route: Route, host: Policies, settings: CorsPolicyMergeSettings | None) -> Route:
    """Join what a virtual host asks to join with its routes'."""
    cors = merged_cors(route.policies.cors, host.cors, settings)
    if cors is route.policies.cors:
        return route
    return dataclasses.replace(route, policies=dataclasses.replace(route.policies, cors=cors))


def read_route(route: gateway.Route, path: FieldPath, number: int, reporter: Reporter) -> Route | None:
    """Translate one route; a route with an error is left out, the others are not."""
    before = reporter.errors
    matches = matches_of(route, path, reporter)
    action = read_action(route, path, reporter)
    headers = _headers(route.options, (*path, "options"), reporter)
    emulated = direct_response_headers(route)
    if emulated:
        headers = dataclasses.replace(headers, response_add=(*headers.response_add, *emulated))
    policies = route_policies(route, (*path, "options"), reporter)
    if action is None or not matches or reporter.errors > before:
        return None
    return Route(matches, action, headers, route.name, number, reporter.origin(path), policies)


def _headers(options: SharedOptions | None, path: FieldPath, reporter: Reporter) -> HeaderMutations:
    return NO_MUTATIONS if options is None else mutations_of(options.header_manipulation, path, reporter)

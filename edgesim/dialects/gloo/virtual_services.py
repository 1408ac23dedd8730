"""VirtualServices become virtual hosts (reference section 2)."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import cast

from edgesim.dialects.gloo.actions import read_action
from edgesim.dialects.gloo.domains import Claimant, share_domains
from edgesim.dialects.gloo.headers import mutations_of
from edgesim.dialects.gloo.matchers import matches_of
from edgesim.dialects.gloo.names import virtual_host_name
from edgesim.dialects.gloo.policies import direct_response_headers, host_policies, route_policies
from edgesim.dialects.gloo.scope import Reporter, Scope
from edgesim.dialects.resource import FieldPath, Resource
from edgesim.dialects.schema import gateway
from edgesim.dialects.schema.options import SharedOptions
from edgesim.model import NO_MUTATIONS, HeaderMutations, Route, VirtualHost

_PATH = ("spec", "virtualHost")


def read_virtual_services(resources: Iterable[Resource], scope: Scope) -> tuple[VirtualHost, ...]:
    """Translate every VirtualService; one without a domain of its own left is left out."""
    claimants = [_claimant(resource, scope) for resource in resources]
    shares = share_domains(claimants)
    return tuple(
        _virtual_host(claimant, domains) for claimant, domains in zip(claimants, shares, strict=True) if domains
    )


def _claimant(resource: Resource, scope: Scope) -> Claimant:
    spec = cast(gateway.VirtualService, resource.typed).spec
    reporter = Reporter(scope, resource)
    claimant = Claimant(reporter, spec.virtual_host, spec.ssl_config is not None)
    if spec.virtual_host is None:
        text = f"virtual service [{claimant.name}] does not specify a virtual host"
        reporter.report("ES0203", ("spec",), text, "add `spec.virtualHost`")
    return claimant


def _virtual_host(claimant: Claimant, domains: tuple[str, ...]) -> VirtualHost:
    reporter, host = claimant.reporter, claimant.host
    of = reporter.resource
    routes = host.routes if host is not None else ()
    options = host.options if host is not None else None
    read = (read_route(route, (*_PATH, "routes", i), i + 1, reporter) for i, route in enumerate(routes))
    return VirtualHost(
        name=virtual_host_name(of.namespace, of.name),
        domains=domains,
        routes=tuple(route for route in read if route is not None),
        headers=_headers(options, (*_PATH, "options"), reporter),
        origin=reporter.origin(_PATH),
        policies=host_policies(options, (*_PATH, "options"), reporter),
    )


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

"""Which virtual services a Gateway chooses (reference section 11)."""

from __future__ import annotations

from collections.abc import Callable, Container
from typing import cast

from edgesim.dialects.gloo.guesses import Name, dotted
from edgesim.dialects.gloo.scope import Reporter, guess
from edgesim.dialects.resource import FieldPath, Resource
from edgesim.dialects.schema.gateway import VirtualService
from edgesim.dialects.schema.listener import GatewaySpec, HttpGateway
from edgesim.dialects.selectors import expression_fault, has_labels, satisfies

Chooses = Callable[[Resource], bool]
"""Tells whether a Gateway chooses a VirtualService of its sort."""

_PATH = ("spec", "httpGateway")


def is_tls(resource: Resource) -> bool:
    """Tell whether a VirtualService is for Gateways with `ssl: true`: the mere presence of `sslConfig` decides."""
    return cast(VirtualService, resource.typed).spec.ssl_config is not None


def selection_of(spec: GatewaySpec, known: dict[Name, Resource], reporter: Reporter) -> Chooses | None:
    """Read what a Gateway selects; None if it takes every VirtualService of its sort.

    Expressions go before the selector of labels, that before references. Namespaces restrict all but references.
    """
    http = spec.http_gateway or HttpGateway()
    within = _namespaces(http)
    if http.virtual_service_expressions is not None:
        expressions = http.virtual_service_expressions.expressions
        if not _sound(http, reporter):
            return lambda _resource: False
        return lambda resource: within(resource) and satisfies(expressions, _labels(resource))
    if http.virtual_service_selector:
        wanted = http.virtual_service_selector
        return lambda resource: within(resource) and has_labels(wanted, _labels(resource))
    if http.virtual_services:
        return _by_name(spec, known, reporter)
    return within if _restricts(http) else None


def _restricts(http: HttpGateway) -> bool:
    return bool(http.virtual_service_namespaces) and "*" not in http.virtual_service_namespaces


def _namespaces(http: HttpGateway) -> Chooses:
    """Return whether a VirtualService is in one of the namespaces; none listed, or a `*`, mean all."""
    if not _restricts(http):
        return lambda _resource: True
    listed = frozenset(http.virtual_service_namespaces)
    return lambda resource: resource.namespace in listed


def _labels(resource: Resource) -> dict[str, str]:
    return cast(VirtualService, resource.typed).metadata.labels or {}


def _sound(http: HttpGateway, reporter: Reporter) -> bool:
    """Report each expression that Kubernetes would refuse."""
    sound = True
    expressions = http.virtual_service_expressions.expressions if http.virtual_service_expressions is not None else ()
    for index, expression in enumerate(expressions):
        fault = expression_fault(expression)
        if fault is not None:
            at: FieldPath = (*_PATH, "virtualServiceExpressions", "expressions", index, *fault[0])
            reporter.report("ES0526", at, f"{fault[1]}: the virtual service selector expression is invalid")
            sound = False
    return sound


def _by_name(spec: GatewaySpec, known: dict[Name, Resource], reporter: Reporter) -> Chooses:
    """Read references, whose namespace has no default."""
    http = spec.http_gateway or HttpGateway()
    wanted: set[Name] = set()
    for index, ref in enumerate(http.virtual_services):
        name, at = (ref.namespace, ref.name), (*_PATH, "virtualServices", index)
        if name not in known:
            text = f"invalid virtual service ref {{{ref.name} {ref.namespace}}}"
            reporter.report("ES0523", at, text, guess(name, known))
        elif is_tls(known[name]) is not spec.ssl:
            has, needs = ("no", "ssl: false") if spec.ssl else ("an", "ssl: true")
            text = f"{dotted(name)} is not on this gateway: it has {has} `sslConfig`, so it needs one with `{needs}`"
            reporter.report("ES0611", at, text)
        wanted.add(name)
    return _within(wanted)


def _within(wanted: Container[Name]) -> Chooses:
    return lambda resource: (resource.namespace, resource.name) in wanted

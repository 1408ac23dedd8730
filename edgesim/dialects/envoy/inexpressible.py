"""What the model says and Envoy's configuration cannot: a note for each, on the resource that asks for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from edgesim.dialects.envoy.clusters import service_endpoint
from edgesim.dialects.envoy.http_filters import headers_taken_late
from edgesim.dialects.envoy.listeners import served_listeners
from edgesim.dialects.fields import show_path
from edgesim.model import (
    Assignments,
    Cluster,
    ClusterType,
    ForwardAction,
    Model,
    OnEmpty,
    Origin,
    OriginStep,
    Policies,
    Position,
    Problem,
    Route,
    VirtualHost,
)
from edgesim.model.codes import problem

Where = Callable[[OriginStep], Position]
"""Finds the line of a step."""
_Remark = tuple[str, Origin, str, str]
"""Code, where it comes from, what it is, and what to do."""


def inexpressible(model: Model, assignments: Assignments | None, where: Where) -> tuple[Problem, ...]:
    """Return a note for everything that Envoy would not do as the model has it.

    `assignments` are the endpoints that the configuration is written with, None for none.
    """
    served = served_listeners(model)
    hosts = {id(host): host for _, hosts in served for host in hosts}.values()
    remarks = [
        *(() if assignments is not None else _of_services(model.clusters)),
        *(remark for host in hosts for remark in _of_host(host)),
        *(remark for _, together in served for remark in _claims_of_clients(together)),
    ]
    return tuple(_noted(remark, where) for remark in dict.fromkeys(remarks))


def _noted(remark: _Remark, where: Where) -> Problem:
    code, origin, message, hint = remark
    if not origin:
        return problem(code, message, hint=hint)
    step = origin[-1]
    field = show_path(step.path) if step.path else ""
    return problem(code, message, resource=step.resource, field=field, position=where(step), hint=hint)


def _of_services(clusters: Sequence[Cluster]) -> Iterator[_Remark]:
    """A Service's name leads to its pods, but says nothing of them: said of subsets once, whoever asks for them."""
    together: dict[str, list[Cluster]] = {}
    for cluster in clusters:
        service = cluster.service
        if cluster.type is not ClusterType.EDS or service is None:
            continue
        name = service_endpoint(service).address
        if cluster.subsets is not None:
            together.setdefault(name, []).append(cluster)
        if service.selector:
            labels = ",".join(f"{key}={value}" for key, value in service.selector)
            text = f"{cluster.name}: {name} leads to all pods of the Service, also to those without {labels}"
            yield "ES1301", cluster.origin, text, _WITH_PODS
    for name, asking in together.items():
        names = ", ".join(each.name for each in asking)
        text = f"{names}: {name} does not tell pods apart, so that a subset is nobody's and its fallback applies"
        yield "ES1300", asking[0].origin, text, _WITH_PODS


_WITH_PODS = "`--with-pods` writes the addresses of a running instance's pods instead"


def _of_host(host: VirtualHost) -> Iterator[_Remark]:
    for route in host.routes:
        yield from _of_route(route)
    yield from _appended_claims(host)
    yield from _faults_before_tokens(host)


def _of_route(route: Route) -> Iterator[_Remark]:
    if any(level.on_empty not in {None, OnEmpty.FAIL} for level in _levels(route)):
        text = "`onEmpty` is edgesim's own: where nobody could answer, Envoy answers 503"
        yield "ES1302", route.origin, text, ""


def _levels(route: Route) -> list[Policies]:
    arms = route.action.weighted if isinstance(route.action, ForwardAction) else ()
    return [route.policies, *(arm.policies for arm in arms)]


def _appended_claims(host: VirtualHost) -> Iterator[_Remark]:
    jwt = host.policies.jwt
    for provider in () if jwt is None else jwt.providers:
        for claim in provider.claims_to_headers:
            if claim.append:
                text = f"the claim {claim.claim} replaces the header {claim.header} that a client sent: Envoy cannot append"
                yield "ES1303", host.origin, text, ""


def _faults_before_tokens(host: VirtualHost) -> Iterator[_Remark]:
    if host.policies.jwt is None or host.policies.jwt.disabled:
        return
    for route in host.routes:
        if route.policies.fault is not None or route.policies.faults_by_header:
            text = "Envoy injects faults before it checks tokens, by the route that the request had without claims"
            yield "ES1304", route.origin, text, ""


def _claims_of_clients(hosts: Sequence[VirtualHost]) -> Iterator[_Remark]:
    """Envoy routes by headers that a client sent itself, until a token's claims have replaced them."""
    for host in hosts:
        left = headers_taken_late(host, hosts)
        if left:
            text = (
                f"a client may send {', '.join(left)} itself where its token has no such claim or it has no token: Envoy "
                "takes the header away, but has chosen the route by it"
            )
            hint = (
                "give every virtual host of the listener the same `claimsToHeaders`, and edgesim takes it away earlier"
            )
            yield "ES1305", host.origin, text, hint

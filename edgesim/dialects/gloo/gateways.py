"""Gateways become listeners (reference section 11)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import cast

from edgesim.dialects.gloo.guesses import Name, dotted
from edgesim.dialects.gloo.listener_options import body_limit, listener_options
from edgesim.dialects.gloo.scope import DEFAULT_MAX_BODY, Place, Reporter, Scope
from edgesim.dialects.gloo.selection import Chooses, is_tls, selection_of
from edgesim.dialects.gloo.settings import INSTALL_NAMESPACE
from edgesim.dialects.resource import Resource
from edgesim.dialects.schema import listener as schema
from edgesim.model import DEFAULT_LISTENERS, Listener, OriginStep

PROXY = "gateway-proxy"
"""The one proxy that edgesim is."""

_PORTS = {False: 8080, True: 8443}
_ANY_ADDRESS = frozenset({"", "::", "0.0.0.0"})


@dataclass(frozen=True, slots=True)
class Gate:
    """A listener with the Gateway it comes from, if one is written; without `chooses` it takes all of its sort."""

    listener: Listener
    chooses: Chooses | None = None
    reporter: Reporter | None = None

    def takes(self, virtual_service: Resource) -> bool:
        """Tell whether a VirtualService is on this listener."""
        if is_tls(virtual_service) is not self.listener.tls:
            return False
        return self.chooses is None or self.chooses(virtual_service)


def read_gateways(
    resources: Iterable[Resource], virtual_services: Iterable[Resource], scope: Scope
) -> tuple[Gate, ...]:
    """Read Gateways; where none of a sort is, there is the one that an installation of Gloo makes."""
    written = [resource for resource in resources if _counts(resource, Reporter(scope, resource))]
    known: dict[Name, Resource] = {(each.namespace, each.name): each for each in virtual_services if written}
    gates = _first_of_each_place([_gate(resource, known, Reporter(scope, resource)) for resource in written])
    taken = {_place(gate.listener) for gate in gates}
    for default in DEFAULT_LISTENERS:
        if not any(gate.listener.tls is default.tls for gate in gates) and _place(default) not in taken:
            gates.append(Gate(default))
    scope.listeners = tuple(gate.listener.options for gate in gates)
    # A route may be on any of the listeners, so the largest limit counts.
    scope.max_body = max((body_limit(_spec(each)) for each in written), default=DEFAULT_MAX_BODY)
    return tuple(gates)


def _spec(resource: Resource) -> schema.GatewaySpec:
    return cast(schema.Gateway, resource.typed).spec


def _counts(resource: Resource, reporter: Reporter) -> bool:
    """Tell whether a Gateway is an HTTP listener of this proxy, and report why not."""
    spec = _spec(resource)
    if resource.namespace != INSTALL_NAMESPACE and not reporter.scope.all_gateways:
        text = f"only Gateways in {INSTALL_NAMESPACE} are read, so this one has no effect"
        hint = f"add `namespace: {INSTALL_NAMESPACE}`, or set `gateway.readGatewaysFromAllNamespaces` in Settings"
        reporter.report("ES0610", ("metadata", "namespace"), text, hint)
        return False
    if spec.http_gateway is None and spec.tcp_gateway is None and spec.hybrid_gateway is None:
        text = "invalid gateway: gateway must contain gatewayType"
        reporter.report("ES0520", ("spec",), text, "add `httpGateway: {}`")
    if spec.proxy_names and PROXY not in spec.proxy_names:
        text = f"this gateway is of another proxy than {PROXY}, which is the one that runs here: it has no effect"
        reporter.report("ES0608", ("spec", "proxyNames"), text)
        return False
    return spec.http_gateway is not None


def _gate(resource: Resource, known: dict[Name, Resource], reporter: Reporter) -> Gate:
    spec = _spec(resource)
    _check_place(spec, reporter)
    address, port = spec.bind_address or "::", spec.bind_port or _PORTS[spec.ssl]
    listener = Listener(
        name=f"listener-{address}-{port}",
        port=port,
        tls=spec.ssl,
        options=listener_options(spec, reporter),
        address=address,
        origin=(step_of(resource),),
    )
    return Gate(listener, selection_of(spec, known, reporter), reporter)


def step_of(resource: Resource) -> OriginStep:
    """Return where a Gateway is written."""
    return Place(resource, ("spec",)).step


def _check_place(spec: schema.GatewaySpec, reporter: Reporter) -> None:
    """Check where a Gateway wants to listen."""
    if spec.bind_port > 65535:
        reporter.report("ES0525", ("spec", "bindPort"), f"a port must be 1..65535, got {spec.bind_port}")
    if spec.bind_address in _ANY_ADDRESS:
        return
    try:
        loopback = ip_address(spec.bind_address).is_loopback
    except ValueError:
        text = f"malformed IP address: {spec.bind_address}"
        reporter.report("ES0525", ("spec", "bindAddress"), text, "`::` means any")
        return
    if not loopback:
        text = f"edgesim binds {spec.bind_address} only with `--listen`; without, a loopback address stands in for it"
        reporter.report("ES0608", ("spec", "bindAddress"), text, "see `edgesim up --help`")


def _place(listener: Listener) -> tuple[str, int]:
    """Return what two listeners cannot share: an address, all of those that mean any being one, and a port."""
    return ("::" if listener.address in _ANY_ADDRESS else listener.address), listener.port


def _first_of_each_place(gates: Sequence[Gate]) -> list[Gate]:
    """Report Gateways that want one address, each, and keep the first of them."""
    by_place: dict[tuple[str, int], list[Gate]] = {}
    for gate in gates:
        by_place.setdefault(_place(gate.listener), []).append(gate)
    for sharing in by_place.values():
        if len(sharing) > 1:
            _report_shared(sharing)
    return [sharing[0] for sharing in by_place.values() if sharing[0].listener.port <= 65535]


def _report_shared(sharing: Sequence[Gate]) -> None:
    reporters = [gate.reporter for gate in sharing if gate.reporter is not None]
    names = ",".join(dotted((each.resource.namespace, each.resource.name)) for each in reporters)
    for gate in sharing:
        if gate.reporter is not None:
            spec = _spec(gate.reporter.resource)
            place = f"{gate.listener.address}:{gate.listener.port}"
            text = f"bind-address {place} is not unique in a proxy. gateways: {names}"
            at = ("spec", "bindPort") if spec.bind_port else ("spec",)
            gate.reporter.report("ES0524", at, text, "give each a `bindPort` of its own")

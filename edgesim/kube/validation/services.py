"""Services, and the endpoints behind them (`ValidateService`, `ValidateServiceUpdate`)."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from typing import Any, Final

from edgesim.kube.validation import names
from edgesim.kube.validation.containers import PROTOCOLS
from edgesim.kube.validation.faults import (
    Fault,
    GoValue,
    duplicate,
    forbidden,
    go_list,
    invalid,
    not_supported,
    quoted,
    required,
)
from edgesim.kube.validation.metadata import label_faults

_TYPES: Final = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
_AFFINITIES: Final = ("ClientIP", "None")
_ASSIGNED: Final = ("clusterIP", "clusterIPs")
_OF_TYPES: Final = (
    (("ClusterIP", "NodePort", "LoadBalancer"), (*_ASSIGNED, "ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy")),
    (("NodePort", "LoadBalancer"), ("externalTrafficPolicy",)),
    (("LoadBalancer",), ("allocateLoadBalancerNodePorts", "loadBalancerClass")),
)
"""Which types of Service have which fields."""


def carried_over(manifest: dict[str, Any], old: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return a Service with the addresses it was assigned, where a replacement does not name them.

    Who names another `clusterIP` means the first of `clusterIPs`, too (`NormalizeClusterIPs`), and what was filled in for
    another type of Service goes with that type (`dropTypeDependentFields`).
    """
    spec, before = manifest.get("spec"), (old or {}).get("spec") or {}
    if not isinstance(spec, dict) or not before:
        return manifest
    given = _of_type(spec, before)
    if "ExternalName" in {given.get("type"), before.get("type")}:
        return manifest | {"spec": given}
    kept = {name: before[name] for name in _ASSIGNED if before.get(name) and not given.get(name)}
    address, addresses = given.get("clusterIP"), given.get("clusterIPs") or before.get("clusterIPs")
    if address and addresses and address != before.get("clusterIP") and addresses == before.get("clusterIPs"):
        kept["clusterIPs"] = [address, *addresses[1:]]
    return manifest | {"spec": given | kept}


def _of_type(spec: dict[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what only the former type has, where it is as it was."""
    kind, former = spec.get("type") or "ClusterIP", before.get("type") or "ClusterIP"
    gone = {name for kinds, names in _OF_TYPES if former in kinds and kind not in kinds for name in names}
    return {name: value for name, value in spec.items() if name not in gone or value != before.get(name)}


def service_faults(manifest: Mapping[str, Any], old: Mapping[str, Any] | None) -> Iterator[Fault]:
    """Iterate over what is wrong with a Service, or with a change of one."""
    spec = manifest.get("spec") or {}
    kind, ports = spec.get("type") or "ClusterIP", spec.get("ports") or ()
    headless = spec.get("clusterIP") == "None"
    if not ports and not headless and kind != "ExternalName":
        yield required("spec.ports")
    if kind == "ExternalName":
        yield from _external_name(spec)
    if kind == "NodePort" and headless:
        yield invalid("spec.clusterIPs[0]", "None", "may not be set to 'None' for NodePort services")
    yield from _ports(ports, "spec.ports")
    yield from label_faults(spec.get("selector"), "spec.selector")
    for field, supported in (("sessionAffinity", _AFFINITIES), ("type", _TYPES)):
        if spec.get(field) and spec[field] not in supported:
            yield not_supported(f"spec.{field}", spec[field], supported)
    yield from _addresses(spec, (old or {}).get("spec"))


def endpoints_faults(manifest: Mapping[str, Any], _old: Mapping[str, Any] | None) -> Iterator[Fault]:
    """Iterate over what is wrong with an Endpoints object."""
    for index, each in enumerate(manifest.get("subsets") or ()):
        subset, at = each or {}, f"subsets[{index}]"
        if not subset.get("addresses") and not subset.get("notReadyAddresses"):
            yield required(at, "must specify `addresses` or `notReadyAddresses`")
        for group in ("addresses", "notReadyAddresses"):
            for number, address in enumerate(subset.get(group) or ()):
                if not is_ip((address or {}).get("ip") or ""):
                    yield invalid(f"{at}.{group}[{number}].ip", (address or {}).get("ip") or "", _IP_WORDS)
        for number, port in enumerate(subset.get("ports") or ()):
            yield from _port_number((port or {}).get("port") or 0, f"{at}.ports[{number}].port")


_IP_WORDS: Final = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"


def is_ip(text: str) -> bool:
    """Tell whether a text is an IP address."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _external_name(spec: Mapping[str, Any]) -> Iterator[Fault]:
    if spec.get("clusterIPs") or spec.get("clusterIP"):
        yield forbidden("spec.clusterIPs", "may not be set for ExternalName services")
    name = (spec.get("externalName") or "").removesuffix(".")
    if not name:
        yield required("spec.externalName")
    for said in names.subdomain(name) if name else ():
        yield invalid("spec.externalName", name, said)


def _ports(ports: Any, at: str) -> Iterator[Fault]:
    named: set[str] = set()
    numbered: set[tuple[str, int]] = set()
    for index, each in enumerate(ports):
        port, place = each or {}, f"{at}[{index}]"
        yield from _port(port, place, named, several=len(ports) > 1)
        key = (port.get("protocol") or "TCP", port.get("port") or 0)
        if key in numbered:
            yield duplicate(place, _go_port(*key))
        numbered.add(key)


def _port(port: Mapping[str, Any], at: str, named: set[str], *, several: bool) -> Iterator[Fault]:
    name, protocol, target = port.get("name") or "", port.get("protocol") or "TCP", port.get("targetPort")
    if several and not name:
        yield required(f"{at}.name")
    for said in names.label(name) if name else ():
        yield invalid(f"{at}.name", name, said)
    if name and name in named:
        yield duplicate(f"{at}.name", name)
    named.add(name)
    yield from _port_number(port.get("port") or 0, f"{at}.port")
    if protocol not in PROTOCOLS:
        yield not_supported(f"{at}.protocol", protocol, PROTOCOLS)
    if isinstance(target, str):
        for said in names.port_name(target):
            yield invalid(f"{at}.targetPort", target, said)
    elif target is not None and target != port.get("port"):
        yield from _port_number(target, f"{at}.targetPort")


def _port_number(number: int, at: str) -> Iterator[Fault]:
    for said in names.port_number(number):
        yield invalid(at, number, said)


def _go_port(protocol: str, port: int) -> GoValue:
    target = 'intstr.IntOrString{Type:0, IntVal:0, StrVal:""}'
    fields = f'Name:"", Protocol:{quoted(protocol)}, AppProtocol:(*string)(nil), Port:{port}, TargetPort:{target}'
    return GoValue(f"core.ServicePort{{{fields}, NodePort:0}}")


def _addresses(spec: Mapping[str, Any], old: Mapping[str, Any] | None) -> Iterator[Fault]:
    if spec.get("type") == "ExternalName":
        return
    given = spec.get("clusterIPs") or ([spec["clusterIP"]] if spec.get("clusterIP") else [])
    for index, address in enumerate(given):
        if address != "None" and not is_ip(address):
            yield invalid(f"spec.clusterIPs[{index}]", address, _IP_WORDS)
    if spec.get("clusterIP") and given[0] != spec["clusterIP"]:
        yield invalid("spec.clusterIPs", go_list(given), "first value must match `clusterIP`")
    before = (old or {}).get("clusterIP")
    if old is not None and before and old.get("type") != "ExternalName" and given and given[0] != before:
        yield invalid("spec.clusterIPs[0]", go_list(given), "may not change once set")

"""Columns of services, of what stands behind them, and of ingress.

Source: the printers of Kubernetes v1.33 (pkg/printers/internalversion), as kubectl shows them.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from edgesim.kube.columns import (
    AGE,
    NAME,
    NONE,
    UNSET,
    Cell,
    Column,
    Object,
    abridged,
    at,
    joined,
    labels_text,
    number_at,
    objects_at,
    selector_text,
    text_at,
    texts_at,
)


def _service_type(service: Object, _now: datetime) -> Cell:
    return text_at(service, "spec", "type") or "ClusterIP"


def _cluster_ip(service: Object, _now: datetime) -> Cell:
    addresses = texts_at(service, "spec", "clusterIPs") or [text_at(service, "spec", "clusterIP")]
    return addresses[0] or NONE


def _external_ip(service: Object, now: datetime) -> Cell:
    kind = _service_type(service, now)
    if kind == "ExternalName":
        return text_at(service, "spec", "externalName") or NONE
    addresses = texts_at(service, "spec", "externalIPs")
    if kind == "LoadBalancer":
        given = [_ingress_address(each) for each in objects_at(service, "status", "loadBalancer", "ingress")]
        return joined([*given, *addresses], none="<pending>")
    return joined(addresses)


def _ingress_address(ingress: Object) -> str:
    return text_at(ingress, "ip") or text_at(ingress, "hostname")


def _service_port(port: Object) -> str:
    node = number_at(port, "nodePort")
    outside = f":{node}" if node else ""
    return f"{number_at(port, 'port')}{outside}/{text_at(port, 'protocol') or 'TCP'}"


def _ports(service: Object, _now: datetime) -> Cell:
    return joined(_service_port(port) for port in objects_at(service, "spec", "ports"))


SERVICE: Final = (
    NAME,
    Column("Type", _service_type, description="Where the service can be reached from."),
    Column("Cluster-IP", _cluster_ip, description="Its address inside."),
    Column("External-IP", _external_ip, description="Its addresses outside."),
    Column("Port(s)", _ports, description="Its ports and their protocols."),
    AGE,
    Column(
        "Selector",
        lambda found, _now: labels_text(at(found, "spec", "selector")),
        description="Which pods answer.",
        wide=True,
    ),
)


def _host_port(address: str, port: int) -> str:
    host = f"[{address}]" if ":" in address else address
    return f"{host}:{port}"


def _endpoints(found: Object, _now: datetime) -> Cell:
    addresses = [
        _host_port(text_at(address, "ip"), number_at(port, "port")) if port else text_at(address, "ip")
        for subset in objects_at(found, "subsets")
        for port in objects_at(subset, "ports") or [{}]
        for address in objects_at(subset, "addresses")
    ]
    return abridged(addresses)


ENDPOINTS: Final = (NAME, Column("Endpoints", _endpoints, description="Addresses that are ready."), AGE)


def _slice_port(port: Object) -> str:
    number = at(port, "port")
    return str(number) if isinstance(number, int) else text_at(port, "name") or "*"


def _slice_ports(found: Object, _now: datetime) -> Cell:
    return abridged([_slice_port(port) for port in objects_at(found, "ports")], none=UNSET)


def _slice_endpoints(found: Object, _now: datetime) -> Cell:
    addresses = [address for each in objects_at(found, "endpoints") for address in texts_at(each, "addresses")]
    return abridged(addresses, none=UNSET)


ENDPOINT_SLICE: Final = (
    NAME,
    Column("AddressType", lambda found, _now: text_at(found, "addressType"), description="IPv4, IPv6 or FQDN."),
    Column("Ports", _slice_ports, description="Ports of every endpoint."),
    Column("Endpoints", _slice_endpoints, description="Addresses, ready or not."),
    AGE,
)


def _hosts(ingress: Object, _now: datetime) -> Cell:
    hosts = [text_at(rule, "host") for rule in objects_at(ingress, "spec", "rules")]
    return abridged([host for host in hosts if host], none="*")


def _ingress_class(ingress: Object, _now: datetime) -> Cell:
    old = text_at(ingress, "metadata", "annotations", "kubernetes.io/ingress.class")
    return text_at(ingress, "spec", "ingressClassName") or old or NONE


def _addresses(ingress: Object, _now: datetime) -> Cell:
    given = objects_at(ingress, "status", "loadBalancer", "ingress")
    return joined((_ingress_address(each) for each in given), none="")


def _ingress_ports(ingress: Object, _now: datetime) -> Cell:
    return "80, 443" if objects_at(ingress, "spec", "tls") else "80"


INGRESS: Final = (
    NAME,
    Column("Class", _ingress_class, description="Which controller it is for."),
    Column("Hosts", _hosts, description="Hosts of its rules."),
    Column("Address", _addresses, description="Where it is served."),
    Column("Ports", _ingress_ports, description="Ports it is served on."),
    AGE,
)

NETWORK_POLICY: Final = (
    NAME,
    Column(
        "Pod-Selector",
        lambda found, _now: selector_text(at(found, "spec", "podSelector")),
        description="Which pods it is about.",
    ),
    AGE,
)

"""The Endpoints controller, as a plain function: a Service and the pods become an Endpoints object."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from edgesim.backends.addresses import PodAddress
from edgesim.backends.objects import declare, labels_of
from edgesim.config.store import Entry
from edgesim.dialects import Resource
from edgesim.dialects.selectors import has_labels

NODE: Final = "edgesim"
"""The one node there is."""
PortSet = tuple[tuple[str, int], ...]
"""The (name, number) of each port of a subset."""


@dataclass(frozen=True, slots=True)
class PlacedPod:
    """A Pod object that runs, and where it listens. Only a `ready` one is sent to."""

    entry: Entry
    address: PodAddress
    ready: bool = True


def endpoints_of(service: Resource, pods: Iterable[PlacedPod]) -> Resource | None:
    """Return the Endpoints of a Service, None where it has no selector (or names something outside).

    A target port is a number or the name of a container port; a pod that has no such name is left out
    for that port. Pods that are not ready are listed apart.
    """
    spec = service.typed.spec
    if not spec.selector or spec.type == "ExternalName":
        return None
    ready: dict[PortSet, list[dict[str, Any]]] = {}
    unready: dict[PortSet, list[dict[str, Any]]] = {}
    for pod in pods:
        resource = pod.entry.resource
        if resource.namespace != service.namespace or not has_labels(spec.selector, labels_of(resource)):
            continue
        ports = _ports(spec.ports, pod)
        if ports or not spec.ports:
            held = ready if pod.ready or spec.publish_not_ready_addresses else unready
            held.setdefault(ports, []).append(_address(pod))
    return _object(service, ready, unready)


def _ports(service_ports: Iterable[Any], pod: PlacedPod) -> PortSet:
    found: list[tuple[str, int]] = []
    for port in service_ports:
        target = _target(port, pod.entry.resource)
        if port.protocol != "TCP" or target is None:
            continue
        actual = pod.address.port(target)
        if actual is not None:
            found.append((port.name, actual))
    return tuple(found)


def _target(port: Any, pod: Resource) -> int | None:
    """Return the number a Service's target port means on this pod."""
    target = port.target_port if port.target_port not in (None, "", 0) else port.port
    if isinstance(target, int):
        return target
    if target.isascii() and target.isdigit():
        return int(target)
    named = (
        declared.container_port
        for container in pod.typed.spec.containers
        for declared in container.ports
        if declared.name == target and declared.protocol == "TCP"
    )
    return next(named, None)


def _address(pod: PlacedPod) -> dict[str, Any]:
    resource = pod.entry.resource
    reference = {"kind": "Pod", "namespace": resource.namespace, "name": resource.name, "uid": pod.entry.uid}
    return {"ip": pod.address.host, "nodeName": NODE, "targetRef": reference}


def _object(
    service: Resource, ready: Mapping[PortSet, list[dict[str, Any]]], unready: Mapping[PortSet, list[dict[str, Any]]]
) -> Resource:
    subsets = []
    for ports in dict.fromkeys([*ready, *unready]):
        subset: dict[str, Any] = {}
        if ports in ready:
            subset["addresses"] = ready[ports]
        if ports in unready:
            subset["notReadyAddresses"] = unready[ports]
        subset["ports"] = [
            {"name": name, "port": number, "protocol": "TCP"} if name else {"port": number, "protocol": "TCP"}
            for name, number in ports
        ]
        subsets.append(subset)
    metadata: dict[str, Any] = {"name": service.name, "namespace": service.namespace}
    if labels := labels_of(service):
        metadata["labels"] = dict(labels)
    return declare("Endpoints", {"apiVersion": "v1", "kind": "Endpoints", "metadata": metadata, "subsets": subsets})

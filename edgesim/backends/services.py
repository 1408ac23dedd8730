"""What is made of a Service: its address, its Endpoints and its EndpointSlices."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from edgesim.backends.endpoints import PlacedPod
from edgesim.backends.objects import declare, digest, labels_of, reference_to, spell, with_metadata
from edgesim.config.store import Entry
from edgesim.dialects import Resource

SERVICE_LABEL: Final = "kubernetes.io/service-name"
MANAGER_LABEL: Final = "endpointslice.kubernetes.io/managed-by"
_MANAGER: Final = "endpointslice-controller.k8s.io"
_SUBNET: Final = (10, 96)


def cluster_ip(uid: str) -> str:
    """Return the address of a Service, in 10.96.0.0/16: always the same one for its uid."""
    number = 2 + digest(uid) % (2**16 - 3)
    return ".".join(map(str, (*_SUBNET, number >> 8, number & 255)))


def with_cluster_ip(service: Entry) -> Resource | None:
    """Return a Service with the address it lacks; None for one that has one, or is to have none."""
    spec = service.resource.manifest["spec"]
    if spec.get("clusterIP") or spec.get("type") == "ExternalName":
        return None
    address = cluster_ip(service.uid)
    return _with_spec(service.resource, {**spec, "clusterIP": address, "clusterIPs": [address]})


def _with_spec(resource: Resource, spec: Mapping[str, Any]) -> Resource:
    return replace(resource, manifest={**resource.manifest, "spec": dict(spec)})


def slices_of(service: Entry, endpoints: Resource, pods: Mapping[str, PlacedPod]) -> Iterator[Resource]:
    """Give the EndpointSlices that say the same as a Service's Endpoints, one for each set of ports.

    `pods` are those of the Service, by their names.
    """
    for subset in endpoints.manifest["subsets"] or [{}]:
        listed = [(address, True) for address in subset.get("addresses", ())]
        listed += [(address, False) for address in subset.get("notReadyAddresses", ())]
        ports = [
            {"name": port.get("name", ""), "port": port["port"], "protocol": port["protocol"]}
            for port in subset.get("ports", ())
        ]
        name = f"{service.resource.name}-{spell(digest([service.uid, ports]), 5)}"
        yield _slice(service, name, [_endpoint(address, pods, ready=ready) for address, ready in listed], ports)


def _endpoint(address: Mapping[str, Any], pods: Mapping[str, PlacedPod], *, ready: bool) -> dict[str, Any]:
    target = address["targetRef"]
    pod = pods.get(target["name"])
    terminating = pod is not None and pod.entry.deleting is not None
    return {
        "addresses": [address["ip"]],
        "conditions": {"ready": ready, "serving": ready, "terminating": terminating},
        "nodeName": address["nodeName"],
        "targetRef": target,
    }


def _slice(service: Entry, name: str, endpoints: Sequence[Any], ports: Sequence[Any]) -> Resource:
    labels = {**labels_of(service.resource), SERVICE_LABEL: service.resource.name, MANAGER_LABEL: _MANAGER}
    metadata = {
        "name": name,
        "generateName": f"{service.resource.name}-",
        "namespace": service.resource.namespace,
        "labels": labels,
        "ownerReferences": [reference_to(service)],
    }
    manifest = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": metadata,
        "addressType": "IPv4",
        "endpoints": [*endpoints],
        "ports": [*ports],
    }
    return declare("EndpointSlice", manifest)


def is_own_slice(entry: Entry) -> bool:
    """Tell whether a controller keeps an EndpointSlice."""
    return labels_of(entry.resource).get(MANAGER_LABEL) == _MANAGER


class PodIndex:
    """Pods by namespace and label, so that a Service looks only at those that may be its own."""

    def __init__(self, pods: Iterable[PlacedPod]) -> None:
        """Take all pods."""
        self._found: dict[tuple[str, str, str], list[PlacedPod]] = {}
        for pod in pods:
            resource = pod.entry.resource
            for name, value in labels_of(resource).items():
                self._found.setdefault((resource.namespace, name, value), []).append(pod)

    def of(self, service: Resource) -> Sequence[PlacedPod]:
        """Return the pods that have the rarest of the labels a Service selects by."""
        wanted = (service.typed.spec.selector or {}).items()
        return min((self._found.get((service.namespace, *each), ()) for each in wanted), key=len, default=())


def revisioned(resource: Resource, annotation: str, revision: int) -> Resource | None:
    """Return an object annotated with a revision; None where it is so already."""
    annotations = dict(resource.manifest["metadata"].get("annotations") or {})
    if not revision or annotations.get(annotation) == str(revision):
        return None
    return with_metadata(resource, annotations=annotations | {annotation: str(revision)})

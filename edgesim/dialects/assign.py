"""The endpoints of each EDS cluster, from Services, Endpoints and Pods (reference section 7.3)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, cast

from edgesim.dialects.gloo.memo import Memo, is_same
from edgesim.dialects.gloo.upstreams import port_behind
from edgesim.dialects.resource import Resource
from edgesim.dialects.schema import kubernetes as k8s
from edgesim.model import Assignments, Cluster, ClusterType, Endpoint, ServiceRef

ASSIGNED_FROM: Final = ("Service", "Endpoints", "Pod")
"""The kinds that assignments are made from."""
_Named = dict[tuple[str, str], Resource]


@dataclass(slots=True)
class _Kept:
    """What the last assignment was made of."""

    clusters: Sequence[Cluster]
    resources: list[Resource]
    assignments: Assignments


def assign(clusters: Sequence[Cluster], resources: Iterable[Resource], memo: Memo | None = None) -> Assignments:
    """Return the ready endpoints of every EDS cluster; one without a Service or pods has none.

    With the `memo` of an earlier call the same clusters, Services, Endpoints and Pods give the identical mapping.
    """
    listed = [resource for resource in resources if resource.kind.kind in ASSIGNED_FROM]
    old = memo.assigned if memo is not None else None
    if isinstance(old, _Kept) and old.clusters is clusters and is_same(old.resources, listed):
        return old.assignments
    tables: dict[str, _Named] = {kind: {} for kind in ASSIGNED_FROM}
    for resource in listed:
        tables[resource.kind.kind][resource.namespace, resource.name] = resource
    found = Assignments()
    for cluster in clusters:
        if cluster.type is ClusterType.EDS:
            found[cluster.name] = tuple(_endpoints(cluster, tables))
    if memo is not None:
        memo.assigned = _Kept(clusters, listed, found)
    return found


def _endpoints(cluster: Cluster, tables: dict[str, _Named]) -> Iterator[Endpoint]:
    ref = cluster.service
    service = None if ref is None else tables["Service"].get((ref.namespace, ref.name))
    listed = None if ref is None else tables["Endpoints"].get((ref.namespace, ref.name))
    if ref is None or service is None or listed is None:
        return
    port_name = port_behind(cast(k8s.Service, service.typed), ref.port)
    if port_name is None:
        return
    keys = [key for selector in cluster.subsets.selectors for key in selector.keys] if cluster.subsets else []
    for address, port in _addresses(cast(k8s.Endpoints, listed.typed), port_name):
        pod = address.target_ref.name if address.target_ref is not None else ""
        labels = _labels(tables["Pod"].get((ref.namespace, pod)))
        if _selected(ref, labels):
            # A key the pod lacks is "", so that a subset can ask for pods without the label.
            metadata = tuple(sorted((dict.fromkeys(keys, "") | labels).items()))
            yield Endpoint(address.ip, port, metadata, hostname=address.hostname, pod=pod)


def _addresses(endpoints: k8s.Endpoints, port_name: str) -> Iterator[tuple[k8s.EndpointAddress, int]]:
    """Pair each ready address with its own port: pods of one Service may listen on different ones."""
    for subset in endpoints.subsets:
        for port in subset.ports:
            if port.name == port_name:
                for address in subset.addresses:
                    yield address, port.port


def _labels(pod: Resource | None) -> dict[str, str]:
    metadata = cast(k8s.Pod, pod.typed).metadata if pod is not None else None
    return (metadata.labels if metadata is not None else None) or {}


def _selected(ref: ServiceRef, labels: dict[str, str]) -> bool:
    return all(labels.get(key) == value for key, value in ref.selector)

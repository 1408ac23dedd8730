"""The endpoints manifests would give, were they run: the controllers' own functions, without a pod."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from itertools import count

from edgesim.backends.addresses import PodAddress
from edgesim.backends.endpoints import PlacedPod, endpoints_of
from edgesim.backends.workloads import Workloads
from edgesim.config.store import CONTROLLER, Store
from edgesim.dialects import Resource, assign
from edgesim.model import Assignments, Cluster

_NEVER = datetime.fromtimestamp(0, UTC)
_NOWHERE = PodAddress("", {})


def planned_assignments(clusters: Sequence[Cluster], resources: Iterable[Resource]) -> Assignments:
    """Return the endpoints of each EDS cluster as they would be with every pod running.

    Their addresses are empty; pods of a Deployment are named by it and counted from 1.
    """
    uids, names = count(1), count(1)
    store = Store(lambda: _NEVER, lambda: str(next(uids)))
    for resource in resources:
        store.put(resource, "manifests")
    Workloads(store, lambda: str(next(names)), lambda: _NEVER, lambda _told: None, shown=False).plan({})
    pods = [PlacedPod(entry, _NOWHERE) for entry in store.entries("Pod")]
    for service in store.entries("Service"):
        made = endpoints_of(service.resource, pods)
        if made is not None:
            store.put(made, CONTROLLER)
    return assign(clusters, store.resources())

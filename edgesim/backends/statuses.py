"""The statuses controllers report: what `kubectl get` shows of Pods and Deployments."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from edgesim.backends.addresses import LOOPBACK, PodAddress
from edgesim.backends.deployments import HASH_LABEL, labels_of, owner_uid, template_hash
from edgesim.config.store import Entry
from edgesim.model import ResourceKey


def pod_status(pod: Entry, address: PodAddress | None, failure: str = "") -> dict[str, Any]:
    """Return the status of a Pod: where it listens, or why it does not (`failure`)."""
    started = pod.created.strftime("%Y-%m-%dT%H:%M:%SZ")
    ready = address is not None
    conditions = ("PodScheduled", "Initialized", "ContainersReady", "Ready")
    truth = {"PodScheduled": True, "Initialized": True}
    status: dict[str, Any] = {
        "phase": "Running",
        "hostIP": LOOPBACK,
        "startTime": started,
        "conditions": [{"type": name, "status": str(truth.get(name, ready))} for name in conditions],
        "containerStatuses": [
            {
                "name": container.name,
                "image": container.image,
                "imageID": "",
                "ready": ready,
                "started": ready,
                "restartCount": 0,
                "state": {"running": {"startedAt": started}} if ready else _waiting(failure),
            }
            for container in pod.resource.typed.spec.containers
        ],
    }
    if address is not None:
        status |= {"podIP": address.host, "podIPs": [{"ip": address.host}]}
    return status


def _waiting(failure: str) -> dict[str, Any]:
    return {"waiting": {"reason": "CrashLoopBackOff", "message": failure}}


def deployment_status(deployment: Entry, pods: Iterable[Entry], ready: Collection[ResourceKey]) -> dict[str, Any]:
    """Return the status of a Deployment as its controller reports it."""
    wanted = template_hash(deployment.resource.manifest["spec"]["template"])
    owned = [pod.resource for pod in pods if owner_uid(pod.resource) == deployment.uid]
    serving = sum(pod.key in ready for pod in owned)
    updated = sum(labels_of(pod).get(HASH_LABEL) == wanted for pod in owned)
    replicas = deployment.resource.typed.spec.replicas
    available = serving >= replicas
    status: dict[str, Any] = {
        "observedGeneration": deployment.generation,
        "replicas": len(owned),
        "updatedReplicas": updated,
        "readyReplicas": serving,
        "availableReplicas": serving,
        "conditions": [
            {
                "type": "Available",
                "status": "True" if available else "False",
                "reason": "MinimumReplicasAvailable" if available else "MinimumReplicasUnavailable",
            }
        ],
    }
    return status | ({} if available else {"unavailableReplicas": replicas - serving})

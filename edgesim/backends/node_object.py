"""The one Node of the cluster, on which every Pod is: this machine, as `kubectl get nodes` shows it.

Nothing is scheduled by it. Source: the Kubernetes API reference v1.33, Node.
"""

from __future__ import annotations

import os
import platform
from datetime import datetime
from functools import cache
from typing import Any, Final

from edgesim.backends.addresses import LOOPBACK
from edgesim.backends.endpoints import NODE as NAME
from edgesim.backends.objects import declare
from edgesim.config.store import timestamp
from edgesim.dialects import Resource
from edgesim.dialects.kinds import KUBERNETES_VERSION
from edgesim.model import ResourceKey

NODE: Final = ResourceKey("Node", "", NAME)


def node_object() -> Resource:
    """Return the Node as it is to be."""
    labels = {
        "kubernetes.io/hostname": NAME,
        "kubernetes.io/os": "linux",
        "node-role.kubernetes.io/control-plane": "",
    }
    metadata = {"name": NAME, "labels": labels}
    return declare("Node", {"apiVersion": "v1", "kind": "Node", "metadata": metadata, "spec": {}})


def node_status(since: datetime) -> dict[str, Any]:
    """Return the status of a Node that has been ready since it was made."""
    moment = timestamp(since)
    ready = {
        "type": "Ready",
        "status": "True",
        "reason": "KubeletReady",
        "message": "kubelet is posting ready status",
        "lastHeartbeatTime": moment,
        "lastTransitionTime": moment,
    }
    info = {
        "kubeletVersion": KUBERNETES_VERSION,
        "architecture": {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine()),
        "operatingSystem": "linux",
        "osImage": NAME,
        "kernelVersion": platform.release(),
        "containerRuntimeVersion": f"{NAME}://{KUBERNETES_VERSION.removeprefix('v')}",
    }
    addresses = [{"type": "InternalIP", "address": LOOPBACK}, {"type": "Hostname", "address": NAME}]
    size = _size()
    return {"conditions": [ready], "addresses": addresses, "nodeInfo": info, "capacity": size, "allocatable": size}


@cache
def _size() -> dict[str, str]:
    """Return what this machine has: kubectl divides by it."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {"cpu": str(os.cpu_count() or 1), "memory": f"{memory >> 10}Ki"}

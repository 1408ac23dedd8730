"""Columns of kinds that are stored, and on which nothing acts: nodes, volumes, quotas, workloads that do not run.

Source: the printers of Kubernetes v1.33 (pkg/printers/internalversion), as kubectl shows them.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final

from edgesim.kube.columns import (
    AGE,
    NAME,
    NONE,
    UNKNOWN,
    UNSET,
    Cell,
    Column,
    Object,
    at,
    labels_text,
    number_at,
    objects_at,
    text_at,
    texts_at,
)

_MODES: Final = {"ReadWriteOnce": "RWO", "ReadOnlyMany": "ROX", "ReadWriteMany": "RWX", "ReadWriteOncePod": "RWOP"}


def _number(*path: str) -> Callable[[Object, datetime], Cell]:
    return lambda found, _now: number_at(found, *path)


def _text(*path: str, absent: str = "") -> Callable[[Object, datetime], Cell]:
    return lambda found, _now: text_at(found, *path) or absent


def _modes(found: Object, _now: datetime) -> Cell:
    return ",".join(_MODES[mode] for mode in texts_at(found, "spec", "accessModes") if mode in _MODES)


def _claim_of(volume: Object, _now: datetime) -> Cell:
    claim = at(volume, "spec", "claimRef")
    return f"{text_at(claim, 'namespace')}/{text_at(claim, 'name')}" if claim else ""


def _schedule_zone(job: Object, _now: datetime) -> Cell:
    return text_at(job, "spec", "timeZone") or NONE


def _suspended(job: Object, _now: datetime) -> Cell:
    return "True" if at(job, "spec", "suspend") is True else "False"


def _selected_nodes(found: Object, _now: datetime) -> Cell:
    return labels_text(at(found, "spec", "template", "spec", "nodeSelector"))


def _ready(found: Object, _now: datetime) -> Cell:
    return f"{number_at(found, 'status', 'readyReplicas')}/{number_at(found, 'spec', 'replicas')}"


def _limits(*, requests: bool) -> Callable[[Object, datetime], Cell]:
    """Return the cell of a quota's requests, or of its limits: `name: used/hard`."""

    def cell(quota: Object, _now: datetime) -> Cell:
        hard, used = at(quota, "spec", "hard") or {}, at(quota, "status", "used") or {}
        if not isinstance(hard, dict):
            return ""
        named = sorted(name for name in hard if name.startswith("limits.") is not requests)
        return ", ".join(f"{name}: {at(used, name) or 0}/{hard[name]}" for name in named)

    return cell


def _of_containers(field: str) -> Callable[[Object, datetime], Cell]:
    def cell(found: Object, _now: datetime) -> Cell:
        containers = objects_at(found, "spec", "template", "spec", "containers")
        return ",".join(text_at(each, field) for each in containers)

    return cell


_CONTAINERS: Final = (
    Column("Containers", _of_containers("name"), description="Names of the template's containers.", wide=True),
    Column("Images", _of_containers("image"), description="Images of the template's containers.", wide=True),
)

_ROLE: Final = "node-role.kubernetes.io/"


def _node_status(node: Object, _now: datetime) -> Cell:
    conditions = objects_at(node, "status", "conditions")
    ready = next((text_at(each, "status") for each in conditions if text_at(each, "type") == "Ready"), "")
    status = {"True": "Ready", "": "Unknown"}.get(ready, "NotReady")
    return f"{status},SchedulingDisabled" if at(node, "spec", "unschedulable") is True else status


def _roles(node: Object, _now: datetime) -> Cell:
    labels = at(node, "metadata", "labels")
    names = labels if isinstance(labels, dict) else {}
    return ",".join(sorted(name.removeprefix(_ROLE) for name in names if name.startswith(_ROLE))) or NONE


def _address(type_: str) -> Callable[[Object, datetime], Cell]:
    def cell(node: Object, _now: datetime) -> Cell:
        addresses = objects_at(node, "status", "addresses")
        return next((text_at(each, "address") for each in addresses if text_at(each, "type") == type_), NONE)

    return cell


NODE: Final = (
    NAME,
    Column("Status", _node_status, description="Whether pods run on it."),
    Column("Roles", _roles, description="What it is for."),
    AGE,
    Column("Version", _text("status", "nodeInfo", "kubeletVersion"), description="Its version of Kubernetes."),
    Column("Internal-IP", _address("InternalIP"), description="Its address inside.", wide=True),
    Column("External-IP", _address("ExternalIP"), description="Its address outside.", wide=True),
    Column("OS-Image", _text("status", "nodeInfo", "osImage", absent=UNKNOWN), description="Its system.", wide=True),
    Column(
        "Kernel-Version",
        _text("status", "nodeInfo", "kernelVersion", absent=UNKNOWN),
        description="Its kernel.",
        wide=True,
    ),
    Column(
        "Container-Runtime",
        _text("status", "nodeInfo", "containerRuntimeVersion", absent=UNKNOWN),
        description="What runs its pods.",
        wide=True,
    ),
)
VOLUME: Final = (
    NAME,
    Column("Capacity", _text("spec", "capacity", "storage"), description="How much it holds."),
    Column("Access Modes", _modes, description="By whom it can be mounted."),
    Column("Reclaim Policy", _text("spec", "persistentVolumeReclaimPolicy"), description="What follows its claim."),
    Column("Status", _text("status", "phase", absent="Pending"), description="How it stands."),
    Column("Claim", _claim_of, description="Who has it."),
    Column("StorageClass", _text("spec", "storageClassName"), description="Its class."),
    Column("VolumeAttributesClass", _text("spec", "volumeAttributesClassName", absent=UNSET), description="Its class."),
    Column("Reason", _text("status", "reason"), description="Why it stands so."),
    AGE,
)
CLAIM: Final = (
    NAME,
    Column("Status", _text("status", "phase", absent="Pending"), description="How it stands."),
    Column("Volume", _text("spec", "volumeName"), description="What it is bound to."),
    Column("Capacity", _text("status", "capacity", "storage"), description="How much it has."),
    Column("Access Modes", lambda _found, _now: "", description="By whom it is mounted."),
    Column("StorageClass", _text("spec", "storageClassName"), description="Its class."),
    Column("VolumeAttributesClass", _text("spec", "volumeAttributesClassName", absent=UNSET), description="Its class."),
    AGE,
)
REPLICATION_CONTROLLER: Final = (
    NAME,
    Column("Desired", _number("spec", "replicas"), "integer", "Pods that are wanted."),
    Column("Current", _number("status", "replicas"), "integer", "Pods there are."),
    Column("Ready", _number("status", "readyReplicas"), "integer", "Pods that are ready."),
    AGE,
    *_CONTAINERS,
)
DAEMON_SET: Final = (
    NAME,
    Column("Desired", _number("status", "desiredNumberScheduled"), "integer", "Pods that are wanted."),
    Column("Current", _number("status", "currentNumberScheduled"), "integer", "Pods there are."),
    Column("Ready", _number("status", "numberReady"), "integer", "Pods that are ready."),
    Column("Up-to-date", _number("status", "updatedNumberScheduled"), "integer", "Pods of the newest template."),
    Column("Available", _number("status", "numberAvailable"), "integer", "Pods that serve."),
    Column("Node Selector", _selected_nodes, description="Which nodes it is for."),
    AGE,
    *_CONTAINERS,
)
STATEFUL_SET: Final = (
    NAME,
    Column("Ready", _ready, description="Pods that are ready, of those wanted."),
    AGE,
    *_CONTAINERS,
)
CRON_JOB: Final = (
    NAME,
    Column("Schedule", _text("spec", "schedule"), description="When it would run."),
    Column("Timezone", _schedule_zone, description="In which time."),
    Column("Suspend", _suspended, description="Whether it waits."),
    Column("Active", lambda _found, _now: 0, "integer", "Jobs that run."),
    Column("Last Schedule", lambda _found, _now: NONE, description="When it ran last: nothing runs here."),
    AGE,
)
RESOURCE_QUOTA: Final = (
    NAME,
    Column("Request", _limits(requests=True), description="What may be asked for."),
    Column("Limit", _limits(requests=False), description="What may be used."),
    AGE,
)
LIMIT_RANGE: Final = (
    NAME,
    Column(
        "Created At",
        _text("metadata", "creationTimestamp"),
        description="When the object was made.",
        format="date-time",
    ),
)

"""Columns of pods and of what makes them.

Source: the printers of Kubernetes v1.33 (pkg/printers/internalversion), as kubectl shows them.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

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
    human_duration,
    joined,
    number_at,
    objects_at,
    selector_text,
    since,
    text_at,
    time_at,
)


def _statuses(pod: Object) -> list[Object]:
    return objects_at(pod, "status", "containerStatuses")


def _is_ready(container: Object) -> bool:
    return at(container, "ready") is True and at(container, "state", "running") is not None


def _pod_ready(pod: Object, _now: datetime) -> Cell:
    ready = sum(_is_ready(container) for container in _statuses(pod))
    return f"{ready}/{len(objects_at(pod, 'spec', 'containers'))}"


def _ended(container: Object) -> str:
    """Say why a container does not run, or ``""``."""
    waiting = text_at(container, "state", "waiting", "reason")
    ended = at(container, "state", "terminated")
    if waiting or ended is None:
        return waiting
    signal = number_at(ended, "signal")
    return text_at(ended, "reason") or (f"Signal:{signal}" if signal else f"ExitCode:{number_at(ended, 'exitCode')}")


def _has_condition(pod: Object, type_: str) -> bool:
    conditions = objects_at(pod, "status", "conditions")
    return any(text_at(each, "type") == type_ and text_at(each, "status") == "True" for each in conditions)


def _pod_status(pod: Object, _now: datetime) -> Cell:
    """Return what is up with a pod: the first container that does not run says it, else the phase."""
    phase = text_at(pod, "status", "phase")
    reasons = [reason for container in _statuses(pod) if (reason := _ended(container))]
    reason = next(iter(reasons), text_at(pod, "status", "reason") or phase)
    if reason == "Completed" and any(_is_ready(container) for container in _statuses(pod)):
        reason = "Running" if _has_condition(pod, "Ready") else "NotReady"
    if text_at(pod, "metadata", "deletionTimestamp") and phase not in {"Succeeded", "Failed"}:
        return "Terminating"
    return reason or UNKNOWN


def _pod_restarts(pod: Object, now: datetime) -> Cell:
    count = sum(number_at(container, "restartCount") for container in _statuses(pod))
    ends = [time_at(container, "lastState", "terminated", "finishedAt") for container in _statuses(pod)]
    last = max((end for end in ends if end is not None), default=None)
    return f"{count} ({since(last, now)} ago)" if count and last is not None else str(count)


def _readiness_gates(pod: Object, _now: datetime) -> Cell:
    gates = [text_at(gate, "conditionType") for gate in objects_at(pod, "spec", "readinessGates")]
    return f"{sum(_has_condition(pod, gate) for gate in gates)}/{len(gates)}" if gates else NONE


def _or_none(*path: str) -> Callable[[Object, datetime], Cell]:
    return lambda found, _now: text_at(found, *path) or NONE


def _number(*path: str) -> Callable[[Object, datetime], Cell]:
    return lambda found, _now: number_at(found, *path)


def _replicas(found: Object) -> int:
    """Return how many replicas are wanted; one where nothing is said."""
    replicas = at(found, "spec", "replicas")
    return replicas if isinstance(replicas, int) else 1


def _deployment_ready(found: Object, _now: datetime) -> Cell:
    return f"{number_at(found, 'status', 'readyReplicas')}/{_replicas(found)}"


def _of_containers(field: str) -> Callable[[Object, datetime], Cell]:
    def cell(found: Object, _now: datetime) -> Cell:
        containers = objects_at(found, "spec", "template", "spec", "containers")
        return ",".join(text_at(container, field) for container in containers)

    return cell


_TEMPLATE: Final = (
    Column("Containers", _of_containers("name"), description="Names of the template's containers.", wide=True),
    Column("Images", _of_containers("image"), description="Images of the template's containers.", wide=True),
    Column(
        "Selector",
        lambda found, _now: selector_text(at(found, "spec", "selector")),
        description="Which pods are counted.",
        wide=True,
    ),
)

POD: Final = (
    NAME,
    Column("Ready", _pod_ready, description="Containers that are ready, of all."),
    Column("Status", _pod_status, description="The phase, or why it is not what it should be."),
    Column("Restarts", _pod_restarts, description="How often containers were started again."),
    AGE,
    Column("IP", _or_none("status", "podIP"), description="The address of the pod.", wide=True),
    Column("Node", _or_none("spec", "nodeName"), description="Where the pod runs.", wide=True),
    Column("Nominated Node", _or_none("status", "nominatedNodeName"), description="Where room is made.", wide=True),
    Column("Readiness Gates", _readiness_gates, description="Extra conditions that hold, of all.", wide=True),
)

DEPLOYMENT: Final = (
    NAME,
    Column("Ready", _deployment_ready, description="Pods that are ready, of those wanted."),
    Column("Up-to-date", _number("status", "updatedReplicas"), "integer", "Pods of the newest template."),
    Column("Available", _number("status", "availableReplicas"), "integer", "Pods that serve."),
    AGE,
    *_TEMPLATE,
)

REPLICA_SET: Final = (
    NAME,
    Column("Desired", lambda found, _now: _replicas(found), "integer", "Pods that are wanted."),
    Column("Current", _number("status", "replicas"), "integer", "Pods there are."),
    Column("Ready", _number("status", "readyReplicas"), "integer", "Pods that are ready."),
    AGE,
    *_TEMPLATE,
)


def _job_status(job: Object, _now: datetime) -> Cell:
    for type_ in ("Complete", "Failed"):
        if _has_condition(job, type_):
            return type_
    if text_at(job, "metadata", "deletionTimestamp"):
        return "Terminating"
    for type_ in ("Suspended", "FailureTarget", "SuccessCriteriaMet"):
        if _has_condition(job, type_):
            return type_
    return "Running"


def _job_completions(job: Object, _now: datetime) -> Cell:
    wanted = at(job, "spec", "completions")
    done = number_at(job, "status", "succeeded")
    if isinstance(wanted, int):
        return f"{done}/{wanted}"
    parallel = number_at(job, "spec", "parallelism")
    return f"{done}/1 of {parallel}" if parallel > 1 else f"{done}/1"


def _job_duration(job: Object, now: datetime) -> Cell:
    start, end = time_at(job, "status", "startTime"), time_at(job, "status", "completionTime")
    return "" if start is None else human_duration((end or now) - start)


JOB: Final = (
    NAME,
    Column("Status", _job_status, description="How the job stands."),
    Column("Completions", _job_completions, description="Pods that succeeded, of those wanted."),
    Column("Duration", _job_duration, description="How long the job ran."),
    AGE,
    *_TEMPLATE,
)


def _or(path: tuple[str, ...], absent: str) -> Callable[[Object, datetime], Cell]:
    def cell(found: Object, _now: datetime) -> Cell:
        value = at(found, *path)
        return absent if value is None or isinstance(value, dict | list) else str(value)

    return cell


def _reference(hpa: Object, _now: datetime) -> Cell:
    return f"{text_at(hpa, 'spec', 'scaleTargetRef', 'kind')}/{text_at(hpa, 'spec', 'scaleTargetRef', 'name')}"


def _target(metric: Object) -> str:
    """Write one metric's aim; what is measured is unknown, since nothing here scales."""
    kind = text_at(metric, "type")
    part = at(metric, kind[:1].lower() + kind[1:])
    target = at(part, "target")
    percent = at(target, "averageUtilization")
    aim: Any = (
        f"{percent}%" if isinstance(percent, int) else at(target, "averageValue") or at(target, "value") or "auto"
    )
    name = text_at(part, "name")
    return f"{name}: {UNKNOWN}/{aim}" if name else f"{UNKNOWN}/{aim}"


def _targets(hpa: Object, _now: datetime) -> Cell:
    metrics = [_target(metric) for metric in objects_at(hpa, "spec", "metrics")]
    more = f" + {len(metrics) - 2} more..." if len(metrics) > 2 else ""
    return joined(metrics[:2], separator=", ") + more


AUTOSCALER: Final = (
    NAME,
    Column("Reference", _reference, description="What would be scaled."),
    Column("Targets", _targets, description="What is measured, and the aim."),
    Column("MinPods", _or(("spec", "minReplicas"), UNSET), description="The fewest pods."),
    Column("MaxPods", _number("spec", "maxReplicas"), "integer", "The most pods."),
    Column("Replicas", _number("status", "currentReplicas"), "integer", "Pods there are."),
    AGE,
)

DISRUPTION_BUDGET: Final = (
    NAME,
    Column("Min Available", _or(("spec", "minAvailable"), "N/A"), description="Pods that must stay."),
    Column("Max Unavailable", _or(("spec", "maxUnavailable"), "N/A"), description="Pods that may be away."),
    Column("Allowed Disruptions", _number("status", "disruptionsAllowed"), "integer", "Pods that may be evicted now."),
    AGE,
)

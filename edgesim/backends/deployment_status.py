"""The status of a Deployment: its pods in numbers, whether enough serve, and how its rollout goes.

Source: Kubernetes' documentation, Deployments, "Deployment status".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from edgesim.backends.conditions import Condition, conditions_of, find_condition, of_deployment, read_time
from edgesim.backends.deployments import Counted
from edgesim.backends.rolling import bounds
from edgesim.config.store import Entry

DONE: Final = "NewReplicaSetAvailable"
CREATED: Final = "NewReplicaSetCreated"
LATE: Final = "ProgressDeadlineExceeded"
PAUSED: Final = "DeploymentPaused"
RESUMED: Final = "DeploymentResumed"
_COUNTS: Final = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas", "unavailableReplicas")


def deployment_status(deployment: Entry, sets: Sequence[Counted], wanted: str, now: datetime) -> dict[str, Any]:
    """Return the status of a Deployment; `wanted` is the hash of its template.

    Times in conditions change only when what they say does.
    """
    numbers = _numbers(sets, wanted)
    present = next((each for each in sets if each.hash == wanted), None)
    conditions = [of_deployment(_available(deployment, numbers), deployment.status, now)]
    progress = _progress(deployment, present, numbers, now)
    if progress is not None:
        moved = progress.reason == "ReplicaSetUpdated" and _moved(deployment.status or {}, numbers)
        conditions.append(of_deployment(progress, deployment.status, now, moved=moved))
    shown = {name: numbers[name] for name in _COUNTS if numbers[name]}
    return {"observedGeneration": deployment.generation, **shown, "conditions": conditions}


def created_condition(deployment: Entry, name: str, now: datetime) -> dict[str, Any]:
    """Return the status of a Deployment for whose present template a ReplicaSet was just made."""
    status = dict(deployment.status or {})
    made = Condition("Progressing", "True", CREATED, f'Created new replica set "{name}"')
    others = [each for each in conditions_of(status) if each.get("type") != "Progressing"]
    status["conditions"] = [*others, of_deployment(made, status, now, moved=True)]
    return status


def deadline_of(deployment: Entry) -> datetime | None:
    """Return when the rollout of a Deployment is late unless something moves; None where it is not awaited."""
    condition = find_condition(deployment.status, "Progressing")
    if condition is None or condition.get("reason") in (DONE, LATE, PAUSED):
        return None
    since = read_time(condition.get("lastUpdateTime"))
    seconds = deployment.resource.typed.spec.progress_deadline_seconds
    return None if since is None else since + timedelta(seconds=seconds + 1)


def _numbers(sets: Sequence[Counted], wanted: str) -> dict[str, int]:
    available = sum(each.available for each in sets)
    return {
        "replicas": sum(each.pods for each in sets),
        "updatedReplicas": sum(each.pods for each in sets if each.hash == wanted),
        "readyReplicas": sum(each.ready for each in sets),
        "availableReplicas": available,
        "unavailableReplicas": max(0, sum(each.replicas for each in sets) - available),
    }


def _available(deployment: Entry, numbers: Mapping[str, int]) -> Condition:
    spec = deployment.resource.typed.spec
    if numbers["availableReplicas"] >= spec.replicas - bounds(spec).unavailable:
        return Condition("Available", "True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
    text = "Deployment does not have minimum availability."
    return Condition("Available", "False", "MinimumReplicasUnavailable", text)


def _progress(
    deployment: Entry, present: Counted | None, numbers: Mapping[str, int], now: datetime
) -> Condition | None:
    """Say how the rollout goes; as before where nothing is new."""
    before = find_condition(deployment.status, "Progressing")
    if deployment.resource.typed.spec.paused:
        return Condition("Progressing", "Unknown", PAUSED, "Deployment is paused")
    if before is not None and before.get("reason") == PAUSED:
        return Condition("Progressing", "Unknown", RESUMED, "Deployment is resumed")
    name = f'ReplicaSet "{present.entry.resource.name}"' if present is not None else "Deployment"
    if _complete(deployment, numbers):
        return Condition("Progressing", "True", DONE, f"{name} has successfully progressed.")
    if _begins(before, numbers) or (not _is_done(before) and _moved(deployment.status or {}, numbers)):
        return Condition("Progressing", "True", "ReplicaSetUpdated", f"{name} is progressing.")
    due = deadline_of(deployment)
    if due is not None and now >= due:
        return Condition("Progressing", "False", LATE, f"{name} has timed out progressing.")
    return _again(before)


def _is_done(before: Mapping[str, Any] | None) -> bool:
    return before is not None and before.get("reason") == DONE


def _begins(before: Mapping[str, Any] | None, numbers: Mapping[str, int]) -> bool:
    """Tell whether a rollout begins. Pods of the present template that fail after it was complete begin none."""
    return before is None or (_is_done(before) and numbers["replicas"] != numbers["updatedReplicas"])


def _complete(deployment: Entry, numbers: Mapping[str, int]) -> bool:
    replicas = deployment.resource.typed.spec.replicas
    return all(numbers[name] == replicas for name in ("updatedReplicas", "replicas", "availableReplicas"))


def _moved(status: Mapping[str, Any], numbers: Mapping[str, int]) -> bool:
    """Tell whether the rollout got on: more new, ready or available pods, or fewer old ones."""
    old = {name: count if isinstance(count := status.get(name), int) else 0 for name in _COUNTS}
    more = any(numbers[name] > old[name] for name in ("updatedReplicas", "readyReplicas", "availableReplicas"))
    return more or numbers["replicas"] - numbers["updatedReplicas"] < old["replicas"] - old["updatedReplicas"]


def _again(before: Mapping[str, Any] | None) -> Condition | None:
    if before is None:
        return None
    said = (str(before.get(name, "")) for name in ("reason", "message"))
    return Condition("Progressing", before.get("status", "Unknown"), *said)

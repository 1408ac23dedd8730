"""The status of a Pod: what its node reports (core/v1 PodStatus)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from edgesim.backends.addresses import LOOPBACK, PodAddress
from edgesim.backends.conditions import Condition, of_pod
from edgesim.config.store import Entry, timestamp
from edgesim.dialects import Resource

Phase = Literal["Pending", "Running", "Succeeded", "Failed"]


@dataclass(frozen=True, slots=True)
class Ended:
    """How a container's program ended, and when it had begun."""

    code: int
    started: datetime
    finished: datetime

    @property
    def reason(self) -> str:
        """Return Kubernetes' word for it."""
        return "Completed" if self.code == 0 else "Error"

    def shown(self) -> dict[str, Any]:
        """Return it as a container's status tells it."""
        times = {"startedAt": timestamp(self.started), "finishedAt": timestamp(self.finished)}
        return {"terminated": {"exitCode": self.code, "reason": self.reason, **times}}


@dataclass(frozen=True, slots=True)
class PodFacts:
    """What the node knows of a pod.

    `waiting` is (reason, message) of a container that does not run, `last` how it ended before that,
    `ended` how it ended for good.
    """

    phase: Phase
    started: datetime
    address: PodAddress | None = None
    ready: bool = False
    restarts: int = 0
    running_since: datetime | None = None
    waiting: tuple[str, str] | None = None
    last: Ended | None = None
    ended: Ended | None = None


def first_status(pod: Resource) -> dict[str, Any]:
    """Return the status with which a Pod comes into being: clients read the phase of an ADDED event."""
    return {"phase": "Pending", "qosClass": qos_class(pod.manifest["spec"])}


def pod_status(pod: Entry, facts: PodFacts, now: datetime) -> dict[str, Any]:
    """Return the status of a Pod; times in its conditions change only when their truth does."""
    status: dict[str, Any] = {
        "phase": facts.phase,
        "conditions": [of_pod(each, pod.status, now) for each in _conditions(pod, facts)],
        "hostIP": LOOPBACK,
        "hostIPs": [{"ip": LOOPBACK}],
        "startTime": timestamp(facts.started),
        "containerStatuses": [_container(pod, each, facts) for each in pod.resource.typed.spec.containers],
        "qosClass": qos_class(pod.resource.manifest["spec"]),
    }
    if facts.address is not None:
        status |= {"podIP": facts.address.host, "podIPs": [{"ip": facts.address.host}]}
    return status


def _conditions(pod: Entry, facts: PodFacts) -> list[Condition]:
    names = ", ".join(each.name for each in pod.resource.typed.spec.containers)
    if facts.ended is not None:
        reason, message = ("PodCompleted", "") if facts.phase == "Succeeded" else ("PodFailed", "")
    else:
        reason, message = "ContainersNotReady", f"containers with unready status: [{names}]"
    serving = [
        Condition(name, "True") if facts.ready else Condition(name, "False", reason, message)
        for name in ("Ready", "ContainersReady")
    ]
    placed = Condition("PodReadyToStartContainers", "True" if facts.ended is None else "False")
    return [placed, Condition("Initialized", "True"), *serving, Condition("PodScheduled", "True")]


def _container(pod: Entry, container: Any, facts: PodFacts) -> dict[str, Any]:
    told: dict[str, Any] = {
        "name": container.name,
        "image": container.image,
        "imageID": "",
        "ready": facts.ready,
        "started": facts.running_since is not None,
        "restartCount": facts.restarts,
        "state": _state(facts),
        "lastState": facts.last.shown() if facts.last is not None else {},
    }
    if facts.running_since is not None or facts.ended is not None or facts.last is not None:
        told["containerID"] = f"edgesim://{pod.uid}-{container.name}-{facts.restarts}"
    return told


def _state(facts: PodFacts) -> dict[str, Any]:
    if facts.ended is not None:
        return facts.ended.shown()
    if facts.running_since is not None:
        return {"running": {"startedAt": timestamp(facts.running_since)}}
    reason, message = facts.waiting or ("ContainerCreating", "")
    return {"waiting": {"reason": reason} | ({"message": message} if message else {})}


def qos_class(spec: Mapping[str, Any]) -> str:
    """Return the quality of service a pod gets by what its containers ask for (core/v1 PodQOSClass)."""
    asked = [each.get("resources") or {} for each in spec.get("containers") or ()]
    if not any(each.get("requests") or each.get("limits") for each in asked):
        return "BestEffort"
    return "Guaranteed" if all(map(_is_guaranteed, asked)) else "Burstable"


def _is_guaranteed(asked: Mapping[str, Any]) -> bool:
    limits = asked.get("limits") or {}
    requests = limits | (asked.get("requests") or {})
    return {"cpu", "memory"} <= limits.keys() and all(
        str(requests[name]) == str(limits[name]) for name in ("cpu", "memory")
    )

"""The conditions of a status: what holds, why, and since when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from edgesim.config.store import timestamp

Truth = Literal["True", "False", "Unknown"]


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition, without its times."""

    type: str
    status: Truth
    reason: str = ""
    message: str = ""


def find_condition(status: Mapping[str, Any] | None, name: str) -> Mapping[str, Any] | None:
    """Return the condition of a type in a status, or None; people may write anything into a status."""
    return next((each for each in conditions_of(status) if each.get("type") == name), None)


def conditions_of(status: Mapping[str, Any] | None) -> list[Mapping[str, Any]]:
    """Return the conditions of a status."""
    listed = (status or {}).get("conditions")
    return [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []


def of_pod(condition: Condition, before: Mapping[str, Any] | None, now: datetime) -> dict[str, Any]:
    """Return a condition of a Pod; its transition is now where its truth was another before."""
    old = find_condition(before, condition.type)
    same = old is not None and old.get("status") == condition.status
    since = old["lastTransitionTime"] if same and old is not None and "lastTransitionTime" in old else timestamp(now)
    told = {"lastProbeTime": None, "lastTransitionTime": since, "status": condition.status, "type": condition.type}
    return told | _why(condition)


def of_deployment(
    condition: Condition, before: Mapping[str, Any] | None, now: datetime, *, moved: bool = False
) -> dict[str, Any]:
    """Return a condition of a Deployment. It is updated now where it says something else, or something `moved`."""
    old = find_condition(before, condition.type)
    told = {"status": condition.status, "type": condition.type} | _why(condition)
    if old is None or not {"lastUpdateTime", "lastTransitionTime"} <= old.keys():
        return told | {"lastUpdateTime": timestamp(now), "lastTransitionTime": timestamp(now)}
    same = all(old.get(name) == value for name, value in told.items())
    updated = old["lastUpdateTime"] if same and not moved else timestamp(now)
    since = old["lastTransitionTime"] if old.get("status") == condition.status else timestamp(now)
    return told | {"lastUpdateTime": updated, "lastTransitionTime": since}


def read_time(text: object) -> datetime | None:
    """Read a time as Kubernetes writes it; None where it is none."""
    try:
        return datetime.strptime(str(text), "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None


def _why(condition: Condition) -> dict[str, str]:
    said = {"reason": condition.reason, "message": condition.message}
    return {name: text for name, text in said.items() if text}

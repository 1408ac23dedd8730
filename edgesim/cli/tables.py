"""`get -o table`: the columns of each kind, and a table laid out as kubectl does."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

Object = Mapping[str, Any]
Column = tuple[str, Callable[[Object], str]]


def table(objects: Sequence[Object], kind: str, *, namespaces: bool, now: datetime, prefix: str = "") -> list[str]:
    """Return the header and one line an object, columns three spaces apart."""
    columns: list[Column] = [("NAME", lambda item: prefix + _at(item, "metadata", "name")), *COLUMNS.get(kind, ())]
    if namespaces:
        columns.insert(0, ("NAMESPACE", lambda item: _at(item, "metadata", "namespace")))
    columns.append(("AGE", lambda item: age(_at(item, "metadata", "creationTimestamp"), now)))
    rows = [
        [title for title, _cell in columns],
        *([cell(item) or "<none>" for _title, cell in columns] for item in objects),
    ]
    widths = [max(len(row[index]) for row in rows) for index in range(len(columns))]
    return ["   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def age(created: str, now: datetime) -> str:
    """Return how long ago a timestamp was, as kubectl writes it."""
    try:
        then = datetime.strptime(created, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError:
        return "<unknown>"
    return human_duration(max(0, int((now - then).total_seconds())))


_STEPS = ((120, 1, 0), (600, 60, 1), (3 * 3600, 60, 0), (8 * 3600, 3600, 60), (48 * 3600, 3600, 0))
"""Below how many seconds: the unit, and the smaller one shown beside it (0 for none)."""
_UNITS = {1: "s", 60: "m", 3600: "h", 86400: "d"}


def human_duration(seconds: int) -> str:
    """Write a duration as k8s.io/apimachinery's duration.HumanDuration does."""
    for below, unit, smaller in (*_STEPS, (8 * 86400, 86400, 3600)):
        if seconds < below:
            rest = seconds % unit // smaller if smaller else 0
            return f"{seconds // unit}{_UNITS[unit]}" + (f"{rest}{_UNITS[smaller]}" if rest else "")
    return f"{seconds // 86400}d"


def _at(item: Any, *path: str | int) -> str:
    """Return what is at a path as text; empty where there is nothing."""
    for part in path:
        if isinstance(item, Mapping):
            item = item.get(part)
        elif isinstance(item, Sequence) and not isinstance(item, str) and isinstance(part, int):
            item = item[part] if part < len(item) else None
        else:
            return ""
    return "" if item is None or isinstance(item, Mapping | list) else str(item)


def _list(item: Any, *path: str) -> list[Any]:
    for part in path:
        item = item.get(part) if isinstance(item, Mapping) else None
    return item if isinstance(item, list) else []


def _join(parts: Iterable[str]) -> str:
    return ",".join(part for part in parts if part)


def _service_ports(item: Object) -> str:
    return _join(
        _at(port, "port")
        + (f":{node}" if (node := _at(port, "nodePort")) else "")
        + "/"
        + (_at(port, "protocol") or "TCP")
        for port in _list(item, "spec", "ports")
    )


def _deployment_ready(item: Object) -> str:
    return f"{_at(item, 'status', 'readyReplicas') or 0}/{_at(item, 'spec', 'replicas') or 1}"


def _pod_ready(item: Object) -> str:
    containers = _list(item, "status", "containerStatuses")
    ready = sum(status.get("ready") is True for status in containers if isinstance(status, Mapping))
    return f"{ready}/{len(_list(item, 'spec', 'containers'))}"


def _endpoints(item: Object) -> str:
    return _join(
        f"{_at(address, 'ip')}:{_at(port, 'port')}"
        for subset in _list(item, "subsets")
        for port in _list(subset, "ports")
        for address in _list(subset, "addresses")
    )


def _state(item: Object) -> str:
    """Return the state, and of what is sound itself whether it waits: `glooctl get` hints at that in its place."""
    state = _at(item, "status", "statuses", "gloo-system", "state")
    waits = _list(item, "status", "statuses", "gloo-system", "details", "heldUpBy")
    return f"{state} (held up)" if waits and state == "Accepted" else state


def _upstream_type(item: Object) -> str:
    return next((name.capitalize() for name in ("kube", "static") if name in item.get("spec", {})), "")


def _domains(item: Object) -> str:
    host = item.get("spec", {}).get("virtualHost")
    return _join(str(domain) for domain in _list(host, "domains")) or "*"


COLUMNS: Mapping[str, Sequence[Column]] = {
    "Namespace": (("STATUS", lambda item: _at(item, "status", "phase")),),
    "Service": (
        ("TYPE", lambda item: _at(item, "spec", "type") or "ClusterIP"),
        ("CLUSTER-IP", lambda item: _at(item, "spec", "clusterIP")),
        ("EXTERNAL-IP", lambda item: _at(item, "spec", "externalName")),
        ("PORT(S)", _service_ports),
    ),
    "Deployment": (
        ("READY", _deployment_ready),
        ("UP-TO-DATE", lambda item: _at(item, "status", "updatedReplicas") or "0"),
        ("AVAILABLE", lambda item: _at(item, "status", "availableReplicas") or "0"),
    ),
    "Pod": (
        ("READY", _pod_ready),
        ("STATUS", lambda item: _at(item, "status", "phase")),
        ("RESTARTS", lambda item: _at(item, "status", "containerStatuses", 0, "restartCount") or "0"),
    ),
    "Endpoints": (("ENDPOINTS", _endpoints),),
    "VirtualService": (
        ("DOMAINS", _domains),
        ("ROUTES", lambda item: str(len(_list(item, "spec", "virtualHost", "routes")))),
        ("STATE", _state),
    ),
    "RouteTable": (
        ("ROUTES", lambda item: str(len(_list(item, "spec", "routes")))),
        ("STATE", _state),
    ),
    "Gateway": (("PORT", lambda item: _at(item, "spec", "bindPort")), ("STATE", _state)),
    "RouteOption": (("STATE", _state),),
    "VirtualHostOption": (("STATE", _state),),
    "Upstream": (("TYPE", _upstream_type), ("STATE", _state)),
    "UpstreamGroup": (
        ("DESTINATIONS", lambda item: str(len(_list(item, "spec", "destinations")))),
        ("STATE", _state),
    ),
}
"""What a table shows of each kind between NAME and AGE; for Kubernetes' kinds what kubectl shows."""

"""What a field means, for `kubectl explain`: one sentence, and a second one where edgesim does less than a cluster."""

from __future__ import annotations

import inspect
import re
from typing import Any, Final

import msgspec

from edgesim.dialects.kinds import GATEWAY, GLOO, Kind
from edgesim.kube import (
    descriptions_health,
    descriptions_kubernetes,
    descriptions_options,
    descriptions_routes,
    descriptions_settings,
    descriptions_upstreams,
)

_FIELDS: Final[dict[type, dict[str, str]]] = {
    **descriptions_kubernetes.FIELDS,
    **descriptions_routes.FIELDS,
    **descriptions_options.FIELDS,
    **descriptions_upstreams.FIELDS,
    **descriptions_health.FIELDS,
    **descriptions_settings.FIELDS,
}
_KINDS: Final[dict[tuple[str, str], str]] = {
    ("", "Namespace"): "A space for names, in which all but a few kinds live.",
    ("", "Service"): "A name and ports for the pods that a selector finds.",
    ("", "Secret"): "Data that is not shown: certificates, keys, and Helm's releases.",
    ("", "Pod"): "What runs: here a small HTTP backend on a loopback address.",
    ("", "Endpoints"): "The addresses behind a Service.",
    ("", "Event"): "What happened to an object: a problem, a step of a rollout, a start.",
    ("", "ServiceAccount"): "A name that programs act under.",
    ("apps", "Deployment"): "Pods of one template, which are replaced step by step when it changes.",
    ("apps", "ReplicaSet"): "As many pods of one template as are wanted; a Deployment makes one of each template.",
    ("discovery.k8s.io", "EndpointSlice"): "Some of the addresses behind a Service.",
    ("rbac.authorization.k8s.io", "Role"): "What may be done in one namespace.",
    ("rbac.authorization.k8s.io", "RoleBinding"): "Who has a role in one namespace.",
    ("rbac.authorization.k8s.io", "ClusterRole"): "What may be done, in all namespaces or where a RoleBinding says so.",
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"): "Who has a role in all namespaces.",
    (GATEWAY, "VirtualService"): "Hosts, and the routes that their requests are tried against in order.",
    (GATEWAY, "RouteTable"): "Routes that a VirtualService, or another RouteTable, delegates to.",
    (GATEWAY, "RouteOption"): "Options that several routes name.",
    (GATEWAY, "VirtualHostOption"): "Options that several virtual hosts name.",
    (GATEWAY, "Gateway"): "A port of the proxy, and which VirtualServices are served on it.",
    (GLOO, "Upstream"): "Where requests can be sent: fixed addresses, or the pods behind a Service.",
    (GLOO, "UpstreamGroup"): "A split over several destinations, which several routes share.",
    (GLOO, "Settings"): "How the whole gateway works; the one named `default` counts.",
}
_REFERENCE: Final = re.compile(r" \((?:reference )?sections? [0-9.]+\)")
NO_EFFECT: Final = "It is read and checked, but has no effect here."
NOT_SERVED: Final = "What uses it is not served here."


def describe_field(owner: type[msgspec.Struct], name: str, marks: dict[str, Any]) -> str:
    """Return what a field (by its name in YAML) means; `marks` are those of its type. ``""`` where nothing is known."""
    said = next((found for each in owner.__mro__ if (found := _FIELDS.get(each, {}).get(name))), "")
    if not marks.get("simulated", True):
        return f"{said} {NO_EFFECT}".strip()
    if not marks.get("served", True):
        return f"{said} {NOT_SERVED}".strip()
    return said


def describe_struct(owner: type[msgspec.Struct]) -> str:
    """Return what a mapping is: its docstring, without the sections of our own reference."""
    return _REFERENCE.sub("", inspect.cleandoc(owner.__doc__ or ""))


def describe_kind(kind: Kind) -> str:
    """Return what a kind is for."""
    if kind.simulated:
        return _KINDS.get((kind.group, kind.kind)) or describe_struct(kind.schema)
    return f"{kind.kind} ({kind.api_version}) is stored here, and nothing acts by it."

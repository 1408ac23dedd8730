"""How the lists and maps of each kind merge: by key, as a set, or whole.

Kubernetes says it with `patchMergeKey`, `listType` and `mapType` in its API types. What is not listed here merges as
everything of a custom kind does: maps field by field, lists whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from edgesim.dialects.kinds import GATEWAY, GLOO, Kind


@dataclass(frozen=True, slots=True)
class Shape:
    """How one place of a manifest merges."""

    fields: Mapping[str, Shape] = field(default_factory=dict)
    item: Shape | None = None
    patch_key: str = ""
    """What a strategic merge patch tells the items of a list apart by."""
    keys: tuple[str, ...] = ()
    """What server-side apply tells them apart by: more than one where one is not enough."""
    defaults: Mapping[str, str] = field(default_factory=dict)
    """What an item means that leaves one of `keys` out."""
    is_set: bool = False
    atomic: bool = False
    """Server-side apply gives the whole to one manager."""
    replaced: bool = False
    """A strategic merge patch replaces the whole."""
    inline: bool = False
    """Always there, so that nobody owns the place itself, only what stands in it."""

    def named(self, name: str) -> Shape:
        """Return the shape of a field."""
        return self.fields.get(name, OPEN)

    @property
    def of_items(self) -> Shape:
        """Return the shape of a list's items."""
        return self.item or OPEN


OPEN = Shape()
_ATOMIC = Shape(atomic=True)
_SET = Shape(is_set=True)


def _struct(**fields: Shape) -> Shape:
    return Shape(fields)


def _inline(**fields: Shape) -> Shape:
    return Shape(fields, inline=True)


def _keyed(key: str, item: Shape = OPEN) -> Shape:
    return Shape(item=item, patch_key=key, keys=(key,))


def _ports(key: str) -> Shape:
    return Shape(patch_key=key, keys=(key, "protocol"), defaults={"protocol": "TCP"})


_METADATA = _inline(finalizers=_SET, ownerReferences=_keyed("uid", _ATOMIC))
_CONDITIONS = _inline(conditions=_keyed("type"))
_VALUE_FROM = _struct(secretKeyRef=_ATOMIC, configMapKeyRef=_ATOMIC, fieldRef=_ATOMIC, resourceFieldRef=_ATOMIC)
_CONTAINERS = Shape(
    item=_struct(
        ports=_ports("containerPort"),
        env=_keyed("name", _struct(valueFrom=_VALUE_FROM)),
        volumeMounts=_keyed("mountPath"),
        volumeDevices=_keyed("devicePath"),
        resources=_inline(claims=Shape(keys=("name",))),
    ),
    patch_key="name",
    keys=("name",),
    inline=True,
)
_POD_SPEC = _inline(
    containers=_CONTAINERS,
    initContainers=_keyed("name", _CONTAINERS.of_items),
    ephemeralContainers=_keyed("name", _CONTAINERS.of_items),
    volumes=_keyed("name"),
    imagePullSecrets=_keyed("name", _ATOMIC),
    hostAliases=_keyed("ip"),
    resourceClaims=_keyed("name"),
    schedulingGates=_keyed("name"),
    topologySpreadConstraints=Shape(patch_key="topologyKey", keys=("topologyKey", "whenUnsatisfiable")),
    nodeSelector=_ATOMIC,
)
_TEMPLATE = _inline(metadata=_METADATA, spec=_POD_SPEC)
_WORKLOAD = _inline(template=_TEMPLATE, selector=_ATOMIC, strategy=Shape(inline=True))

_KINDS: dict[tuple[str, str], Shape] = {
    ("", "Namespace"): _struct(spec=_inline(), status=_CONDITIONS),
    ("", "Pod"): _struct(
        spec=_POD_SPEC,
        status=_inline(conditions=_keyed("type"), podIPs=_keyed("ip"), hostIPs=Shape(patch_key="ip")),
    ),
    ("", "Service"): _struct(
        spec=_inline(ports=_ports("port"), selector=_ATOMIC),
        status=_inline(conditions=_keyed("type"), loadBalancer=_inline()),
    ),
    ("", "ServiceAccount"): _struct(secrets=_keyed("name", _ATOMIC)),
    ("", "Event"): _struct(involvedObject=Shape(atomic=True, inline=True), source=_inline()),
    ("apps", "Deployment"): _struct(spec=_WORKLOAD, status=_CONDITIONS),
    ("apps", "ReplicaSet"): _struct(spec=_WORKLOAD, status=_CONDITIONS),
    ("autoscaling", "HorizontalPodAutoscaler"): _struct(spec=_inline(scaleTargetRef=_inline()), status=_CONDITIONS),
    ("policy", "PodDisruptionBudget"): _struct(
        spec=_inline(selector=Shape(atomic=True, replaced=True)), status=_CONDITIONS
    ),
    ("networking.k8s.io", "Ingress"): _struct(spec=_inline(), status=_inline()),
    ("networking.k8s.io", "NetworkPolicy"): _struct(spec=_inline(podSelector=_ATOMIC)),
    ("", "ReplicationController"): _struct(spec=_inline(template=_TEMPLATE, selector=_ATOMIC), status=_CONDITIONS),
    ("", "PersistentVolumeClaim"): _struct(spec=_inline(selector=_ATOMIC), status=_CONDITIONS),
    ("apps", "DaemonSet"): _struct(spec=_WORKLOAD, status=_CONDITIONS),
    ("apps", "StatefulSet"): _struct(spec=_WORKLOAD, status=_CONDITIONS),
    ("batch", "CronJob"): _struct(spec=_inline(jobTemplate=_inline(metadata=_METADATA, spec=_WORKLOAD))),
    ("batch", "Job"): _struct(spec=_WORKLOAD, status=_inline(conditions=Shape(patch_key="type"))),
    ("rbac.authorization.k8s.io", "RoleBinding"): _struct(roleRef=_ATOMIC),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"): _struct(roleRef=_ATOMIC),
}
_SHAPES = {name: Shape({**shape.fields, "metadata": _METADATA}) for name, shape in _KINDS.items()}
_PLAIN = _struct(metadata=_METADATA)


def shape_of(kind: Kind) -> Shape:
    """Return how a manifest of a kind merges (Kubernetes' API types: `patchMergeKey`, `listType`, `mapType`)."""
    return _SHAPES.get((kind.group, kind.kind), _PLAIN)


def has_status_endpoint(kind: Kind) -> bool:
    """Tell whether a kind's status is written at `.../status` only; Gloo's kinds have no such endpoint."""
    return kind.group not in {GATEWAY, GLOO}

"""The messages of Kubernetes' protobuf form: which field has which number.

Source: the `generated.proto` files of k8s.io/api and k8s.io/apimachinery at v1.33. A line of a table reads

    NUMBER [MARK]NAME [TYPE], ...

where the type is text unless one is named, and the mark says what is special:
`[]` a list, `{}` a map from text, `*` a pointer (zero is not the same as absent), and `+` a message whose fields
stand in JSON beside those of its owner. Statuses are left out: no client writes one as protobuf.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

from edgesim.kube import protobuf_access, protobuf_groups, protobuf_pods

_META: Final = """
ObjectMeta:
  1 name, 2 generateName, 3 namespace, 4 selfLink, 5 uid, 6 resourceVersion, 7 generation int64,
  8 creationTimestamp Time, 9 deletionTimestamp Time, 10 *deletionGracePeriodSeconds int64, 11 {}labels,
  12 {}annotations, 13 []ownerReferences OwnerReference, 14 []finalizers
OwnerReference:
  1 kind, 3 name, 4 uid, 5 apiVersion, 6 *controller bool, 7 *blockOwnerDeletion bool
DeleteOptions:
  1 *gracePeriodSeconds int64, 2 preconditions Preconditions, 3 *orphanDependents bool, 4 propagationPolicy,
  5 []dryRun, 6 ignoreStoreReadErrorWithClusterBreakingPotential bool
Preconditions:
  1 uid, 2 resourceVersion
LabelSelector:
  1 {}matchLabels, 2 []matchExpressions LabelSelectorRequirement
LabelSelectorRequirement:
  1 key, 2 operator, 3 []values
"""

ROOTS: Final = frozenset({
    "ClusterRole", "ClusterRoleBinding", "ConfigMap", "CronJob", "DeleteOptions", "Deployment", "HorizontalPodAutoscaler",
    "Ingress", "Job", "Namespace", "NetworkPolicy", "Pod", "PodDisruptionBudget", "ReplicaSet", "ResourceQuota", "Role", "RoleBinding",
    "Scale", "Secret", "SelfSubjectAccessReview", "SelfSubjectReview", "SelfSubjectRulesReview", "Service",
    "ServiceAccount", "SubjectAccessReview",
})  # fmt: skip
"""What a body may be. Kinds of other versions of these groups have the numbers of these, as far as they have the fields."""

_FIELD: Final = re.compile(r"(\d+) (\[\]|\{\}|\*|\+)?(\w+)(?: (\w+))?\Z")


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a message: its name in JSON, its mark, and the name of its type."""

    name: str
    mark: str
    type: str


Message = Mapping[int, Field]


@cache
def messages() -> dict[str, Message]:
    """Return every message by its name."""
    tables = (_META, protobuf_pods.MESSAGES, protobuf_groups.MESSAGES, protobuf_access.MESSAGES)
    return {name: fields for table in tables for name, fields in _read(table)}


def _read(table: str) -> Iterator[tuple[str, Message]]:
    for block in re.split(r"\n(?=\w)", table.strip()):
        name, _, fields = block.partition(":")
        yield name, dict(_field(text) for text in " ".join(fields.split()).split(", "))


def _field(text: str) -> tuple[int, Field]:
    matched = _FIELD.match(text)
    assert matched is not None, text
    number, mark, name, type_ = matched.groups()
    return int(number), Field(name, mark or "", type_ or "string")

"""What discovery says of each kind beside its names: verbs and subresources; and the reviews, which nothing stores.

Source: the Kubernetes API reference v1.33, as `kubectl api-resources -o wide` lists it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from edgesim.dialects.kinds import KINDS, Kind

VERBS: Final = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")
_STATUS_VERBS: Final = ("get", "patch", "update")


@dataclass(frozen=True, slots=True)
class Subresource:
    """A part of a resource with a path of its own; an empty `kind` means that it answers the resource itself."""

    name: str
    verbs: tuple[str, ...] = _STATUS_VERBS
    group: str = ""
    version: str = ""
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Review:
    """A question that is asked by creating it, and never stored."""

    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool = False

    @property
    def singular(self) -> str:
        """Return the singular name, as discovery gives it."""
        return self.kind.lower()


_STATUS: Final = Subresource("status")
_SCALE: Final = Subresource("scale", group="autoscaling", version="v1", kind="Scale")

_SUBRESOURCES: Final[dict[tuple[str, str], tuple[Subresource, ...]]] = {
    ("", "Namespace"): (Subresource("finalize", ("update",)), _STATUS),
    ("", "Pod"): (Subresource("log", ("get",)), _STATUS),
    ("", "Service"): (_STATUS,),
    ("apps", "Deployment"): (_SCALE, _STATUS),
    ("apps", "ReplicaSet"): (_SCALE, _STATUS),
    ("autoscaling", "HorizontalPodAutoscaler"): (_STATUS,),
    ("policy", "PodDisruptionBudget"): (_STATUS,),
    ("networking.k8s.io", "Ingress"): (_STATUS,),
    ("batch", "Job"): (_STATUS,),
    ("batch", "CronJob"): (_STATUS,),
    ("", "Node"): (_STATUS,),
    ("", "PersistentVolume"): (_STATUS,),
    ("", "PersistentVolumeClaim"): (_STATUS,),
    ("", "ResourceQuota"): (_STATUS,),
    ("apps", "DaemonSet"): (_STATUS,),
    ("apps", "StatefulSet"): (_STATUS,),
}

REVIEWS: Final = (
    Review("authentication.k8s.io", "v1", "SelfSubjectReview", "selfsubjectreviews"),
    Review("authorization.k8s.io", "v1", "SelfSubjectAccessReview", "selfsubjectaccessreviews"),
    Review("authorization.k8s.io", "v1", "SelfSubjectRulesReview", "selfsubjectrulesreviews"),
    Review("authorization.k8s.io", "v1", "SubjectAccessReview", "subjectaccessreviews"),
)


def verbs_of(kind: Kind) -> tuple[str, ...]:
    """Return the verbs a kind knows; namespaces are deleted one at a time."""
    if kind.kind != "Namespace":
        return VERBS
    return tuple(verb for verb in VERBS if verb != "deletecollection")


def subresources_of(kind: Kind) -> tuple[Subresource, ...]:
    """Return the subresources of a kind; Gloo's kinds have none: their status is written with the rest."""
    return _SUBRESOURCES.get((kind.group, kind.kind), ())


def groups_and_versions() -> dict[str, tuple[str, ...]]:
    """Return the versions of every group that has a kind or a review, in the order of the registry; core is ``""``."""
    of_kinds = [(kind.group, kind.version) for kind in KINDS]
    pairs = dict.fromkeys([*of_kinds, *((review.group, review.version) for review in REVIEWS)])
    return {group: tuple(version for owner, version in pairs if owner == group) for group, _version in pairs}

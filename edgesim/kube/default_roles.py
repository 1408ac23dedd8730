"""The ClusterRoles that are there from the start, so that a binding can name them: cluster-admin, admin, edit and view.

Kubernetes, "Using RBAC Authorization", user-facing roles; Gloo's kinds are among what they allow.
"""

from __future__ import annotations

from typing import Any, Final

from edgesim.config.store import CONTROLLER, Store
from edgesim.dialects import KINDS, Document, Kind, decode, nowhere
from edgesim.kube.rbac import GROUP
from edgesim.model import ResourceKey

Json = dict[str, Any]
READ: Final = ("get", "list", "watch")
WRITE: Final = ("create", "delete", "deletecollection", "patch", "update")
_LABELS: Final = {"kubernetes.io/bootstrapping": "rbac-defaults"}
_NOT_EDITED: Final = frozenset({"Namespace", "Event"})
_SECRET: Final = frozenset({"Secret"})
"""What the role `view` does not show."""
_INTO_PODS: Final = ("pods/attach", "pods/exec", "pods/portforward")
"""What `edit` allows, and the API then refuses with the address to use instead."""
_SUBRESOURCES: Final = {
    "apps": ("deployments/scale", "deployments/status", "replicasets/scale"),
    "": ("pods/log", "pods/status"),
}


def install_roles(store: Store) -> None:
    """Write the roles that are not there; they are edgesim's own, so that no state keeps them."""
    for name, rules in _roles().items():
        manifest = {
            "apiVersion": f"{GROUP}/v1",
            "kind": "ClusterRole",
            "metadata": {"name": name, "labels": _LABELS},
            "rules": rules,
        }
        if store.get(ResourceKey("ClusterRole", "", name)) is None:
            decoded = decode(Document(manifest, nowhere(CONTROLLER)))
            assert decoded.resource is not None, decoded.problems
            store.put(decoded.resource, CONTROLLER)


def _roles() -> dict[str, list[Json]]:
    inside = [kind for kind in KINDS if kind.namespaced and kind.group != GROUP]
    edited = [kind for kind in inside if kind.kind not in _NOT_EDITED]
    seen = [kind for kind in KINDS if (kind.namespaced or kind.kind == "Namespace") and kind.group != GROUP]
    view = _rules([kind for kind in seen if kind.kind not in _SECRET], READ)
    edit = [*_rules(seen, READ), *_rules(edited, WRITE), _rule(("",), _INTO_PODS, (*READ, *WRITE))]
    roles = _rule((GROUP,), ("rolebindings", "roles"), (*READ, *WRITE))
    reviews = _rule(("authorization.k8s.io",), ("localsubjectaccessreviews",), ("create",))
    return {
        "cluster-admin": [_rule(("*",), ("*",), ("*",)), {"nonResourceURLs": ["*"], "verbs": ["*"]}],
        "admin": [*edit, roles, reviews],
        "edit": edit,
        "view": view,
    }


def _rules(kinds: list[Kind], verbs: tuple[str, ...]) -> list[Json]:
    """Return one rule for each group of kinds."""
    groups = dict.fromkeys(kind.group for kind in kinds)
    return [_rule((group,), _resources(group, kinds), verbs) for group in groups]


def _resources(group: str, kinds: list[Kind]) -> tuple[str, ...]:
    plain = sorted(kind.plural for kind in kinds if kind.group == group)
    return (*plain, *(each for each in _SUBRESOURCES.get(group, ()) if each.partition("/")[0] in plain))


def _rule(groups: tuple[str, ...], resources: tuple[str, ...], verbs: tuple[str, ...]) -> Json:
    return {"apiGroups": [*groups], "resources": [*resources], "verbs": [*verbs]}

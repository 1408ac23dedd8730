"""Roles and bindings (`pkg/apis/rbac/validation`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from edgesim.kube.validation import names
from edgesim.kube.validation.faults import Fault, GoValue, go_list, invalid, not_supported, quoted, required

_GROUP: Final = "rbac.authorization.k8s.io"


def role_faults(manifest: Mapping[str, Any], _old: Mapping[str, Any] | None) -> Iterator[Fault]:
    """Iterate over what is wrong with a Role or ClusterRole."""
    for index, rule in enumerate(manifest.get("rules") or ()):
        yield from _rule(rule or {}, f"rules[{index}]", namespaced=manifest.get("kind") == "Role")


def binding_faults(manifest: Mapping[str, Any], old: Mapping[str, Any] | None) -> Iterator[Fault]:
    """Iterate over what is wrong with a RoleBinding or ClusterRoleBinding."""
    namespaced = manifest.get("kind") == "RoleBinding"
    ref = manifest.get("roleRef") or {}
    yield from _role_ref(ref, ("Role", "ClusterRole") if namespaced else ("ClusterRole",))
    for index, subject in enumerate(manifest.get("subjects") or ()):
        yield from _subject(subject or {}, f"subjects[{index}]", namespaced=namespaced)
    if old is not None and _go_ref(ref) != _go_ref(old.get("roleRef") or {}):
        yield invalid("roleRef", _go_ref(ref), "cannot change roleRef")


def _rule(rule: Mapping[str, Any], at: str, *, namespaced: bool) -> Iterator[Fault]:
    urls = rule.get("nonResourceURLs") or ()
    if not rule.get("verbs"):
        yield required(f"{at}.verbs", "verbs must contain at least one value")
    if urls:
        if namespaced:
            yield invalid(f"{at}.nonResourceURLs", go_list(urls), "namespaced rules cannot apply to non-resource URLs")
        if rule.get("apiGroups") or rule.get("resources") or rule.get("resourceNames"):
            detail = "rules cannot apply to both regular resources and non-resource URLs"
            yield invalid(f"{at}.nonResourceURLs", go_list(urls), detail)
        return
    if not rule.get("apiGroups"):
        yield required(f"{at}.apiGroups", "resource rules must supply at least one api group")
    if not rule.get("resources"):
        yield required(f"{at}.resources", "resource rules must supply at least one resource")


def _role_ref(ref: Mapping[str, Any], kinds: tuple[str, ...]) -> Iterator[Fault]:
    group, kind, name = (ref.get(field) or "" for field in ("apiGroup", "kind", "name"))
    if group != _GROUP:
        yield not_supported("roleRef.apiGroup", group, (_GROUP,))
    if kind not in kinds:
        yield not_supported("roleRef.kind", kind, kinds)
    if not name:
        yield required("roleRef.name")
    for said in names.path_segment(name):
        yield invalid("roleRef.name", name, said)


def _subject(subject: Mapping[str, Any], at: str, *, namespaced: bool) -> Iterator[Fault]:
    group, kind, name = (subject.get(field) or "" for field in ("apiGroup", "kind", "name"))
    if not name:
        yield required(f"{at}.name")
    if kind == "ServiceAccount":
        for said in names.subdomain(name) if name else ():
            yield invalid(f"{at}.name", name, said)
        if group:
            yield not_supported(f"{at}.apiGroup", group, ("",))
        if not namespaced and not subject.get("namespace"):
            yield required(f"{at}.namespace")
    elif kind in {"User", "Group"}:
        if not name:
            yield invalid(f"{at}.name", name, f"{kind.lower()} name cannot be empty")
        if group != _GROUP:
            yield not_supported(f"{at}.apiGroup", group, (_GROUP,))
    else:
        yield not_supported(f"{at}.kind", kind, ("ServiceAccount", "User", "Group"))


def _go_ref(ref: Mapping[str, Any]) -> GoValue:
    group, kind, name = (quoted(ref.get(field) or "") for field in ("apiGroup", "kind", "name"))
    return GoValue(f"rbac.RoleRef{{APIGroup:{group}, Kind:{kind}, Name:{name}}}")

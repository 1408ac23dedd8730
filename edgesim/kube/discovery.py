"""Discovery: which resources there are, in the old form (a list per group) and the aggregated one (a list of all).

Source: Kubernetes API concepts, "API discovery"; `apidiscovery.k8s.io/v2`. All of it follows from the registry of
kinds, so that a kind that is read is a kind that clients find.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from edgesim.dialects.kinds import KINDS, KUBERNETES_VERSION, Kind
from edgesim.kube.discovery_rows import (
    REVIEWS,
    Review,
    Subresource,
    groups_and_versions,
    subresources_of,
    verbs_of,
)

VERSION: Final[dict[str, str]] = {
    "major": "1",
    "minor": "33",
    "gitVersion": KUBERNETES_VERSION,
    "gitCommit": "60a317eadfcb839692a68eab88b2096f4d708f4f",
    "gitTreeState": "clean",
    "buildDate": "2025-04-23T13:00:00Z",
    "goVersion": "go1.24.2",
    "compiler": "gc",
    "platform": "linux/amd64",
}
"""The answer of ``/version``: the API whose behaviour is followed, not a program that runs here."""


def aggregated_type(accept: str) -> str:
    """Return the content type of the aggregated form the client takes, or ``""`` where it wants the old one.

    kubectl 1.26 to 1.29 know `v2beta1` only, which reads the same.
    """
    wanted = accept.replace(" ", "")
    for version in ("v2", "v2beta1"):
        content_type = f"application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList"
        if content_type in wanted.split(","):
            return content_type
    return ""


def aggregated(*, core: bool, content_type: str) -> dict[str, Any]:
    """Return the APIGroupDiscoveryList of ``/api`` (`core`) or ``/apis``, in the version `content_type` names."""
    version = "v2beta1" if "v=v2beta1;" in content_type else "v2"
    items = [_discovered(group) for group in groups_and_versions() if core is (group == "")]
    api_version = f"apidiscovery.k8s.io/{version}"
    return {"kind": "APIGroupDiscoveryList", "apiVersion": api_version, "metadata": {}, "items": items}


def core_versions(address: str) -> dict[str, Any]:
    """Return the APIVersions of ``/api``; `address` is the server's own, ``host:port``."""
    by_client = [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}]
    return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": by_client}


def group_list() -> dict[str, Any]:
    """Return the APIGroupList of ``/apis``."""
    groups = [_group(group) for group in groups_and_versions() if group]
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}


def group_of(group: str) -> dict[str, Any] | None:
    """Return the APIGroup of ``/apis/GROUP``, or None where there is no such group."""
    if not group or group not in groups_and_versions():
        return None
    return {"kind": "APIGroup", "apiVersion": "v1", **_group(group)}


@cache
def resource_list(group: str, version: str) -> dict[str, Any] | None:
    """Return the APIResourceList of ``/api/v1`` or ``/apis/GROUP/VERSION``, or None where there is none.

    It is kept, and so not to be changed.
    """
    if version not in groups_and_versions().get(group, ()):
        return None
    rows = [row for kind in _kinds(group, version) for row in _rows(kind)]
    rows += [_review_row(review) for review in _reviews(group, version)]
    whole = f"{group}/{version}" if group else version
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": whole, "resources": rows}


def _group(group: str) -> dict[str, Any]:
    versions = [{"groupVersion": f"{group}/{each}", "version": each} for each in groups_and_versions()[group]]
    return {"name": group, "versions": versions, "preferredVersion": versions[0]}


def _kinds(group: str, version: str) -> list[Kind]:
    found = [kind for kind in KINDS if (kind.group, kind.version) == (group, version)]
    return sorted(found, key=lambda kind: kind.plural)


def _reviews(group: str, version: str) -> list[Review]:
    return [review for review in REVIEWS if (review.group, review.version) == (group, version)]


def _rows(kind: Kind) -> list[dict[str, Any]]:
    row: dict[str, Any] = {
        "name": kind.plural,
        "singularName": kind.singular,
        "namespaced": kind.namespaced,
        "kind": kind.kind,
        "verbs": list(verbs_of(kind)),
        **_optional(kind),
    }
    return [row, *(_subresource_row(kind, each) for each in subresources_of(kind))]


def _optional(kind: Kind) -> dict[str, list[str]]:
    named = {"shortNames": list(kind.short_names), "categories": list(kind.categories)}
    return {name: words for name, words in named.items() if words}


def _subresource_row(kind: Kind, part: Subresource) -> dict[str, Any]:
    other = {"group": part.group, "version": part.version} if part.kind else {}
    return {
        "name": f"{kind.plural}/{part.name}",
        "singularName": "",
        "namespaced": kind.namespaced,
        **other,
        "kind": part.kind or kind.kind,
        "verbs": list(part.verbs),
    }


def _review_row(review: Review) -> dict[str, Any]:
    return {
        "name": review.plural,
        "singularName": review.singular,
        "namespaced": review.namespaced,
        "kind": review.kind,
        "verbs": ["create"],
    }


@cache
def _discovered(group: str) -> dict[str, Any]:
    """Describe one group with all its versions; the core group has no name."""
    metadata = {"name": group, "creationTimestamp": None} if group else {"creationTimestamp": None}
    versions = [_discovered_version(group, version) for version in groups_and_versions()[group]]
    return {"metadata": metadata, "versions": versions}


def _discovered_version(group: str, version: str) -> dict[str, Any]:
    resources = [_discovered_kind(kind) for kind in _kinds(group, version)]
    resources += [_discovered_review(review) for review in _reviews(group, version)]
    return {"version": version, "resources": resources, "freshness": "Current"}


def _discovered_kind(kind: Kind) -> dict[str, Any]:
    parts = [_discovered_subresource(kind, each) for each in subresources_of(kind)]
    return {
        "resource": kind.plural,
        "responseKind": _response(kind.group, kind.version, kind.kind),
        "scope": "Namespaced" if kind.namespaced else "Cluster",
        "singularResource": kind.singular,
        "verbs": list(verbs_of(kind)),
        **_optional(kind),
        **({"subresources": parts} if parts else {}),
    }


def _discovered_subresource(kind: Kind, part: Subresource) -> dict[str, Any]:
    response = (
        _response(part.group, part.version, part.kind) if part.kind else _response(kind.group, kind.version, kind.kind)
    )
    return {"subresource": part.name, "responseKind": response, "verbs": list(part.verbs)}


def _discovered_review(review: Review) -> dict[str, Any]:
    return {
        "resource": review.plural,
        "responseKind": _response(review.group, review.version, review.kind),
        "scope": "Namespaced" if review.namespaced else "Cluster",
        "singularResource": review.singular,
        "verbs": ["create"],
    }


def _response(group: str, version: str, kind: str) -> dict[str, str]:
    return {"group": group, "version": version, "kind": kind}

"""Objects and short words for the tests of ownership."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from edgesim.dialects.kinds import Kind, find_kind
from edgesim.kube.field_sets import path_text
from edgesim.kube.managed_fields import decode_managed

Manifest = dict[str, Any]


def kind(word: str) -> Kind:
    """Return a kind that there is."""
    found = find_kind(word)
    assert found is not None
    return found


DEPLOYMENT = kind("deployment")
CONFIG_MAP = kind("configmap")
ROUTE_TABLE = kind("routetable")


def deployment(spec: Mapping[str, Any] | None = None, **metadata: Any) -> Manifest:
    """Return a Deployment's manifest."""
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "echo", "namespace": "echo", **metadata},
        "spec": dict(spec or {}),
    }


def containers(*items: Manifest) -> Manifest:
    """Return the part of a Deployment's spec that lists containers."""
    return {"template": {"spec": {"containers": list(items)}}}


def owned(managed: Iterable[Mapping[str, Any]]) -> dict[str, set[str]]:
    """Return which paths each manager owns, `NAME` for an apply, `NAME*` for an update, `NAME*/SUB` at a subresource."""
    entries = decode_managed(tuple(managed))
    return {
        entry.manager
        + ("*" if entry.operation == "Update" else "")
        + (f"/{entry.subresource}" if entry.subresource else ""): {path_text(path) for path in entry.fields}
        for entry in entries
    }

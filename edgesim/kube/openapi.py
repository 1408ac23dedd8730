"""OpenAPI: what kubectl and Helm download before they apply anything, and what `kubectl explain` shows.

Version 3 is a document for each group, with all kinds. Version 2 is one document, with Gloo's kinds alone: were
Kubernetes' own in it, clients would build their patches by it instead of by what they know of these kinds.

Everything is made when it is first asked for, and kept. Source: Kubernetes API concepts, "OpenAPI interface definition".
"""

from __future__ import annotations

import hashlib
from functools import cache
from typing import Any, Final

import msgspec

from edgesim.dialects.kinds import GATEWAY, GLOO, KINDS, Kind
from edgesim.kube.discovery import VERSION
from edgesim.kube.discovery_rows import groups_and_versions, verbs_of
from edgesim.kube.openapi_schemas import schema_name, schemas
from edgesim.kube.openapi_v2 import as_json, as_protobuf

CONTENT_TYPE_V2: Final = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
"""The form clients ask for has an `@` before the version; the answer has a dot, or they fail."""

_INFO: Final = {"title": "Kubernetes", "version": VERSION["gitVersion"]}
_PATCHES: Final = ("application/apply-patch+yaml", "application/json-patch+json", "application/merge-patch+json")
_QUERY: Final = ("dryRun", "fieldManager", "fieldValidation")
_METHODS: Final = {"get": "get", "update": "put", "patch": "patch", "delete": "delete"}


@cache
def index_v3() -> bytes:
    """Return the index of ``/openapi/v3`` as JSON: where the document of each group is, marked by its content."""
    places = [_place(group, version) for group, versions in groups_and_versions().items() for version in versions]
    paths = {place: {"serverRelativeURL": f"/openapi/v3/{place}?hash={_hash(place)}"} for place in places}
    return msgspec.json.encode({"paths": paths})


@cache
def document_v3(place: str) -> bytes | None:
    """Return the document of a place, such as ``apis/gateway.solo.io/v1``, as JSON; None where there is none."""
    for group, versions in groups_and_versions().items():
        for version in versions:
            if place == _place(group, version):
                return msgspec.json.encode(_document(group, version))
    return None


@cache
def document_v2() -> bytes:
    """Return the document of ``/openapi/v2``, in protobuf (`CONTENT_TYPE_V2`), which kubectl and Helm ask for."""
    return as_protobuf(_INFO, *_version_2())


def document_v2_json() -> bytes:
    """Return the document of ``/openapi/v2`` as JSON, for whoever does not ask for protobuf."""
    return msgspec.json.encode(as_json(_INFO, *_version_2()))


def _version_2() -> tuple[dict[str, Any], dict[str, Any]]:
    kinds = [kind for kind in KINDS if kind.group in {GATEWAY, GLOO}]
    paths = {path: item for kind in kinds for path, item in _paths(kind).items() if "patch" in item}
    return paths, schemas(kinds)


def _place(group: str, version: str) -> str:
    return f"apis/{group}/{version}" if group else f"api/{version}"


def _hash(place: str) -> str:
    return hashlib.sha256(document_v3(place) or b"").hexdigest()[:32].upper()


def _document(group: str, version: str) -> dict[str, Any]:
    kinds = [kind for kind in KINDS if (kind.group, kind.version) == (group, version)]
    paths = {path: item for kind in kinds for path, item in _paths(kind).items()}
    return {"openapi": "3.0.0", "info": _INFO, "paths": paths, "components": {"schemas": schemas(kinds)}}


def _paths(kind: Kind) -> dict[str, dict[str, Any]]:
    """Return the paths of a kind's lists and of a single one."""
    base = f"/{_place(kind.group, kind.version)}"
    inside = f"{base}/namespaces/{{namespace}}" if kind.namespaced else base
    every = {f"{base}/{kind.plural}": {"get": _operation(kind, "list")}} if kind.namespaced else {}
    collection = {"get": _operation(kind, "list"), "post": _operation(kind, "create")}
    one = {method: _operation(kind, verb) for verb, method in _METHODS.items() if verb in verbs_of(kind)}
    return {**every, f"{inside}/{kind.plural}": collection, f"{inside}/{kind.plural}/{{name}}": one}


def _operation(kind: Kind, verb: str) -> dict[str, Any]:
    """Return one operation; `fieldValidation` among its parameters tells clients that the server checks fields."""
    identity = {"group": kind.group, "kind": kind.kind, "version": kind.version}
    operation: dict[str, Any] = {
        "operationId": f"{verb}{kind.group.title().replace('.', '')}{kind.version.title()}{kind.kind}",
        "responses": {"200": {"description": "OK"}},
        "x-kubernetes-action": verb,
        "x-kubernetes-group-version-kind": identity,
    }
    if verb in {"create", "patch", "update"}:
        operation["parameters"] = [_parameter(name) for name in _QUERY]
        operation["requestBody"] = {"content": _content(kind, verb)}
    return operation


def _parameter(name: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "schema": {"type": "string", "uniqueItems": True}}


def _content(kind: Kind, verb: str) -> dict[str, Any]:
    """Return what a body may be.

    Strategic merge patches are taken, but not named: a client that reads of them here computes its patch by the
    schemas, which know no merge keys, instead of by what it has compiled in.
    """
    if verb == "patch":
        return {content_type: {"schema": {"type": "object"}} for content_type in _PATCHES}
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema_name(kind)}"}}}

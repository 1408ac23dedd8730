from __future__ import annotations

import json
from typing import Any

import pytest

from edgesim.dialects.kinds import KINDS, find_kind
from edgesim.kube import openapi
from edgesim.kube.openapi_schemas import schema_name
from edgesim.policies.protobuf_wire import read_fields


def document(place: str) -> dict[str, Any]:
    found = openapi.document_v3(place)
    assert found is not None
    whole: dict[str, Any] = json.loads(found)
    return whole


def schema(place: str, name: str) -> dict[str, Any]:
    return next(each for key, each in document(place)["components"]["schemas"].items() if key.endswith(f".{name}"))


def place_of(kind: Any) -> str:
    return f"apis/{kind.api_version}" if kind.group else "api/v1"


def test_the_index_leads_to_every_document() -> None:
    """Each group and version has its document, whose address changes with its content."""
    paths = json.loads(openapi.index_v3())["paths"]
    assert {"api/v1", "apis/apps/v1", "apis/gateway.solo.io/v1", "apis/autoscaling/v2"} <= set(paths)
    addresses = {entry["serverRelativeURL"] for entry in paths.values()}
    assert len({address.partition("?hash=")[2] for address in addresses}) > len(paths) - 2  # reviews have one alike
    for place, entry in paths.items():
        assert entry["serverRelativeURL"].startswith(f"/openapi/v3/{place}?hash=")
        assert document(place)["openapi"] == "3.0.0"
    assert openapi.document_v3("apis/no.such/v1") is None
    assert openapi.document_v3("") is None


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.plural)
def test_every_kind_can_be_patched_and_explained(kind: Any) -> None:
    """A kind's PATCH names `fieldValidation`, so that clients leave the check to the server, and its schema has the kind."""
    whole = document(place_of(kind))
    inside = "/namespaces/{namespace}" if kind.namespaced else ""
    item = whole["paths"][f"/{place_of(kind)}{inside}/{kind.plural}/{{name}}"]
    identity = {"group": kind.group, "version": kind.version, "kind": kind.kind}
    assert item["patch"]["x-kubernetes-group-version-kind"] == identity
    assert "fieldValidation" in [parameter["name"] for parameter in item["patch"]["parameters"]]
    found = whole["components"]["schemas"][schema_name(kind)]
    assert found["x-kubernetes-group-version-kind"] == [identity]
    assert found["description"].endswith(".")


def test_no_document_names_strategic_merge_patches() -> None:
    """Clients build them by what they have compiled in, and only while no document says that these schemas know how."""
    assert not [kind for kind in KINDS if b"strategic" in (openapi.document_v3(place_of(kind)) or b"")]
    assert b"strategic" not in openapi.document_v2()


def references(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return own + [found for inner in value.values() for found in references(inner)]
    return [found for inner in value for found in references(inner)] if isinstance(value, list) else []


@pytest.mark.parametrize("place", sorted({place_of(kind) for kind in KINDS}))
def test_documents_are_closed(place: str) -> None:
    """Every schema that is referred to is in the same document."""
    whole = document(place)
    known = {f"#/components/schemas/{name}" for name in whole["components"]["schemas"]}
    assert set(references(whole)) <= known


def test_the_schemas_are_those_manifests_are_checked_by() -> None:
    """Lists, maps, choices, whole numbers and required fields read as in the schemas of the dialects."""
    route = schema("apis/gateway.solo.io/v1", "Route")["properties"]
    assert route["matchers"]["type"] == "array"
    assert route["matchers"]["items"]["$ref"].endswith(".Matcher")
    assert route["routeAction"]["allOf"][0]["$ref"].endswith(".RouteAction")
    assert route["inheritableMatchers"]["type"] == "boolean"
    redirect = schema("apis/gateway.solo.io/v1", "RedirectAction")["properties"]
    assert {"MOVED_PERMANENTLY", "FOUND"} < set(redirect["responseCode"]["enum"])
    weight = schema("apis/gateway.solo.io/v1", "WeightedDestination")["properties"]["weight"]
    assert (weight["type"], weight["minimum"], weight["maximum"]) == ("integer", 0, 2**32 - 1)
    labels = schema("apis/gateway.solo.io/v1", "SubsetValues")["properties"]["values"]
    assert labels["additionalProperties"] == {"type": "string"}
    assert schema("apis/apps/v1", "DeploymentSpec")["required"] == ["selector", "template"]
    assert schema("api/v1", "ServicePort")["properties"]["targetPort"]["x-kubernetes-int-or-string"] is True
    assert schema("api/v1", "ObjectMeta")["properties"]["uid"] == {
        "description": "What tells this object from an earlier one of the same name.",
        "type": "string",
    }


def test_schemas_have_the_names_clients_know() -> None:
    """Kubernetes' kinds are under io.k8s, Gloo's under io.solo."""
    named = {word: schema_name(kind) for word in ("deploy", "po", "roles", "vs") if (kind := find_kind(word))}
    assert named == {
        "deploy": "io.k8s.api.apps.v1.Deployment",
        "po": "io.k8s.api.core.v1.Pod",
        "roles": "io.k8s.api.rbac.v1.Role",
        "vs": "io.solo.gateway.v1.VirtualService",
    }


def parts(data: bytes, number: int) -> list[bytes]:
    return [value for found, _wire, value in read_fields(data) if found == number and isinstance(value, bytes)]


def test_version_2_is_a_protobuf_document_with_the_kinds_of_gloo_alone() -> None:
    """It says swagger 2.0, and defines no kind of Kubernetes: clients would build patches by that."""
    whole = openapi.document_v2()
    assert parts(whole, 1) == [b"2.0"]
    assert parts(parts(whole, 2)[0], 2) == [b"v1.33.0"]
    definitions = {parts(each, 1)[0].decode(): parts(each, 2)[0] for each in parts(parts(whole, 9)[0], 1)}
    assert "io.solo.gateway.v1.VirtualService" in definitions
    assert not [name for name in definitions if name.startswith("io.k8s.api.")]
    (extension,) = parts(definitions["io.solo.gateway.v1.VirtualService"], 31)
    assert parts(extension, 1) == [b"x-kubernetes-group-version-kind"]
    assert json.loads(parts(parts(extension, 2)[0], 2)[0])[0]["kind"] == "VirtualService"
    paths = [parts(each, 1)[0].decode() for each in parts(parts(whole, 8)[0], 2)]
    assert "/apis/gateway.solo.io/v1/namespaces/{namespace}/routetables/{name}" in paths
    assert not [path for path in paths if ".solo.io" not in path]


def test_version_2_is_small() -> None:
    """It is downloaded by each `kubectl apply`."""
    assert len(openapi.document_v2()) < 200_000


def test_version_2_reads_the_same_in_json() -> None:
    """Whoever does not ask for protobuf gets the same paths and definitions, whose references lead to definitions."""
    whole = json.loads(openapi.document_v2_json())
    binary = openapi.document_v2()
    assert list(whole["definitions"]) == [parts(each, 1)[0].decode() for each in parts(parts(binary, 9)[0], 1)]
    assert list(whole["paths"]) == [parts(each, 1)[0].decode() for each in parts(parts(binary, 8)[0], 2)]
    known = {f"#/definitions/{name}" for name in whole["definitions"]}
    assert set(references(whole)) <= known
    path = "/apis/gateway.solo.io/v1/namespaces/{namespace}/routetables/{name}"
    assert {"name": "dryRun", "in": "query", "type": "string", "uniqueItems": True} in whole["paths"][path]["patch"][
        "parameters"
    ]

from __future__ import annotations

from typing import Any

import pytest

from edgesim.dialects import KINDS, Kind, kind_of
from edgesim.kube.validation.custom_resources import json_type
from tests.kube.validation import manifests as m
from tests.kube.validation.manifests import causes, judged, manifest

HOST = "spec.virtualHost"
ROUTE = f"{HOST}.routes[0]"


def wrong(path: str, wanted: str, got: str) -> str:
    return f'{path}: Invalid value: "{got}": {path} in body must be of type {wanted}: "{got}"'


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("domains", "*", wrong(f"{HOST}.domains", "array", "string")),
        ("routes", {}, wrong(f"{HOST}.routes", "array", "object")),
        ("routes__0", "x", wrong(ROUTE, "object", "string")),
        ("domains__0", 5, wrong(f"{HOST}.domains[0]", "string", "integer")),
        ("routes__0__routeAction__single__upstream__name", True, wrong(f"{ROUTE}.routeAction.single.upstream.name", "string", "boolean")),
        ("routes__0__options", {"timeout": "5x"}, f'{ROUTE}.options.timeout: Invalid value: "5x": {ROUTE}.options.timeout in body must be of type duration: "5x"'),
        (
            "routes__0__routeAction",
            {"multi": {"destinations": [{"weight": -1}]}},
            (f"{ROUTE}.routeAction.multi.destinations[0].weight: Invalid value: -1: "
            f"{ROUTE}.routeAction.multi.destinations[0].weight in body should be greater than or equal to 0"),
        ),
    ],
)  # fmt: skip
def test_a_wrong_value_is_refused_in_the_words_of_a_schema(path: str, value: Any, said: str) -> None:
    """What a CustomResourceDefinition's schema would refuse is a cause of a 422."""
    assert causes(manifest(m.VIRTUAL_SERVICE, **{f"spec__virtualHost__{path}": value})) == [said]


def test_a_choice_lists_what_is_supported_and_only_one_alternative_is_taken() -> None:
    """An unknown word is told with the known ones; of alternatives one may be set."""
    body = manifest(m.VIRTUAL_SERVICE, spec__virtualHost__routes__0__redirectAction={"responseCode": "GONE"})
    codes = '"FOUND", "MOVED_PERMANENTLY", "PERMANENT_REDIRECT", "SEE_OTHER", "TEMPORARY_REDIRECT"'
    assert causes(body) == [
        f'{ROUTE}.redirectAction.responseCode: Unsupported value: "GONE": supported values: {codes}',
        f"{ROUTE}.redirectAction: Forbidden: only one of `routeAction`, `redirectAction` may be set",
    ]


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.group.endswith("solo.io")], ids=lambda kind: kind.kind)
@pytest.mark.parametrize("spec", [5, "x", [], True])
def test_a_spec_of_another_type_is_refused(kind: Kind, spec: Any) -> None:
    """The spec of every Gloo kind is an object."""
    body = {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": {"name": "a", "namespace": "default"}}
    assert kind_of(kind.api_version, kind.kind) is kind
    if kind.simulated:
        assert causes(body | {"spec": spec}) == [wrong("spec", "object", json_type(spec))]
    else:
        assert judged(body | {"spec": spec}).status is None or causes(body | {"spec": spec})

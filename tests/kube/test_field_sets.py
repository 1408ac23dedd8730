"""FieldsV1, path texts, and what of an object can be owned."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgesim.config.patches import PatchError
from edgesim.kube.field_sets import (
    Path,
    applied_fields,
    decode_fields,
    difference,
    encode_fields,
    path_text,
    same,
    values_of,
)
from tests.kube.ownership import DEPLOYMENT, ROUTE_TABLE, containers, deployment, kind

_elements = st.sampled_from(["f:a", "f:b", 'k:{"name":"x"}', 'k:{"port":80,"protocol":"TCP"}', 'v:"x"', "v:1", "i:0"])
_paths = st.lists(_elements, min_size=1, max_size=4).map(tuple)


@given(st.frozensets(_paths, max_size=8))
def test_fields_round_trip(fields: frozenset[Path]) -> None:
    """A set of fields that is written as FieldsV1 and read again is the same set."""
    assert decode_fields(encode_fields(fields)) == fields


def test_a_member_with_members_has_a_dot() -> None:
    """A place that is owned itself and has owned parts carries a dot, as Kubernetes writes it."""
    fields = {("f:a",), ("f:a", "f:b"), ("f:c", "f:d")}
    assert encode_fields(fields) == {"f:a": {".": {}, "f:b": {}}, "f:c": {"f:d": {}}}


@pytest.mark.parametrize(
    "tree",
    [[], "x", None, {"a": {}}, {"f:a": 1}, {"f:a": {"x": {}}}, {"k:[]": {}}, {"k:{": {}}, {"v:x": {}}, {1: {}}],
)
def test_trees_that_are_none(tree: Any) -> None:
    """What is no FieldsV1 is refused."""
    with pytest.raises(PatchError, match="fieldsV1"):
        decode_fields(tree)


def test_trees_of_great_depth_are_refused() -> None:
    """FieldsV1 nested thousands deep is refused, as keys are."""
    tree: dict[str, Any] = {}
    for _ in range(5000):
        tree = {"f:a": tree}
    with pytest.raises(PatchError, match="nested too deeply"):
        decode_fields(tree)
    with pytest.raises(PatchError, match="no JSON"):
        decode_fields({"v:" + "[" * 5000: {}})


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (("f:spec", "f:replicas"), ".spec.replicas"),
        (("f:containers", 'k:{"name":"echo"}', "f:image"), '.containers[name="echo"].image'),
        (("f:ports", 'k:{"protocol":"TCP","containerPort":80}'), '.ports[containerPort=80,protocol="TCP"]'),
        (("f:finalizers", 'v:"a/b"'), '.finalizers[="a/b"]'),
        (("f:a", "i:3"), ".a[3]"),
    ],
)
def test_paths_as_kubernetes_prints_them(path: Path, text: str) -> None:
    """A path is printed as Kubernetes prints it in a conflict."""
    assert path_text(path) == text


def _owned(manifest: dict[str, Any], word: str = "deployment") -> set[str]:
    return {path_text(path) for path in applied_fields(values_of(manifest, kind(word)))}


def test_what_an_apply_owns_in_a_deployment() -> None:
    """Leaves, items by their keys, and empty maps are owned; what the server keeps itself is not."""
    manifest = deployment(
        {
            "selector": {"matchLabels": {"app": "echo"}},
            **containers(
                {"name": "a", "ports": [{"containerPort": 80}], "env": [], "args": ["x"], "livenessProbe": {}}
            ),
        },
        labels={"app": "echo"},
        uid="u",
        finalizers=["f"],
        ownerReferences=[{"uid": "o", "kind": "X"}],
    )
    inside = ".spec.template.spec.containers"
    assert _owned(manifest) == {
        ".metadata.labels.app",
        '.metadata.finalizers[="f"]',
        '.metadata.ownerReferences[uid="o"]',
        ".spec.selector",
        f'{inside}[name="a"]',
        f'{inside}[name="a"].name',
        f'{inside}[name="a"].ports[containerPort=80,protocol="TCP"]',
        f'{inside}[name="a"].ports[containerPort=80,protocol="TCP"].containerPort',
        f'{inside}[name="a"].env',
        f'{inside}[name="a"].args',
        f'{inside}[name="a"].livenessProbe',
    }


def test_lists_of_custom_kinds_are_owned_whole() -> None:
    """The routes of a RouteTable have one owner."""
    manifest = {"metadata": {"name": "r"}, "spec": {"routes": [{"name": "a"}], "weight": 1}}
    assert _owned(manifest, "routetable") == {".spec.routes", ".spec.weight"}


def test_items_without_keys_are_owned_whole() -> None:
    """A list in which an item lacks its key, as an old object may have it, is owned whole."""
    assert _owned(deployment(containers({"image": "i"}))) == {".spec.template.spec.containers"}


def test_items_that_share_keys_are_owned_together() -> None:
    """Two items of one key, as an old object may have them, are one place, and no change of theirs is lost."""
    twice = deployment(containers({"name": "a", "image": "1"}, {"name": "a", "image": "2"}))
    other = deployment(containers({"name": "a", "image": "1"}, {"name": "a", "image": "3"}))
    changes = difference(values_of(twice, DEPLOYMENT), values_of(other, DEPLOYMENT))
    assert {path_text(path) for path in changes.modified} == {'.spec.template.spec.containers[name="a"]'}


def test_odd_manifests_can_be_looked_at() -> None:
    """A manifest whose metadata is none has no owned metadata."""
    assert values_of({"metadata": [], "spec": 1}, ROUTE_TABLE) == {("f:spec",): 1}


def test_what_lies_very_deep_is_owned_whole() -> None:
    """Beyond a hundred levels a place has one owner, so that what owns it can be written and read again."""
    deep: dict[str, Any] = {"a": 1, "b": 2}
    for _ in range(200):
        deep = {"x": deep}
    fields = applied_fields(values_of({"spec": deep}, ROUTE_TABLE))
    assert [len(path) for path in fields] == [100]
    assert decode_fields(encode_fields(fields)) == fields


_json = st.recursive(
    st.none() | st.booleans() | st.integers(0, 1) | st.just(1.0) | st.just("1"),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
    max_leaves=4,
)


@given(_json, _json)
def test_values_are_the_same_as_json_says(one: Any, other: Any) -> None:
    """Two values are the same where their types and values are; true is no number."""

    def plain(value: Any) -> str:
        if isinstance(value, dict):
            return "{" + ",".join(f"{name}:{plain(value[name])}" for name in sorted(value)) + "}"
        if isinstance(value, list):
            return "[" + ",".join(plain(item) for item in value) + "]"
        return repr(float(value)) if isinstance(value, int | float) and not isinstance(value, bool) else repr(value)

    assert same(one, other) == (plain(one) == plain(other))

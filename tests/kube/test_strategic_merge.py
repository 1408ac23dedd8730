"""Strategic merge patches: the cases of Kubernetes' documentation, what real kubectl sends, and a differ's patches."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgesim.config.patches import PatchError
from edgesim.dialects.kinds import Kind, find_kind
from edgesim.kube.strategic_merge import strategic_merge

Manifest = dict[str, Any]


def _kind(word: str) -> Kind:
    kind = find_kind(word)
    assert kind is not None
    return kind


_DEPLOYMENT = _kind("deployment")


def _pods(**spec: Any) -> Manifest:
    return {"spec": {"template": {"spec": spec}}}


def _containers(*names: str) -> list[Manifest]:
    return [{"name": name, "image": f"{name}:1"} for name in names]


def _patched(spec: Manifest, patch: Manifest) -> Manifest:
    merged: Manifest = strategic_merge(_pods(**spec), _pods(**patch), _DEPLOYMENT)["spec"]["template"]["spec"]
    return merged


@pytest.mark.parametrize(
    ("before", "patch", "after"),
    [
        # A container is found by its name; a new one comes first, as `kubectl patch` shows it.
        (
            {"containers": _containers("a")},
            {"containers": [{"name": "b", "image": "b:1"}]},
            {"containers": _containers("b", "a")},
        ),
        (
            {"containers": _containers("a", "b")},
            {"containers": [{"name": "b", "image": "b:2"}]},
            {"containers": [{"name": "a", "image": "a:1"}, {"name": "b", "image": "b:2"}]},
        ),
        # Tolerations have no merge key.
        (
            {"tolerations": [{"key": "a"}]},
            {"tolerations": [{"key": "b"}]},
            {"tolerations": [{"key": "b"}]},
        ),
        # Environment, ports and mounts inside a container merge, too.
        (
            {"containers": [{"name": "a", "env": [{"name": "X", "value": "1"}], "ports": [{"containerPort": 80}]}]},
            {
                "containers": [
                    {
                        "name": "a",
                        "env": [{"name": "Y", "value": "2"}],
                        "ports": [{"containerPort": 80, "name": "http"}],
                        "volumeMounts": [{"mountPath": "/etc", "name": "v"}],
                    }
                ]
            },
            {
                "containers": [
                    {
                        "name": "a",
                        "env": [{"name": "Y", "value": "2"}, {"name": "X", "value": "1"}],
                        "ports": [{"containerPort": 80, "name": "http"}],
                        "volumeMounts": [{"mountPath": "/etc", "name": "v"}],
                    }
                ]
            },
        ),
        # Deleting an item.
        (
            {"containers": _containers("a", "b")},
            {"containers": [{"name": "a", "$patch": "delete"}]},
            {"containers": _containers("b")},
        ),
        # Replacing the list.
        (
            {"containers": _containers("a", "b")},
            {"containers": [{"$patch": "replace"}, {"name": "c", "image": "c:1"}]},
            {"containers": _containers("c")},
        ),
        # Order: what it names comes so, what the server alone has stays where it stood.
        (
            {"containers": _containers("a", "x", "b")},
            {"$setElementOrder/containers": [{"name": "b"}, {"name": "a"}]},
            {"containers": _containers("x", "b", "a")},
        ),
        (
            {"containers": _containers("x", "a", "b")},
            {
                "$setElementOrder/containers": [{"name": "a"}, {"name": "c"}, {"name": "b"}],
                "containers": [{"name": "c", "image": "c:1"}],
            },
            {"containers": _containers("x", "a", "c", "b")},
        ),
        # One kind of volume becomes another.
        (
            {"volumes": [{"name": "v", "emptyDir": {}}]},
            {"volumes": [{"name": "v", "$retainKeys": ["name", "secret"], "secret": {"secretName": "s"}}]},
            {"volumes": [{"name": "v", "secret": {"secretName": "s"}}]},
        ),
        # An order or a deletion of what is not there makes nothing.
        ({}, {"$setElementOrder/containers": [{"name": "a"}]}, {}),
        # null removes, in what is new as well.
        ({"hostname": "h"}, {"hostname": None, "dnsConfig": {"nameservers": None}}, {"dnsConfig": {}}),
        # A map that is replaced, one that is emptied, one that is merged by name.
        (
            {"securityContext": {"a": 1}},
            {"securityContext": {"$patch": "replace", "b": 2}},
            {"securityContext": {"b": 2}},
        ),
        ({"securityContext": {"a": 1}}, {"securityContext": {"$patch": "delete"}}, {"securityContext": {}}),
        (
            {"securityContext": {"a": 1}},
            {"securityContext": {"$patch": "merge", "b": 2}},
            {"securityContext": {"a": 1, "b": 2}},
        ),
        ({"hostname": ["odd"]}, {"hostname": {"a": None, "b": 1}}, {"hostname": {"b": 1}}),
    ],
)
def test_what_a_patch_makes_of_a_pod_template(before: Manifest, patch: Manifest, after: Manifest) -> None:
    """Lists merge by key, and every directive does what Kubernetes' documentation says."""
    assert _patched(before, patch) == after


def test_a_strategy_changes_with_retain_keys() -> None:
    """`kubectl patch` of a Deployment's strategy to Recreate drops the parameters of the rolling update."""
    before = {"spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}}}
    patch = {"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}}
    assert strategic_merge(before, patch, _DEPLOYMENT) == {"spec": {"strategy": {"type": "Recreate"}}}


def test_finalizers_are_a_set() -> None:
    """Finalizers are added once, and deleted by value."""
    before = {"metadata": {"finalizers": ["a", "b"]}}
    added = strategic_merge(before, {"metadata": {"finalizers": ["b", "c"]}}, _DEPLOYMENT)
    assert sorted(added["metadata"]["finalizers"]) == ["a", "b", "c"]
    deleted = strategic_merge(before, {"metadata": {"$deleteFromPrimitiveList/finalizers": ["a"]}}, _DEPLOYMENT)
    assert deleted == {"metadata": {"finalizers": ["b"]}}


@pytest.mark.parametrize(
    ("word", "field", "before", "item", "after"),
    [
        ("service", "ports", [{"port": 80, "name": "a"}], {"port": 80, "targetPort": 1}, 1),
        ("service", "ports", [{"port": 80, "name": "a"}], {"port": 81}, 2),
        ("pod", "hostAliases", [{"ip": "1.1.1.1"}], {"ip": "1.1.1.1", "hostnames": ["h"]}, 1),
        ("pod", "imagePullSecrets", [{"name": "a"}], {"name": "b"}, 2),
        ("pod", "ephemeralContainers", [{"name": "a"}], {"name": "a", "image": "i"}, 1),
        ("pod", "topologySpreadConstraints", [{"topologyKey": "a"}], {"topologyKey": "a", "maxSkew": 2}, 1),
        ("pod", "tolerations", [{"key": "a"}, {"key": "b"}], {"key": "c"}, 1),
    ],
)
def test_merge_keys(word: str, field: str, before: list[Manifest], item: Manifest, after: int) -> None:
    """Each list is merged by its own key, and one without is replaced."""
    merged = strategic_merge({"spec": {field: before}}, {"spec": {field: [item]}}, _kind(word))["spec"][field]
    assert len(merged) == after
    assert any(item.items() <= found.items() for found in merged)


@pytest.mark.parametrize(
    ("patch", "message"),
    [
        ({"containers": [{"image": "x"}]}, "map: map[image:x] does not contain declared merge key: name"),
        (
            {"containers": [{"$patch": "delete"}]},
            "map: map[$patch:delete] does not contain declared merge key: name",
        ),
        ({"containers": ["x"]}, "expected a map, but received a string"),
        ({"containers": [["x"]]}, "expected a map, but received a slice"),
        ({"containers": [{"name": "a", "$patch": "x"}]}, "unknown patch type: x in map: map[$patch:x name:a]"),
        ({"$patch": {}, "a": [True, None]}, "unknown patch type: map[] in map: map[$patch:map[] a:[true <nil>]]"),
        ({"$retainKeys": "x"}, "invalid patch format of retainKeys"),
        ({"$retainKeys": ["a"], "b": 1}, "patch content doesn't match retainKeys list"),
        ({"$setElementOrder/containers": {}}, "invalid patch format of setElementOrder list"),
        ({"$deleteFromPrimitiveList/containers": 1}, "invalid patch format of primitive list"),
        (
            {"$setElementOrder/containers": [{"name": "b"}], "containers": [{"name": "a"}]},
            "the order in patch list:\n[map[name:a]]\n doesn't match $setElementOrder list:\n[map[name:b]]",
        ),
    ],
)
def test_patches_that_are_none(patch: Manifest, message: str) -> None:
    """A patch that says nothing sensible is refused with Kubernetes' words."""
    with pytest.raises(PatchError) as refusal:
        _patched({"containers": _containers("a")}, patch)
    assert str(refusal.value) == message


def test_a_patch_of_great_depth_is_refused() -> None:
    """A patch nested thousands deep is refused, not a traceback."""
    patch: Manifest = {}
    for _ in range(5000):
        patch = {"a": patch}
    with pytest.raises(PatchError, match="nested too deeply"):
        strategic_merge({}, patch, _DEPLOYMENT)


_values = st.text("xyz", max_size=2)
_env = st.lists(st.sampled_from("ABC"), unique=True, max_size=3).flatmap(
    lambda names: st.tuples(*(st.fixed_dictionaries({"name": st.just(name), "value": _values}) for name in names))
)
_container = st.fixed_dictionaries({"image": _values}, optional={"env": _env.map(list), "tty": st.booleans()})
_specs = st.fixed_dictionaries(
    {
        "containers": st.permutations(["a", "b", "c", "d"]).flatmap(
            lambda names: st.lists(_container, max_size=4).map(
                lambda found: [{"name": name, **item} for name, item in zip(names, found, strict=False)]
            )
        )
    },
    optional={"hostname": _values, "tolerations": st.lists(st.fixed_dictionaries({"key": _values}), max_size=2)},
)


def _map_patch(before: Manifest, after: Manifest) -> Manifest:
    """Make the patch that kubectl would make: only what differs, with the order of every list that merges."""
    patch: Manifest = {name: None for name in before if name not in after}
    for name, value in after.items():
        if name in {"containers", "env"} and name in before:
            patch |= _list_patch(name, before[name], value)
        elif before.get(name) != value:
            patch[name] = value
    return patch


def _list_patch(name: str, before: list[Manifest], after: list[Manifest]) -> Manifest:
    old = {item["name"]: item for item in before}
    changed = [
        {"name": item["name"], **_map_patch(old.get(item["name"], {}), item)}
        for item in after
        if item != old.get(item["name"])
    ]
    gone = [{"name": key, "$patch": "delete"} for key in old if key not in {item["name"] for item in after}]
    return {name: [*changed, *gone], f"$setElementOrder/{name}": [{"name": item["name"]} for item in after]}


@given(_specs, _specs)
def test_the_patch_of_a_differ_leads_to_the_wanted_object(before: Manifest, after: Manifest) -> None:
    """What a differ writes down as the way from one object to another leads there, order included."""
    assert _patched(before, _map_patch(before, after)) == after


@given(_specs, _specs)
def test_a_patch_twice_is_once_and_its_input_is_kept(before: Manifest, patch: Manifest) -> None:
    """Applying a patch again changes nothing, and neither target nor patch is changed."""
    kept = copy.deepcopy((before, patch))
    once = _patched(before, patch)
    assert _patched(once, patch) == once
    assert (before, patch) == kept

"""Server-side apply: ownership, conflicts, force, and what goes when it is no longer applied."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgesim.config.patches import PatchError
from edgesim.dialects.kinds import Kind
from edgesim.kube.managed_fields import updated_managed
from edgesim.kube.server_side_apply import LAST_APPLIED, Applied, FieldConflictError, apply_patch
from tests.kube.ownership import CONFIG_MAP, DEPLOYMENT, ROUTE_TABLE, containers, deployment, owned

Manifest = dict[str, Any]

_NOW = "2026-01-02T03:04:05Z"
_LATER = "2026-01-02T03:04:06Z"


def _applied(
    before: Applied | None, config: Manifest, manager: str = "me", kind: Kind = DEPLOYMENT, *, force: bool = False
) -> Applied:
    live, managed = (before.manifest, before.managed) if before else (None, ())
    now = _LATER if before else _NOW
    return apply_patch(live, managed, config, manager, kind, force=force, now=now)


def _names(found: Applied) -> list[str]:
    return [item["name"] for item in found.manifest["spec"]["template"]["spec"]["containers"]]


def test_an_apply_creates_what_is_absent() -> None:
    """Applying what does not exist makes it, owned by its manager."""
    config = deployment({"replicas": 2, "paused": None}, creationTimestamp=None)
    found = _applied(None, config)
    assert found.manifest == deployment({"replicas": 2})
    assert owned(found.managed) == {"me": {".spec.replicas"}}
    assert found.managed[0]["operation"] == "Apply"
    assert found.managed[0]["time"] == _NOW


def test_an_apply_again_changes_nothing() -> None:
    """The same configuration again gives the same object and the same entries, time included."""
    config = deployment({"replicas": 2, **containers({"name": "a", "image": "1"})}, labels={"a": "b"})
    once = _applied(None, config)
    assert _applied(once, config) == once


def test_what_is_no_longer_applied_goes() -> None:
    """A field, an item of a list and a label go when their manager applies them no longer; the rest stays."""
    both = containers({"name": "a", "image": "1"}, {"name": "b", "image": "2"})
    one = containers({"name": "a", "image": "1"})
    first = _applied(None, deployment({"replicas": 2, **both}, labels={"a": "b", "c": "d"}))
    second = _applied(first, deployment(one, labels={"a": "b"}))
    assert second.manifest == deployment(one, labels={"a": "b"})


def test_a_probe_goes_with_its_defaults() -> None:
    """A map that is no longer applied goes with what the server had filled in."""
    probe = {"name": "a", "livenessProbe": {"httpGet": {"path": "/"}}}
    first = _applied(None, deployment(containers(probe)))
    filled = copy.deepcopy(first.manifest)
    filled["spec"]["template"]["spec"]["containers"][0]["livenessProbe"]["periodSeconds"] = 10
    second = _applied(Applied(filled, first.managed), deployment(containers({"name": "a"})))
    assert second.manifest == deployment(containers({"name": "a"}))


def test_annotations_of_controllers_stay() -> None:
    """What a controller wrote beside an annotation that goes stays."""
    first = _applied(None, deployment(annotations={"a": "b"}))
    revised = deployment(annotations={"a": "b", "deployment.kubernetes.io/revision": "1"})
    second = _applied(Applied(revised, first.managed), deployment({"replicas": 1}))
    assert second.manifest["metadata"]["annotations"] == {"deployment.kubernetes.io/revision": "1"}
    gone = _applied(first, deployment({"replicas": 1}))
    assert "annotations" not in gone.manifest["metadata"]
    assert gone.manifest["metadata"]["name"] == "echo"


def test_items_that_others_applied_stay_in_their_place() -> None:
    """Another manager's container stays before the one it stood before; the applied order wins among the applied."""
    mine = _applied(None, deployment(containers({"name": "a"}, {"name": "b"})))
    with_theirs = _applied(mine, deployment(containers({"name": "a"}, {"name": "x"}, {"name": "b"})), "other")
    assert _names(with_theirs) == ["a", "x", "b"]
    again = _applied(with_theirs, deployment(containers({"name": "b"}, {"name": "a"}, {"name": "c"})))
    assert _names(again) == ["x", "b", "a", "c"]
    assert _names(_applied(again, deployment(containers({"name": "c"})))) == ["x", "b", "a", "c"]


def test_what_became_another_type_meanwhile_stays() -> None:
    """A map that somebody made a text, and that is no longer applied, is not looked into."""
    first = _applied(None, {"metadata": {"name": "r"}, "spec": {"a": {"b": 1, "c": 2}}}, kind=ROUTE_TABLE)
    live = {"metadata": {"name": "r"}, "spec": {"a": "text"}}
    managed = (*first.managed, *updated_managed({}, (), live, "other", _NOW, ROUTE_TABLE))
    second = _applied(Applied(live, managed), {"metadata": {"name": "r"}, "spec": {"d": 1}}, kind=ROUTE_TABLE)
    assert second.manifest["spec"] == {"a": "text", "d": 1}


def test_ports_are_told_apart_by_protocol() -> None:
    """A port without protocol is the TCP one of that number; the UDP one is another."""
    ports = [{"containerPort": 53, "protocol": "UDP"}, {"containerPort": 53, "protocol": "TCP"}]
    first = _applied(None, deployment(containers({"name": "a", "ports": ports})))
    named = [{"containerPort": 53, "name": "dns"}]
    second = _applied(first, deployment(containers({"name": "a", "ports": named})), "other")
    found = second.manifest["spec"]["template"]["spec"]["containers"][0]["ports"]
    assert found == [ports[0], {"containerPort": 53, "protocol": "TCP", "name": "dns"}]


def test_equal_values_are_shared() -> None:
    """Two managers that apply the same value own it both, and it goes only when neither applies it."""
    first = _applied(None, deployment({"replicas": 2}))
    shared = _applied(first, deployment({"replicas": 2}), "other")
    assert owned(shared.managed) == {"me": {".spec.replicas"}, "other": {".spec.replicas"}}
    left = _applied(shared, deployment({"paused": True}))
    assert left.manifest["spec"] == {"replicas": 2, "paused": True}
    assert _applied(left, deployment(), "other").manifest["spec"] == {"paused": True}


def test_one_conflict_is_told_as_kubernetes_tells_it() -> None:
    """A field that another manager has otherwise is a conflict, with Kubernetes' message and cause."""
    before = deployment({"replicas": 1})
    managed = updated_managed(None, (), before, "kubectl-client-side-apply", _NOW, DEPLOYMENT)
    with pytest.raises(FieldConflictError) as conflict:
        _applied(Applied(before, managed), deployment({"replicas": 2}))
    assert str(conflict.value) == (
        'Apply failed with 1 conflict: conflict with "kubectl-client-side-apply" using apps/v1: .spec.replicas'
    )
    assert [found.cause for found in conflict.value.conflicts] == [
        {
            "reason": "FieldManagerConflict",
            "message": 'conflict with "kubectl-client-side-apply" using apps/v1',
            "field": ".spec.replicas",
        }
    ]


def test_several_conflicts_are_grouped_by_manager() -> None:
    """Several conflicts are listed below the manager they are with: appliers, updaters, and those of subresources."""
    first = _applied(None, deployment({"paused": True, **containers({"name": "a", "image": "1"})}), "helm")
    scaled = {**first.manifest, "spec": {**first.manifest["spec"], "replicas": 3}}
    managed = updated_managed(first.manifest, first.managed, scaled, "kubectl", _LATER, DEPLOYMENT, "scale")
    config = deployment({"paused": False, "replicas": 1, **containers({"name": "a", "image": "2"})})
    with pytest.raises(FieldConflictError) as conflict:
        _applied(Applied(scaled, managed), config)
    assert str(conflict.value) == (
        'Apply failed with 3 conflicts: conflicts with "helm":\n'
        "- .spec.paused\n"
        '- .spec.template.spec.containers[name="a"].image\n'
        'conflicts with "kubectl" with subresource "scale" using apps/v1:\n'
        "- .spec.replicas"
    )


def test_force_takes_what_is_in_conflict() -> None:
    """A forced apply sets the values and takes those fields, and only those, from the others."""
    first = _applied(None, deployment({"replicas": 1, "paused": True}))
    forced = _applied(first, deployment({"replicas": 2}), "other", force=True)
    assert forced.manifest["spec"] == {"replicas": 2, "paused": True}
    assert owned(forced.managed) == {"me": {".spec.paused"}, "other": {".spec.replicas"}}
    with pytest.raises(FieldConflictError):
        _applied(forced, deployment({"replicas": 1, "paused": True}))


def test_routes_of_a_custom_kind_are_one_field() -> None:
    """The list of a RouteTable's routes belongs to one manager whole."""
    first = _applied(None, {"metadata": {"name": "r"}, "spec": {"routes": [{"a": 1}]}}, kind=ROUTE_TABLE)
    with pytest.raises(FieldConflictError, match=r'conflict with "me": \.spec\.routes$'):
        _applied(first, {"metadata": {"name": "r"}, "spec": {"routes": [{"a": 1}, {"b": 1}]}}, "x", ROUTE_TABLE)


def test_a_selector_is_one_field() -> None:
    """A Deployment's selector is replaced whole."""
    first = _applied(None, deployment({"selector": {"matchLabels": {"a": "b"}}}))
    second = _applied(first, deployment({"selector": {"matchLabels": {"c": "d"}}}))
    assert second.manifest["spec"]["selector"] == {"matchLabels": {"c": "d"}}


def test_what_nobody_owned_belongs_to_before_first_apply() -> None:
    """The first apply on an object without entries says who had the rest, as Kubernetes does."""
    live = deployment({"replicas": 1, "paused": True})
    same = _applied(Applied(live, ()), deployment({"replicas": 1}))
    assert owned(same.managed) == {"before-first-apply*": {".spec.replicas", ".spec.paused"}, "me": {".spec.replicas"}}
    with pytest.raises(FieldConflictError, match=r'"before-first-apply" using apps/v1: \.spec\.replicas'):
        _applied(Applied(live, ()), deployment({"replicas": 2}))


def _client_side(spec: Manifest, live_spec: Manifest | None = None) -> Applied:
    last = json.dumps(deployment(spec, annotations={}), separators=(",", ":")) + "\n"
    manifest = deployment(spec, annotations={LAST_APPLIED: last})
    managed = updated_managed(None, (), manifest, "kubectl-client-side-apply", _NOW, DEPLOYMENT)
    return Applied(manifest if live_spec is None else {**manifest, "spec": live_spec}, managed)


def test_kubectl_takes_over_its_own_client_side_applies() -> None:
    """`kubectl apply --server-side` after `kubectl apply` has no conflict, and the annotation follows."""
    found = _applied(_client_side({"replicas": 1}), deployment({"replicas": 2}), "kubectl")
    assert found.manifest["spec"] == {"replicas": 2}
    assert json.loads(found.manifest["metadata"]["annotations"][LAST_APPLIED])["spec"] == {"replicas": 2}
    assert owned(found.managed)["kubectl"] == {".spec.replicas"}
    assert ".spec.replicas" not in owned(found.managed)["kubectl-client-side-apply*"]
    assert _applied(found, deployment({"replicas": 2}), "kubectl") == found


def test_others_do_not_take_over_client_side_applies() -> None:
    """Another manager, and a field that was changed since the client-side apply, are conflicts."""
    with pytest.raises(FieldConflictError):
        _applied(_client_side({"replicas": 1}), deployment({"replicas": 2}), "argocd")
    with pytest.raises(FieldConflictError):
        _applied(_client_side({"replicas": 1}, {"replicas": 5}), deployment({"replicas": 2}), "kubectl")


@pytest.mark.parametrize("annotation", ["{", "[]", "[" * 5000])
def test_an_annotation_that_is_no_json_allows_nothing(annotation: str) -> None:
    """A broken last-applied annotation neither breaks the apply nor allows it."""
    live = deployment({"replicas": 1}, annotations={LAST_APPLIED: annotation})
    with pytest.raises(FieldConflictError):
        _applied(Applied(live, ()), deployment({"replicas": 2}), "kubectl")


def test_the_migration_of_kubectl_leads_to_one_owner() -> None:
    """After kubectl rewrote the entries itself, what is no longer applied goes."""
    before = _client_side({"replicas": 1, "paused": True})
    migrated = [{**entry, "manager": "kubectl", "operation": "Apply"} for entry in before.managed]
    body = copy.deepcopy(before.manifest)
    body["metadata"]["managedFields"] = migrated
    managed = updated_managed(before.manifest, before.managed, body, "kubectl", _LATER, DEPLOYMENT)
    found = _applied(Applied(before.manifest, managed), deployment({"replicas": 1}), "kubectl")
    assert found.manifest["spec"] == {"replicas": 1}
    assert owned(found.managed) == {"kubectl": {".spec.replicas"}}


def test_the_status_is_applied_at_its_endpoint_only() -> None:
    """An apply at the main endpoint drops a built-in kind's status, one at `/status` drops the spec."""
    config = {**deployment({"replicas": 1}), "status": {"replicas": 1}}
    main = _applied(None, config)
    assert main.manifest == deployment({"replicas": 1})
    status = apply_patch(
        main.manifest, main.managed, config, "me", DEPLOYMENT, force=False, now=_LATER, subresource="status"
    )
    assert status.manifest == config
    assert owned(status.managed) == {"me": {".spec.replicas"}, "me/status": {".status.replicas"}}


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (
            containers({"image": "x"}),
            'element 0: associative list with keys has an element that omits key field "name" (and doesn\'t have default value)',
        ),
        (
            containers({"name": "a"}, {"name": "a"}),
            '.spec.template.spec.containers: duplicate entries for key [name="a"]',
        ),
        ({"template": {"spec": {"containers": ["x"]}}}, "may not have non-map elements"),
        (
            containers({"name": "a", "ports": [{"containerPort": 1}, {"containerPort": 1, "protocol": "TCP"}]}),
            '[name="a"].ports: duplicate entries for key [containerPort=1,protocol="TCP"]',
        ),
    ],
)
def test_configurations_that_cannot_be_applied(spec: Manifest, message: str) -> None:
    """An item without its key, or two of one key, is refused with Kubernetes' words."""
    with pytest.raises(PatchError) as refusal:
        _applied(None, deployment(spec))
    assert message in str(refusal.value)
    assert str(refusal.value).startswith("failed to create typed patch object (echo/echo; apps/v1, Kind=Deployment): ")


def test_which_object_is_meant_is_passed_on_and_not_owned() -> None:
    """A uid and a resourceVersion in a configuration stay for the server to compare, and nobody owns them."""
    first = _applied(None, deployment({"replicas": 1}))
    found = _applied(first, deployment({"replicas": 1}, uid="u", resourceVersion="7", generation=9))
    assert found.manifest["metadata"] == {"name": "echo", "namespace": "echo", "uid": "u", "resourceVersion": "7"}
    assert owned(found.managed) == {"me": {".spec.replicas"}}


def test_odd_configurations_are_refused() -> None:
    """Entries in the configuration, metadata that is none, and endless nesting are refused."""
    with pytest.raises(PatchError, match=r"^metadata\.managedFields must be nil$"):
        _applied(None, deployment(managedFields=[{"manager": "x"}]))
    with pytest.raises(PatchError, match="metadata must be an object"):
        _applied(None, {"metadata": []})
    deep: Manifest = {}
    for _ in range(5000):
        deep = {"a": deep}
    with pytest.raises(PatchError, match="nested too deeply"):
        _applied(None, deployment(deep))


# --- a plain model: each field has a value and its owners ---------------------------------------------

_data = st.dictionaries(st.sampled_from("abcd"), st.sampled_from("xy"), max_size=4)
_steps = st.lists(st.tuples(st.sampled_from(["p", "q", "r*"]), _data, st.booleans()), min_size=1, max_size=8)
Model = dict[str, tuple[str, frozenset[str]]]


def _model_apply(model: Model, manager: str, data: dict[str, str]) -> Model:
    """Do to the model what a forced apply does."""
    after: Model = {}
    for key, (value, owners) in model.items():
        left = owners - {manager} if key not in data else owners
        if key in data or left or not owners:
            after[key] = (value, left)
    for key, value in data.items():
        there = after.get(key)
        after[key] = (value, (there[1] if there and there[0] == value else frozenset()) | {manager})
    return after


def _model_update(model: Model, manager: str, data: dict[str, str]) -> Model:
    """Do to the model what a put does."""
    return {
        key: model[key] if key in model and model[key][0] == value else (value, frozenset({manager}))
        for key, value in data.items()
    }


def _config(data: dict[str, str]) -> Manifest:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": data}


def _stepped(live: Applied, manager: str, data: dict[str, str]) -> Applied:
    if manager.endswith("*"):
        after = _config(data)
        managed = updated_managed(live.manifest, live.managed, after, manager[:-1], _LATER, CONFIG_MAP)
        return Applied(after, managed)
    return _applied(live, _config(data), manager, CONFIG_MAP, force=True)


def _owners(managed: Iterable[Any]) -> set[tuple[str, str]]:
    return {(name, path) for name, paths in owned(managed).items() for path in paths if path != ".data"}


@given(_steps)
def test_applies_and_updates_follow_a_plain_model(steps: list[tuple[str, dict[str, str], bool]]) -> None:
    """Any series of forced applies and updates leaves the values and the owners that a plain model leaves."""
    first = _config({})
    live = Applied(first, updated_managed(None, (), first, "r", _NOW, CONFIG_MAP))
    model: Model = {}
    for manager, data, _ in steps:
        live = _stepped(live, manager, data)
        model = (_model_update if manager.endswith("*") else _model_apply)(model, manager, data)
        assert live.manifest.get("data", {}) == {key: value for key, (value, _) in model.items()}
        assert _owners(live.managed) == {(name, f".data.{key}") for key, (_, names) in model.items() for name in names}


def _tried(live: Applied, data: dict[str, str]) -> tuple[Applied | None, set[str]]:
    """Apply as `p` without force; return what it made, or the fields in conflict."""
    try:
        return _applied(live, _config(data), "p", CONFIG_MAP), set()
    except FieldConflictError as error:
        return None, {conflict.cause["field"] for conflict in error.conflicts}


@given(_steps, _data)
def test_an_apply_without_force_succeeds_or_changes_nothing(
    steps: list[tuple[str, dict[str, str], bool]], data: dict[str, str]
) -> None:
    """Without force it ends as with force, or in conflicts that are exactly the others' fields of other values."""
    live = Applied(_config({}), ())
    for manager, wanted, _ in steps:
        live = _stepped(live, manager, wanted)
    kept = copy.deepcopy(live)
    theirs = {path for name, path in _owners(live.managed) if name != "p"}
    there = live.manifest.get("data", {})
    expected = {f".data.{k}" for k, value in data.items() if f".data.{k}" in theirs and there[k] != value}
    found, conflicts = _tried(live, data)
    assert conflicts == expected
    assert found is None or found == _applied(live, _config(data), "p", CONFIG_MAP, force=True)
    assert live == kept


_items = st.lists(st.sampled_from("abc"), unique=True, max_size=3).flatmap(
    lambda names: st.lists(st.sampled_from("12"), min_size=3, max_size=3).map(
        lambda images: [{"name": name, "image": image} for name, image in zip(names, images, strict=False)]
    )
)


@given(_items, _items, _items)
def test_after_force_what_was_applied_stands_and_is_repeatable(
    one: list[Any], two: list[Any], three: list[Any]
) -> None:
    """After a forced apply its items stand as said, in that order; nobody else owns a value it changed; twice is once."""
    live = _applied(None, deployment(containers(*one)), "p")
    live = _applied(live, deployment(containers(*two)), "q", force=True)
    found = _applied(live, deployment(containers(*three)), "p", force=True)
    there = found.manifest["spec"].get("template", {}).get("spec", {}).get("containers", [])
    assert [item for item in there if item in three] == three
    assert {item["name"] for item in there} == {item["name"] for item in (*two, *three)}
    changed = [item for item in three if item["name"] in {i["name"] for i in two} and item not in two]
    images = {f'.spec.template.spec.containers[name="{item["name"]}"].image' for item in changed}
    assert not images & owned(found.managed).get("q", set())
    assert _applied(found, deployment(containers(*three)), "p") == found

"""Who owns what after creates, puts and patches."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgesim.config.patches import PatchError
from edgesim.kube.managed_fields import decode_managed, encode_managed, updated_managed
from tests.kube.ownership import CONFIG_MAP, DEPLOYMENT, ROUTE_TABLE, containers, deployment, owned

Manifest = dict[str, Any]
Managed = tuple[dict[str, Any], ...]

_NOW = "2026-01-02T03:04:05Z"
_LATER = "2026-01-02T03:04:06Z"


def _created(manifest: Manifest, manager: str = "kubectl-create") -> Managed:
    return updated_managed(None, (), manifest, manager, _NOW, DEPLOYMENT)


def test_a_create_owns_what_it_says() -> None:
    """What creates a Deployment owns everything it wrote, as `kubectl get --show-managed-fields` prints it."""
    manifest = deployment(
        {
            "replicas": 2,
            "selector": {"matchLabels": {"a": "b"}},
            **containers({"name": "c", "image": "i", "ports": [{"containerPort": 80, "protocol": "TCP"}]}),
        },
        labels={"a": "b"},
    )
    item: Manifest = {
        ".": {},
        "f:image": {},
        "f:name": {},
        "f:ports": {
            ".": {},
            'k:{"containerPort":80,"protocol":"TCP"}': {".": {}, "f:containerPort": {}, "f:protocol": {}},
        },
    }
    assert _created(manifest) == (
        {
            "manager": "kubectl-create",
            "operation": "Update",
            "apiVersion": "apps/v1",
            "time": _NOW,
            "fieldsType": "FieldsV1",
            "fieldsV1": {
                "f:metadata": {"f:labels": {".": {}, "f:a": {}}},
                "f:spec": {
                    "f:replicas": {},
                    "f:selector": {},
                    "f:template": {"f:spec": {"f:containers": {'k:{"name":"c"}': item}}},
                },
            },
        },
    )


def test_a_change_takes_the_field_from_its_owner() -> None:
    """`kubectl scale` takes the replicas from whoever had them, and nothing else."""
    before, after = deployment({"replicas": 1, "paused": True}), deployment({"replicas": 2, "paused": True})
    managed = updated_managed(before, _created(before), after, "kubectl", _LATER, DEPLOYMENT, "scale")
    assert owned(managed) == {"kubectl-create*": {".spec.paused"}, "kubectl*/scale": {".spec.replicas"}}


def test_who_owns_nothing_any_more_is_not_listed() -> None:
    """A manager whose last field was changed or removed by others vanishes."""
    before, after = deployment({"replicas": 1}), deployment({"replicas": 2})
    managed = updated_managed(before, _created(before), after, "b", _LATER, DEPLOYMENT)
    assert owned(managed) == {"b*": {".spec.replicas"}}
    assert updated_managed(after, managed, deployment(), "c", _LATER, DEPLOYMENT) == ()


def test_one_manager_has_one_entry() -> None:
    """Further updates by the same manager go into its entry, with the time of the last."""
    before, after = deployment({"replicas": 1}), deployment({"replicas": 1, "paused": True})
    managed = updated_managed(before, _created(before), after, "kubectl-create", _LATER, DEPLOYMENT)
    assert owned(managed) == {"kubectl-create*": {".spec.replicas", ".spec.paused"}}
    assert managed[0]["time"] == _LATER


def test_a_write_that_changes_nothing_changes_no_time() -> None:
    """The same object written again leaves the entries as they are, even written otherwise than we write them."""
    manifest = deployment({"replicas": 1})
    managed = tuple({"subresource": "", **entry} for entry in _created(manifest))
    assert updated_managed(manifest, managed, manifest, "another", _LATER, DEPLOYMENT) == managed


def test_a_controllers_status_has_an_entry_of_its_own() -> None:
    """What writes the status owns it under that subresource; a write of the main object never owns status."""
    before = deployment({"replicas": 1})
    after = {**before, "status": {"replicas": 1, "conditions": [{"type": "Available", "status": "True"}]}}
    managed = updated_managed(before, _created(before), after, "edgesim", _LATER, DEPLOYMENT, "status")
    assert owned(managed) == {
        "kubectl-create*": {".spec.replicas"},
        "edgesim*/status": {
            ".status.replicas",
            ".status.conditions",
            '.status.conditions[type="Available"]',
            '.status.conditions[type="Available"].type',
            '.status.conditions[type="Available"].status',
        },
    }
    assert updated_managed(after, managed, before, "other", _LATER, DEPLOYMENT) == managed


def test_a_custom_kinds_status_is_written_at_the_main_endpoint() -> None:
    """Gloo's kinds have no status endpoint: what writes the status owns it plainly."""
    before: Manifest = {"metadata": {"name": "r"}, "spec": {}}
    after = {**before, "status": {"state": "Accepted"}}
    managed = updated_managed(before, (), after, "gloo", _NOW, ROUTE_TABLE)
    assert owned(managed) == {"gloo*": {".status", ".status.state"}}


def test_managed_fields_of_a_body_replace() -> None:
    """A client may write the entries itself, as kubectl does on its way to server-side apply."""
    before = deployment({"replicas": 1})
    managed = _created(before, "kubectl-client-side-apply")
    migrated = [{**managed[0], "manager": "kubectl", "operation": "Apply"}]
    after = deployment({"replicas": 1}, managedFields=migrated)
    result = updated_managed(before, managed, after, "kubectl-patch", _LATER, DEPLOYMENT)
    assert owned(result) == {"kubectl": {".spec.replicas"}}
    assert result[0]["time"] == _NOW


@pytest.mark.parametrize("given_", [[], [{}]])
def test_empty_managed_fields_forget(given_: list[Any]) -> None:
    """A body with empty managedFields, or one empty entry, takes all ownership away."""
    before = deployment({"replicas": 1})
    after = deployment({"replicas": 1}, managedFields=given_)
    assert updated_managed(before, _created(before), after, "x", _LATER, DEPLOYMENT) == ()


@pytest.mark.parametrize("given_", [None, "x", [1], [{"operation": "Eat"}], [{"operation": "Apply", "manager": 1}]])
def test_managed_fields_that_are_none_are_not_taken(given_: Any) -> None:
    """Entries in a body that cannot be read leave those of the object."""
    before = deployment({"replicas": 1})
    after = deployment({"replicas": 1}, managedFields=given_)
    assert updated_managed(before, _created(before), after, "x", _LATER, DEPLOYMENT) == _created(before)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (1, "an entry must be an object"),
        ({"operation": "Eat"}, "operation must be"),
        ({"operation": "Apply", "fieldsType": "FieldsV2"}, "fieldsType must be"),
        ({"operation": "Apply", "manager": {}, "fieldsV1": {}}, None),
        ({"operation": "Apply", "time": 1}, "time must be a string"),
        ({"operation": "Apply", "fieldsV1": {"x": {}}}, "no path element"),
    ],
)
def test_entries_that_are_none(entry: Any, message: str | None) -> None:
    """An entry that cannot be read is refused with its reason; an empty manager is a manager."""
    if message is None:
        assert decode_managed([entry])[0].manager == ""
        return
    with pytest.raises(PatchError, match=message):
        decode_managed([entry])


def test_old_updates_of_many_managers_become_one_entry() -> None:
    """Beyond ten updaters, the oldest are kept together as `ancient-changes`."""
    before: Manifest = {"metadata": {"name": "c"}, "data": {}}
    managed: Managed = ()
    for number in range(13):
        after = {**before, "data": {**before["data"], f"k{number}": "v"}}
        managed = updated_managed(before, managed, after, f"m{number}", f"2026-01-02T03:04:{number:02}Z", CONFIG_MAP)
        before = after
    entries = owned(managed)
    assert len(entries) == 10
    assert entries["ancient-changes*"] == {".data.k0", ".data.k1", ".data.k2", ".data.k3"}
    assert entries["m12*"] == {".data.k12"}


_data = st.dictionaries(st.sampled_from("abcd"), st.sampled_from("xy"), max_size=4)


@given(st.lists(st.tuples(st.sampled_from(["p", "q"]), _data), min_size=1, max_size=6))
def test_each_field_belongs_to_who_changed_it_last(writes: list[tuple[str, dict[str, str]]]) -> None:
    """After any series of updates, exactly the fields there are have owners, each the one who changed it last."""
    before: Manifest | None = None
    managed: Managed = ()
    last: dict[str, str] = {}
    for manager, data in writes:
        earlier = before["data"] if before else {}
        last = {key: last[key] if earlier.get(key) == value else manager for key, value in data.items()}
        after = {"metadata": {"name": "c"}, "data": data}
        managed = updated_managed(before, managed, after, manager, _NOW, CONFIG_MAP)
        before = after
    leaves = {(name, path) for name, paths in owned(managed).items() for path in paths if path != ".data"}
    assert leaves == {(f"{manager}*", f".data.{key}") for key, manager in last.items()}
    assert encode_managed(decode_managed(managed)) == managed

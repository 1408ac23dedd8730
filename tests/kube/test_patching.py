"""Patches and ownership through the API, as clients see them."""

from __future__ import annotations

from typing import Any

from tests.kube.api import CONFIG_MAPS, VIRTUAL_SERVICES, Answer, Api, config_map, virtual_service
from tests.kube.ownership import owned

_APPLY = "application/apply-patch+yaml"
_JSON = "application/json-patch+json"
_DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"

Json = dict[str, Any]


async def _apply(api: Api, body: Json, manager: str, options: str = "", path: str = CONFIG_MAPS) -> Answer:
    query = f"?fieldManager={manager}{options}"
    return await api.ask("PATCH", f"{path}/{body['metadata']['name']}{query}", body, Content_Type=_APPLY)


async def test_an_apply_makes_an_object_and_again_leaves_it(api: Api) -> None:
    """The first apply is 201, the same again 200 with the same version and the same entries."""
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "one"}, "data": {"a": "1"}}
    first, second = await _apply(api, body, "ci"), await _apply(api, body, "ci")
    assert (first.status, second.status) == (201, 200)
    assert first.json["metadata"] == second.json["metadata"]
    assert owned(first.json["metadata"]["managedFields"]) == {"ci": {".data.a"}}


async def test_a_conflict_names_the_manager_and_the_field(api: Api) -> None:
    """What another manager owns otherwise is 409 with a cause for each field; force takes it."""
    await api.ask("POST", f"{CONFIG_MAPS}?fieldManager=kubectl-create", config_map("one", a="1", b="2"))
    body = config_map("one", a="9", b="2")
    refused = await _apply(api, body, "ci")
    message = 'Apply failed with 1 conflict: conflict with "kubectl-create" using v1: .data.a'
    assert refused.refusal == (409, "Conflict", message)
    assert refused.json["details"]["causes"] == [
        {"reason": "FieldManagerConflict", "message": 'conflict with "kubectl-create" using v1', "field": ".data.a"}
    ]
    forced = await _apply(api, body, "ci", "&force=true")
    assert forced.json["data"] == {"a": "9", "b": "2"}
    assert owned(forced.json["metadata"]["managedFields"]) == {
        "ci": {".data.a", ".data.b"},
        "kubectl-create*": {".data", ".data.b"},
    }


async def test_a_dry_run_of_an_apply_leaves_everything(api: Api) -> None:
    """An apply with dryRun=All shows what it would make, and makes nothing."""
    shown = await _apply(api, config_map("one", a="1"), "ci", "&dryRun=All")
    assert shown.json["data"] == {"a": "1"}
    assert (await api.ask("GET", f"{CONFIG_MAPS}/one")).status == 404


async def test_managed_fields_can_be_rewritten_and_forgotten(api: Api) -> None:
    """A JSON patch on managedFields is taken, as kubectl's way to server-side apply needs it; `[{}]` forgets all."""
    await api.ask("POST", f"{CONFIG_MAPS}?fieldManager=kubectl-client-side-apply", config_map("one", a="1", b="2"))
    before = (await api.ask("GET", f"{CONFIG_MAPS}/one")).json["metadata"]
    mine = {**before["managedFields"][0], "manager": "kubectl", "operation": "Apply"}
    operations = [
        {"op": "replace", "path": "/metadata/managedFields", "value": [mine]},
        {"op": "replace", "path": "/metadata/resourceVersion", "value": before["resourceVersion"]},
    ]
    await api.ask("PATCH", f"{CONFIG_MAPS}/one", operations, Content_Type=_JSON)
    applied = await _apply(api, config_map("one", a="1"), "kubectl")
    assert applied.json["data"] == {"a": "1"}
    forget = [{"op": "replace", "path": "/metadata/managedFields", "value": [{}]}]
    forgotten = await api.ask("PATCH", f"{CONFIG_MAPS}/one", forget, Content_Type=_JSON)
    assert "managedFields" not in forgotten.json["metadata"]


async def test_a_scale_is_owned_under_its_subresource(api: Api) -> None:
    """`kubectl scale` owns the replicas under `scale`, and an apply of others conflicts with that by name."""
    template = {"metadata": {"labels": {"app": "d"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    spec = {"selector": {"matchLabels": {"app": "d"}}, "template": template}
    body = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}, "spec": spec}
    await api.ask("POST", _DEPLOYMENTS, {**body, "spec": {**spec, "replicas": 0}})
    scale = {"spec": {"replicas": 1}}
    merge = "application/merge-patch+json"
    await api.ask("PATCH", f"{_DEPLOYMENTS}/d/scale?fieldManager=kubectl", scale, Content_Type=merge)
    refused = await _apply(api, {**body, "spec": {**spec, "replicas": 2}}, "ci", path=_DEPLOYMENTS)
    message = 'conflict with "kubectl" with subresource "scale" using apps/v1: .spec.replicas'
    assert refused.refusal == (409, "Conflict", f"Apply failed with 1 conflict: {message}")


async def test_a_json_patch_cannot_nest_without_end(api: Api) -> None:
    """A JSON patch that makes a small body deep is refused, and so is one that copies copies."""
    await api.ask("POST", VIRTUAL_SERVICES, virtual_service("v"))
    deep: list[Json] = [{"op": "add", "path": "/spec" + "/a" * depth, "value": {}} for depth in range(1, 300)]
    copies: list[Json] = [{"op": "copy", "from": "", "path": f"/k{number}"} for number in range(60)]
    for operations in (deep, copies):
        refused = await api.ask("PATCH", f"{VIRTUAL_SERVICES}/v", operations, Content_Type=_JSON)
        assert refused.refusal[:2] == (422, "Invalid")
    assert (await api.ask("GET", f"{VIRTUAL_SERVICES}/v")).json["spec"] == virtual_service("v")["spec"]


async def test_a_status_can_be_applied(api: Api) -> None:
    """An apply at `status` owns what it says of the status and leaves the rest; what it says no longer goes."""
    await api.ask("POST", "/api/v1/namespaces", {"metadata": {"name": "team", "labels": {"kept": "yes"}}})
    path = "/api/v1/namespaces/team"

    async def apply(**status: str) -> Answer:
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "team", "labels": {"a": "b"}}}
        asked = f"{path}/status?fieldManager=ci&force=true"
        return await api.ask("PATCH", asked, {**body, "status": status}, Content_Type=_APPLY)

    told = (await apply(phase="Terminating")).json
    assert (told["status"], told["metadata"]["labels"]["kept"]) == ({"phase": "Terminating"}, "yes")
    mine = [each for each in told["metadata"]["managedFields"] if each["manager"] == "ci"]
    assert [(each["operation"], each["subresource"]) for each in mine] == [("Apply", "status")]
    assert "f:phase" in mine[0]["fieldsV1"]["f:status"]
    assert (await apply()).json["status"] == {"phase": "Active"}  # what an API server says where nobody says anything
    unnamed = await api.ask("PATCH", f"{path}/status", {"apiVersion": "v1", "kind": "Namespace"}, Content_Type=_APPLY)
    assert unnamed.refusal[0] == 422


async def test_a_scale_can_be_applied(api: Api) -> None:
    """An apply at `scale` owns the replicas under that subresource; another manager conflicts with it."""
    template = {"metadata": {"labels": {"app": "d"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    spec = {"replicas": 0, "selector": {"matchLabels": {"app": "d"}}, "template": template}
    made = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}, "spec": spec}
    await api.ask("POST", f"{_DEPLOYMENTS}?fieldManager=kubectl", made)
    scale = {"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": "d"}, "spec": {"replicas": 1}}
    path = f"{_DEPLOYMENTS}/d/scale?fieldManager=ci"
    refused = await api.ask("PATCH", path, scale, Content_Type=_APPLY)
    message = 'conflict with "kubectl" using apps/v1: .spec.replicas'
    assert refused.refusal == (409, "Conflict", f"Apply failed with 1 conflict: {message}")
    assert (await api.ask("PATCH", f"{path}&force=true", scale, Content_Type=_APPLY)).json["spec"]["replicas"] == 1
    found = (await api.ask("GET", f"{_DEPLOYMENTS}/d")).json
    assert (found["spec"]["replicas"], found["spec"]["template"]["spec"]["containers"][0]["image"]) == (1, "i")
    assert [each["subresource"] for each in found["metadata"]["managedFields"] if each["manager"] == "ci"] == ["scale"]
    odd = {**scale, "spec": {"replicas": -1}}
    assert (await api.ask("PATCH", path, odd, Content_Type=_APPLY)).refusal[0] == 422

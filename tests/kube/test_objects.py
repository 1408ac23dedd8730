"""Objects through the Kubernetes API: their life, and what is refused."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import pytest

from edgesim.config.store import Change
from edgesim.control import Write
from tests.kube.api import CONFIG_MAPS, MERGE, VIRTUAL_SERVICES, Api, config_map, virtual_service

JSON_PATCH = "application/json-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"
CUSTOM = f"{JSON_PATCH}, {MERGE}, {APPLY}"


async def test_the_life_of_an_object(api: Api) -> None:
    """Create, read, list, replace and delete one object, with one version after the other."""
    made = await api.ask("POST", CONFIG_MAPS, config_map("one", a="1"))
    assert made.status == 201
    first = made.json
    assert (first["metadata"]["namespace"], first["data"]) == ("default", {"a": "1"})
    assert (await api.ask("GET", f"{CONFIG_MAPS}/one")).json == first
    assert (await api.ask("GET", CONFIG_MAPS)).json["items"] == [first]
    replaced = await api.ask("PUT", f"{CONFIG_MAPS}/one", {**first, "data": {"a": "2"}})
    assert (replaced.status, replaced.json["data"]) == (200, {"a": "2"})
    assert int(replaced.json["metadata"]["resourceVersion"]) > int(first["metadata"]["resourceVersion"])
    deleted = (await api.ask("DELETE", f"{CONFIG_MAPS}/one")).json
    assert (deleted["status"], deleted["details"]["uid"]) == ("Success", first["metadata"]["uid"])
    assert (await api.ask("GET", f"{CONFIG_MAPS}/one")).refusal == (404, "NotFound", 'configmaps "one" not found')


async def test_what_is_not_there_or_already_there(api: Api) -> None:
    """AlreadyExists, NotFound and a missing namespace are told in Kubernetes' words."""
    await api.ask("POST", VIRTUAL_SERVICES, virtual_service("vs"))
    again = await api.ask("POST", VIRTUAL_SERVICES, virtual_service("vs"))
    assert again.refusal == (409, "AlreadyExists", 'virtualservices.gateway.solo.io "vs" already exists')
    nowhere = await api.ask("POST", VIRTUAL_SERVICES.replace("default", "none"), virtual_service("vs"))
    assert nowhere.refusal == (404, "NotFound", 'namespaces "none" not found')
    other = virtual_service("other")
    other["metadata"]["resourceVersion"] = "1"
    missing = await api.ask("PUT", f"{VIRTUAL_SERVICES}/other", other)
    assert missing.refusal == (404, "NotFound", 'virtualservices.gateway.solo.io "other" not found')


async def test_a_stale_version_is_a_conflict(api: Api) -> None:
    """A PUT of what was read before somebody else wrote is refused, and changes nothing."""
    first = (await api.ask("POST", CONFIG_MAPS, config_map("one", a="1"))).json
    await api.ask("PUT", f"{CONFIG_MAPS}/one", {**first, "data": {"a": "2"}})
    stale = await api.ask("PUT", f"{CONFIG_MAPS}/one", {**first, "data": {"a": "3"}})
    assert stale.refusal[:2] == (409, "Conflict")
    assert stale.refusal[2].startswith(
        'Operation cannot be fulfilled on configmaps "one": the object has been modified;'
    )
    assert (await api.ask("GET", f"{CONFIG_MAPS}/one")).json["data"] == {"a": "2"}


@pytest.mark.parametrize("name", ["uid", "resourceVersion"])
async def test_a_deletion_may_name_what_it_deletes(api: Api, name: str) -> None:
    """Preconditions of another object refuse a deletion; those of this one let it pass."""
    made = (await api.ask("POST", CONFIG_MAPS, config_map("one"))).json
    other = await api.ask("DELETE", f"{CONFIG_MAPS}/one", {"preconditions": {name: "999"}})
    assert other.refusal[:2] == (409, "Conflict")
    right = await api.ask("DELETE", f"{CONFIG_MAPS}/one", {"preconditions": {name: made["metadata"][name]}})
    assert right.json["status"] == "Success"


async def test_a_write_that_changes_nothing_keeps_the_version(api: Api) -> None:
    """PUT and patches of what is there already leave the resourceVersion: kubectl prints `unchanged`."""
    first = (await api.ask("POST", VIRTUAL_SERVICES, virtual_service("vs"))).json
    path, version = f"{VIRTUAL_SERVICES}/vs", first["metadata"]["resourceVersion"]
    put = await api.ask("PUT", path, first)
    patched = await api.ask("PATCH", path, {"spec": first["spec"]}, Content_Type=MERGE)
    empty = await api.ask("PATCH", path, [], Content_Type=JSON_PATCH)
    assert [each.json["metadata"]["resourceVersion"] for each in (put, patched, empty)] == [version] * 3


async def test_patches(api: Api) -> None:
    """A merge patch, a JSON patch and a strategic one change what they say."""
    await api.ask("POST", CONFIG_MAPS, config_map("one", a="1", b="2"))
    path = f"{CONFIG_MAPS}/one"
    merged = await api.ask("PATCH", path, {"data": {"a": None, "c": "3"}}, Content_Type=MERGE)
    assert merged.json["data"] == {"b": "2", "c": "3"}
    operations = [{"op": "replace", "path": "/data/b", "value": "4"}]
    assert (await api.ask("PATCH", path, operations, Content_Type=JSON_PATCH)).json["data"] == {"b": "4", "c": "3"}
    strategic = await api.ask("PATCH", path, {"data": {"$patch": "replace", "d": "5"}}, Content_Type=STRATEGIC)
    assert strategic.json["data"] == {"d": "5"}


async def test_patches_that_do_not_fit(api: Api) -> None:
    """A path that is not there is Invalid, another media type is 415, and so is a strategic patch of a custom kind."""
    await api.ask("POST", VIRTUAL_SERVICES, virtual_service("vs"))
    path = f"{VIRTUAL_SERVICES}/vs"
    gone = await api.ask("PATCH", path, [{"op": "remove", "path": "/spec/none"}], Content_Type=JSON_PATCH)
    assert gone.refusal[:2] == (422, "Invalid")
    for media in ("application/json", STRATEGIC):
        refused = await api.ask("PATCH", path, {}, Content_Type=media)
        assert refused.refusal[:2] == (415, "UnsupportedMediaType")
        assert refused.refusal[2].partition(" - ")[2] == f"accepted media types include: {CUSTOM}"
    forced = await api.ask("PATCH", f"{path}?force=true", {}, Content_Type=MERGE)
    assert forced.refusal[2] == (
        'PatchOptions.meta.k8s.io "" is invalid: force: Forbidden: may not be specified for non-apply patch'
    )


async def test_server_side_apply(api: Api) -> None:
    """An apply creates what is not there; what another owns is a conflict, unless it is forced."""
    wanted = config_map("one", a="1")
    path = f"{CONFIG_MAPS}/one?fieldManager="
    assert (await api.ask("PATCH", f"{path}first", wanted, Content_Type=APPLY)).status == 201
    assert (await api.ask("PATCH", f"{path}first", wanted, Content_Type=APPLY)).status == 200
    other = config_map("one", a="2")
    refused = await api.ask("PATCH", f"{path}second", other, Content_Type=APPLY)
    assert refused.refusal == (409, "Conflict", 'Apply failed with 1 conflict: conflict with "first": .data.a')
    assert refused.json["details"]["causes"][0]["reason"] == "FieldManagerConflict"
    forced = (await api.ask("PATCH", f"{path}second&force=true", other, Content_Type=APPLY)).json
    assert forced["data"] == {"a": "2"}
    owners = {each["manager"]: each["fieldsV1"] for each in forced["metadata"]["managedFields"]}
    assert owners["second"]["f:data"] == {"f:a": {}}
    assert "f:a" not in owners.get("first", {}).get("f:data", {})


async def test_an_apply_says_who_applies(api: Api) -> None:
    """Without a manager an apply is refused."""
    refused = await api.ask("PATCH", f"{CONFIG_MAPS}/one", config_map("one"), Content_Type=APPLY)
    assert refused.refusal[0] == 422
    assert "fieldManager: Required value: is required for apply patch" in refused.refusal[2]


async def test_a_dry_run_stores_nothing(api: Api) -> None:
    """With dryRun=All each verb answers as it would, and the store stays at its version."""
    kept = (await api.ask("POST", CONFIG_MAPS, config_map("kept", a="1"))).json
    version = api.instance.store.version
    made = await api.ask("POST", f"{CONFIG_MAPS}?dryRun=All", config_map("one"))
    assert (made.status, "resourceVersion" in made.json["metadata"]) == (201, False)
    dreamt = {
        "metadata": {"name": "one", "managedFields": "no", "deletionTimestamp": "2020-01-01T00:00:00Z", "uid": "u"}
    }
    metadata = (await api.ask("POST", f"{CONFIG_MAPS}?dryRun=All", dreamt)).json["metadata"]
    assert metadata.keys() == {"name", "namespace", "uid", "creationTimestamp"}
    path = f"{CONFIG_MAPS}/kept?dryRun=All"
    patched = await api.ask("PATCH", path, {"data": {"a": "2"}}, Content_Type=MERGE)
    assert patched.json["data"] == {"a": "2"}
    assert patched.json["metadata"]["resourceVersion"] == kept["metadata"]["resourceVersion"]
    assert (await api.ask("DELETE", f"{CONFIG_MAPS}/kept", {"dryRun": ["All"]})).status == 200
    assert (await api.ask("DELETE", f"{CONFIG_MAPS}?dryRun=All")).status == 200
    assert api.instance.store.version == version
    assert (await api.ask("GET", f"{CONFIG_MAPS}/kept")).json["data"] == {"a": "1"}


async def test_names_are_made_up(api: Api) -> None:
    """GenerateName gives a name that begins with it."""
    made = await api.ask("POST", CONFIG_MAPS, {"metadata": {"generateName": "job-"}})
    name = made.json["metadata"]["name"]
    assert (made.status, name[:4], len(name)) == (201, "job-", 9)


async def test_a_collection_is_deleted_by_selector(api: Api) -> None:
    """DELETE of a plural takes what the label selector finds, in one namespace."""
    for name, colour in (("one", "red"), ("two", "blue"), ("three", "red")):
        made = config_map(name)
        made["metadata"]["labels"] = {"colour": colour}
        await api.ask("POST", CONFIG_MAPS, made)
    gone = await api.ask("DELETE", f"{CONFIG_MAPS}?labelSelector=colour%3Dred")
    assert [each["metadata"]["name"] for each in gone.json["items"]] == ["one", "three"]
    left = (await api.ask("GET", CONFIG_MAPS)).json["items"]
    assert [each["metadata"]["name"] for each in left] == ["two"]


async def test_a_long_collection_is_deleted_part_by_part(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Others write between the parts of a long collection: what they changed goes, what they made anew stays."""
    monkeypatch.setattr("edgesim.kube.deleting.AT_ONCE", 2)
    for name in ("one", "two", "three", "four", "five"):
        await api.ask("POST", CONFIG_MAPS, config_map(name))
    accept, parts = api.instance.accept, 0

    async def meanwhile(writes: Iterable[Write]) -> list[Change]:
        nonlocal parts
        changes, parts = await accept(writes), parts + 1
        if parts == 1:
            monkeypatch.setattr(api.instance, "accept", accept)
            await api.ask("PUT", f"{CONFIG_MAPS}/three", config_map("three", a="1"))
            await api.ask("DELETE", f"{CONFIG_MAPS}/four")
            await api.ask("POST", CONFIG_MAPS, config_map("four"))
        return changes

    monkeypatch.setattr(api.instance, "accept", meanwhile)
    gone = await api.ask("DELETE", CONFIG_MAPS)
    assert [each["metadata"]["name"] for each in gone.json["items"]] == ["one", "two", "three", "four", "five"]
    left = (await api.ask("GET", CONFIG_MAPS)).json["items"]
    assert [each["metadata"]["name"] for each in left] == ["four"]


@pytest.mark.parametrize("name", ["default", "kube-system", "gloo-system"])
async def test_some_namespaces_stay(api: Api, name: str) -> None:
    """The namespaces that are always there cannot be deleted."""
    refused = await api.ask("DELETE", f"/api/v1/namespaces/{name}")
    assert refused.refusal == (403, "Forbidden", f'namespaces "{name}" is forbidden: this namespace may not be deleted')


async def test_selectors_choose_from_lists(api: Api) -> None:
    """LabelSelector and fieldSelector leave the rest out; one that cannot be read is BadRequest."""
    for name in ("one", "two"):
        made = config_map(name)
        made["metadata"]["labels"] = {"called": name}
        await api.ask("POST", CONFIG_MAPS, made)
    for query in ("labelSelector=called%20in%20(two)", "fieldSelector=metadata.name%3Dtwo"):
        items = (await api.ask("GET", f"{CONFIG_MAPS}?{query}")).json["items"]
        assert [each["metadata"]["name"] for each in items] == ["two"]
    for query in ("labelSelector=a%20in%20(", "fieldSelector=spec.colour%3Dred"):
        assert (await api.ask("GET", f"{CONFIG_MAPS}?{query}")).refusal[:2] == (400, "BadRequest")


async def test_forms(api: Api) -> None:
    """An answer is a Table, metadata only, YAML or plain JSON, as Accept says; another type is 406."""
    await api.ask("POST", CONFIG_MAPS, config_map("one", a="1"))
    table = (await api.ask("GET", CONFIG_MAPS, Accept="application/json;as=Table;v=v1;g=meta.k8s.io")).json
    assert (table["kind"], table["rows"][0]["cells"][0]) == ("Table", "one")
    assert table["metadata"]["resourceVersion"]
    partial = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"
    metadata = (await api.ask("GET", CONFIG_MAPS, Accept=partial)).json
    assert (metadata["kind"], "data" in metadata["items"][0]) == ("PartialObjectMetadataList", False)
    text = await api.ask("GET", f"{CONFIG_MAPS}/one", Accept="application/yaml")
    assert b"data:\n  a: '1'\n" in text.body
    both = await api.ask("GET", CONFIG_MAPS, Accept="application/vnd.kubernetes.protobuf,application/json")
    assert both.json["kind"] == "ConfigMapList"
    refused = await api.ask("GET", CONFIG_MAPS, Accept="application/vnd.kubernetes.protobuf")
    assert refused.refusal[:2] == (406, "NotAcceptable")


async def test_status_is_written_apart(api: Api) -> None:
    """A status is written at its own path, and left alone by writes of the rest."""
    namespaces = "/api/v1/namespaces"
    made = (await api.ask("POST", namespaces, {"metadata": {"name": "team"}})).json
    assert made["status"] == {"phase": "Active"}
    path = f"{namespaces}/team/status"
    told = await api.ask("PATCH", path, {"status": {"phase": "Terminating"}}, Content_Type=MERGE)
    assert told.json["status"]["phase"] == "Terminating"
    await api.ask("PATCH", f"{namespaces}/team", {"status": {"phase": "Odd"}}, Content_Type=MERGE)
    assert (await api.ask("GET", path)).json["status"]["phase"] == "Terminating"
    assert (await api.ask("GET", f"{VIRTUAL_SERVICES}/vs/status")).refusal[:2] == (404, "NotFound")


async def test_an_object_of_another_kind_or_place_is_refused(api: Api) -> None:
    """What the body says must be what the path says."""
    other = {"apiVersion": "v2", "kind": "ConfigMap", "metadata": {"name": "one"}}
    assert (await api.ask("POST", CONFIG_MAPS, other)).refusal == (
        400,
        "BadRequest",
        "the API version in the data (v2) does not match the expected API version (v1)",
    )
    renamed = await api.ask("PUT", f"{CONFIG_MAPS}/two", config_map("one"))
    assert renamed.refusal[2] == "the name of the object (one) does not match the name on the URL (two)"
    placed = config_map("one")
    placed["metadata"]["namespace"] = "elsewhere"
    assert (
        (await api.ask("POST", CONFIG_MAPS, placed))
        .refusal[2]
        .startswith("the namespace of the provided object does not match the namespace sent on the request")
    )


async def test_a_custom_object_says_what_it_replaces(api: Api) -> None:
    """A PUT of one of Gloo's kinds needs a resourceVersion, as for every custom resource; of others it does not."""
    await api.ask("POST", VIRTUAL_SERVICES, virtual_service("vs"))
    refused = await api.ask("PUT", f"{VIRTUAL_SERVICES}/vs", virtual_service("vs"))
    assert refused.refusal[:2] == (422, "Invalid")
    assert refused.refusal[2].endswith("metadata.resourceVersion: Invalid value: 0x0: must be specified for an update")
    await api.ask("POST", CONFIG_MAPS, config_map("one"))
    assert (await api.ask("PUT", f"{CONFIG_MAPS}/one", config_map("one", a="1"))).status == 200


async def test_unknown_fields(api: Api) -> None:
    """Strict refuses an unknown field, Warn takes it off and warns (beside a refusal, too), Ignore takes it off."""
    odd = {**config_map("one", a="1"), "colour": "red"}
    refused = await api.ask("POST", f"{CONFIG_MAPS}?fieldValidation=Strict", odd)
    assert refused.refusal[:2] == (400, "BadRequest")
    assert refused.refusal[2].endswith('strict decoding error: unknown field "colour"')
    warned = await api.ask("POST", f"{CONFIG_MAPS}?fieldValidation=Warn", odd)
    assert (warned.status, "colour" in warned.json) == (201, False)
    assert warned.warnings == ('299 - "unknown field \\"colour\\""',)
    unnamed = await api.ask("POST", f"{CONFIG_MAPS}?fieldValidation=Warn", {**odd, "metadata": {"name": "A_B"}})
    assert (unnamed.status, unnamed.warnings) == (422, warned.warnings)
    ignored = await api.ask("PUT", f"{CONFIG_MAPS}/one?fieldValidation=Ignore", odd)
    assert (ignored.status, ignored.warnings, "colour" in ignored.json) == (200, (), False)


async def test_writers_at_once_lose_nothing(api: Api) -> None:
    """Of many who patch one object each finds its change kept; of many who create it one does."""
    created = await asyncio.gather(*(api.ask("POST", CONFIG_MAPS, config_map("one")) for _ in range(20)))
    assert sorted(each.status for each in created) == [201, *[409] * 19]
    path = f"{CONFIG_MAPS}/one"
    patches = [api.ask("PATCH", path, {"data": {f"key-{n}": "x"}}, Content_Type=MERGE) for n in range(50)]
    assert {each.status for each in await asyncio.gather(*patches)} == {200}
    assert len((await api.ask("GET", path)).json["data"]) == 50


async def test_replicas_are_written_by_scale(api: Api) -> None:
    """A Scale shows and sets how many replicas there are to be; fewer than none is Invalid, text is BadRequest."""
    path = "/apis/apps/v1/namespaces/default/deployments"
    template = {"metadata": {"labels": {"app": "x"}}, "spec": {"containers": [{"name": "c", "image": "none"}]}}
    spec = {"replicas": 0, "selector": {"matchLabels": {"app": "x"}}, "template": template}
    await api.ask("POST", path, {"metadata": {"name": "web"}, "spec": spec})
    scale = (await api.ask("GET", f"{path}/web/scale")).json
    assert (scale["kind"], scale["spec"], scale["status"]["selector"]) == ("Scale", {"replicas": 0}, "app=x")
    scaled = await api.ask("PUT", f"{path}/web/scale", {**scale, "spec": {"replicas": 2}})
    assert (scaled.status, scaled.json["spec"]) == (200, {"replicas": 2})
    patched = await api.ask("PATCH", f"{path}/web/scale", {"spec": {"replicas": 1}}, Content_Type=MERGE)
    assert patched.json["spec"] == {"replicas": 1}
    assert (await api.ask("GET", f"{path}/web")).json["spec"]["replicas"] == 1
    for replicas, refusal in ((-1, (422, "Invalid")), ("many", (400, "BadRequest"))):
        body = {"spec": {"replicas": replicas}}
        assert (await api.ask("PATCH", f"{path}/web/scale", body, Content_Type=MERGE)).refusal[:2] == refusal


async def test_a_namespace_that_terminates_takes_nothing_new(api: Api) -> None:
    """While a finalizer holds something, its namespace is Terminating: creating in it is Forbidden."""
    await api.ask("POST", "/api/v1/namespaces", {"metadata": {"name": "team"}})
    maps, held = CONFIG_MAPS.replace("default", "team"), config_map("held")
    held["metadata"]["finalizers"] = ["example.com/hold"]
    await api.ask("POST", maps, held)
    gone = (await api.ask("DELETE", "/api/v1/namespaces/team")).json
    assert (gone["kind"], gone["status"]["phase"]) == ("Namespace", "Terminating")
    refused = await api.ask("POST", maps, config_map("new"))
    assert refused.refusal[:2] == (403, "Forbidden")
    assert refused.refusal[2].endswith("in namespace team because it is being terminated")
    again = await api.ask("POST", maps, config_map("held"))
    assert again.refusal[0] in {403, 409}
    await api.ask("PATCH", f"{maps}/held", {"metadata": {"finalizers": None}}, Content_Type=MERGE)
    assert (await api.ask("GET", "/api/v1/namespaces/team")).refusal[:2] == (404, "NotFound")


async def test_a_pod_is_evicted(api: Api) -> None:
    """POST to a pod's eviction deletes it."""
    pods = "/api/v1/namespaces/default/pods"
    await api.ask("POST", pods, {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "none"}]}})
    assert (await api.ask("POST", f"{pods}/p/eviction", {"metadata": {"name": "p"}})).status == 201
    assert (await api.ask("GET", f"{pods}/p")).refusal[0] == 404


async def test_endpoints_are_deprecated(api: Api) -> None:
    """Whoever asks for Endpoints is warned as by Kubernetes 1.33, once an answer, in a watch, too."""
    home = "/api/v1/namespaces/default/endpoints"
    told = '299 - "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"'
    for method, path in (
        ("GET", home),
        ("GET", f"{home}/none"),
        ("GET", f"{home}?watch=1&timeoutSeconds=1"),
        ("POST", home),
    ):
        body = {"metadata": {"name": "e"}} if method == "POST" else None
        assert (await api.ask(method, path, body)).warnings == (told,)
    assert (await api.ask("GET", "/api/v1/namespaces/default/services")).warnings == ()

"""Who may do what, over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from edgesim.kube.default_roles import install_roles
from edgesim.kube.users import named
from tests.kube.api import CONFIG_MAPS, MERGE, Api, config_map, serving

RBAC = "/apis/rbac.authorization.k8s.io/v1"
APPLY = "application/apply-patch+yaml"
BOB = {"Authorization": "Bearer bobs"}
GROUP = "rbac.authorization.k8s.io"


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with serving() as made:
        install_roles(made.instance.store)
        made.users.give("bobs", named("bob"))
        yield made


async def grant(api: Api, name: str, *rules: dict[str, Any], namespace: str = "default") -> None:
    """Let bob do what rules say."""
    home = f"{RBAC}/namespaces/{namespace}"
    made = await api.ask("POST", f"{home}/roles", {"metadata": {"name": name}, "rules": [*rules]})
    assert made.status == 201, made.body
    bound = await api.ask("POST", f"{home}/rolebindings", binding(name))
    assert bound.status == 201, bound.body


def binding(role: str, kind: str = "Role", user: str = "bob") -> dict[str, Any]:
    reference = {"apiGroup": GROUP, "kind": kind, "name": role}
    return {
        "metadata": {"name": role},
        "roleRef": reference,
        "subjects": [{"kind": "User", "name": user, "apiGroup": GROUP}],
    }


def rule(verbs: str, resources: str, group: str = "") -> dict[str, Any]:
    return {"verbs": verbs.split(","), "apiGroups": [group], "resources": resources.split(",")}


async def test_a_binding_shuts_everybody_else_out_at_once(api: Api) -> None:
    """Until it is deleted; the administrator of loopback stays one."""
    assert (await api.ask("GET", CONFIG_MAPS, **BOB)).status == 200
    await grant(api, "other", rule("get", "pods"))
    message = 'configmaps is forbidden: User "bob" cannot list resource "configmaps" in API group "" in the namespace "default"'
    assert (await api.ask("GET", CONFIG_MAPS, **BOB)).refusal == (403, "Forbidden", message)
    assert (await api.ask("GET", CONFIG_MAPS)).status == 200
    await api.ask("DELETE", f"{RBAC}/namespaces/default/rolebindings/other")
    assert (await api.ask("GET", CONFIG_MAPS, **BOB)).status == 200


async def test_each_verb_is_a_right_of_its_own(api: Api) -> None:
    """What is done decides, by whatever method; an apply of something new creates it, too."""
    await api.ask("POST", CONFIG_MAPS, config_map("x", a="1"))
    await grant(api, "writer", rule("get,patch", "configmaps"))
    one, new = f"{CONFIG_MAPS}/x", f"{CONFIG_MAPS}/new?fieldManager=m"
    assert (await api.ask("GET", one, **BOB)).status == 200
    assert (await api.ask("PATCH", one, {"data": {"a": "2"}}, Content_Type=MERGE, **BOB)).status == 200
    for method, path, body, verb in (
        ("GET", CONFIG_MAPS, None, "list"),
        ("GET", f"{CONFIG_MAPS}?watch=1", None, "watch"),
        ("POST", CONFIG_MAPS, config_map("y"), "create"),
        ("PUT", one, config_map("x"), "update"),
        ("DELETE", one, None, "delete"),
        ("DELETE", CONFIG_MAPS, None, "deletecollection"),
    ):
        refused = await api.ask(method, path, body, **BOB)
        assert (refused.status, f'"bob" cannot {verb} resource "configmaps"' in refused.json["message"]) == (403, True)
    made = await api.ask("PATCH", new, config_map("new"), Content_Type=APPLY, **BOB)
    assert (made.status, '"bob" cannot create resource' in made.json["message"]) == (403, True)
    assert (await api.ask("GET", f"{CONFIG_MAPS}/new")).status == 404


async def test_a_namespace_is_in_itself(api: Api) -> None:
    """Whoever may get namespaces in one may get that one, and no other."""
    await grant(api, "looker", rule("get", "namespaces"))
    assert (await api.ask("GET", "/api/v1/namespaces/default", **BOB)).status == 200
    assert (await api.ask("GET", "/api/v1/namespaces/other", **BOB)).status == 403
    assert (await api.ask("GET", "/api/v1/namespaces", **BOB)).status == 403


@pytest.mark.parametrize(("role", "status"), [("view", 403), ("edit", 400)])
async def test_who_may_edit_is_told_the_address_to_use(api: Api, role: str, status: int) -> None:
    """`edit` allows what leads into pods, as in a cluster, so that a team is told where its pod listens; `view` does not."""
    bound = await api.ask("POST", f"{RBAC}/namespaces/default/rolebindings", binding(role, "ClusterRole"))
    assert bound.status == 201, bound.body
    pod = {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "hashicorp/http-echo"}]}}
    await api.ask("POST", "/api/v1/namespaces/default/pods", pod)
    for part in ("exec", "attach", "portforward"):
        refused = await api.ask("POST", f"/api/v1/namespaces/default/pods/p/{part}", **BOB)
        assert refused.status == status, refused.body


async def test_nobody_grants_more_than_they_have(api: Api) -> None:
    """Neither by a role, nor by a binding, nor by patching either; what one has may be passed on."""
    await grant(api, "binder", rule("get,create,patch", "roles,rolebindings", GROUP), rule("get", "configmaps"))
    home = f"{RBAC}/namespaces/default"
    role = {"metadata": {"name": "mine"}, "rules": [rule("get", "configmaps")]}
    assert (await api.ask("POST", f"{home}/roles", role, **BOB)).status == 201
    assert (await api.ask("POST", f"{home}/rolebindings", binding("mine", user="eve"), **BOB)).status == 201
    more = {"rules": [rule("get", "secrets")]}
    for method, path, body, media in (
        ("POST", "roles", {"metadata": {"name": "more"}, **more}, "application/json"),
        ("POST", "rolebindings", binding("cluster-admin", "ClusterRole"), "application/json"),
        ("PATCH", "roles/mine", more, MERGE),
    ):
        refused = await api.ask(method, f"{home}/{path}", body, Content_Type=media, **BOB)
        assert (
            refused.status,
            "is attempting to grant RBAC permissions not currently held" in refused.json["message"],
        ) == (
            403,
            True,
        ), refused.body


async def test_one_acts_as_others_by_right_only(api: Api) -> None:
    """The administrator as anybody, bob as nobody."""
    await grant(api, "reader", rule("list", "configmaps"))
    assert (await api.ask("GET", CONFIG_MAPS, Impersonate_User="bob")).status == 200
    assert (await api.ask("GET", CONFIG_MAPS, Impersonate_User="eve")).status == 403
    assert (await api.ask("GET", CONFIG_MAPS, Impersonate_User="eve", Impersonate_Group="system:masters")).status == 200
    refused = await api.ask("GET", CONFIG_MAPS, Impersonate_User="eve", **BOB)
    message = (
        'users "eve" is forbidden: User "bob" cannot impersonate resource "users" in API group "" at the cluster scope'
    )
    assert refused.refusal == (403, "Forbidden", message)
    assert (await api.ask("GET", CONFIG_MAPS, Impersonate_Group="x")).status == 400


async def test_everybody_known_may_look_around(api: Api) -> None:
    """Discovery, health and questions about oneself need no binding; other paths do, and nobody unknown gets in."""
    await grant(api, "other", rule("get", "pods"))
    for path in ("/api", "/apis", "/version", "/healthz"):
        assert (await api.ask("GET", path, **BOB)).status == 200
    refused = await api.ask("GET", "/metrics", **BOB)
    assert refused.refusal == (403, "Forbidden", 'forbidden: User "bob" cannot get path "/metrics"')
    asked = {"spec": {"resourceAttributes": {"verb": "get", "resource": "pods", "namespace": "default"}}}
    answer = await api.ask("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", asked, **BOB)
    assert answer.json["status"]["allowed"] is True
    unknown = await api.ask("GET", "/api", Authorization="Bearer nobodys")
    assert unknown.refusal == (401, "Unauthorized", "Unauthorized")


async def test_rights_may_be_asked_for_from_the_start() -> None:
    """With `rbac` nobody but the administrator may anything while there is no binding."""
    async with serving(rbac=True) as api:
        api.users.give("bobs", named("bob"))
        assert (await api.ask("GET", CONFIG_MAPS, **BOB)).status == 403
        assert (await api.ask("GET", CONFIG_MAPS)).status == 200


async def test_only_a_put_finalizes(api: Api) -> None:
    """Who may look at everything of namespaces, subresources included, replaces none by a GET with a body."""
    await api.ask("POST", "/api/v1/namespaces", {"metadata": {"name": "team", "labels": {"kept": "yes"}}})
    await grant(api, "viewer", rule("get", "*"), namespace="team")
    for method in ("GET", "DELETE", "PATCH"):
        refused = await api.ask(method, "/api/v1/namespaces/team/finalize", {"metadata": {"name": "team"}}, **BOB)
        assert refused.status in {403, 405}
    assert (await api.ask("GET", "/api/v1/namespaces/team")).json["metadata"]["labels"]["kept"] == "yes"


async def test_a_list_of_one_name_is_of_that_name(api: Api) -> None:
    """Rights to one name are rights to list what a selector leaves of it, however the selector is escaped."""
    await api.ask("POST", CONFIG_MAPS, config_map("mine"))
    await api.ask("POST", CONFIG_MAPS, config_map("other"))
    await grant(api, "one", {**rule("list,watch", "configmaps"), "resourceNames": ["mine"]})
    listed = await api.ask("GET", f"{CONFIG_MAPS}?fieldSelector=metadata.name%3Dmine", **BOB)
    assert [each["metadata"]["name"] for each in listed.json["items"]] == ["mine"]
    for sly in (
        "metadata.namespace!=a%5C,metadata.name%5C%3Dmine",
        "metadata.name!=mine",
        "metadata.namespace%3Ddefault",
    ):
        assert (await api.ask("GET", f"{CONFIG_MAPS}?fieldSelector={sly}", **BOB)).refusal[:2] == (403, "Forbidden")

from __future__ import annotations

from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest
from aiohttp.test_utils import make_mocked_request

from edgesim.config.api_errors import ApiError
from edgesim.config.store import Store
from edgesim.dialects import Document, decode, nowhere
from edgesim.kube.access import Access, forbidden, impersonation
from edgesim.kube.default_roles import install_roles
from edgesim.kube.rbac import Attributes, NonResource
from edgesim.kube.users import ADMIN, User, named
from edgesim.model import ResourceKey

BOB = named("bob")
WANTED = Attributes("patch", "gateway.solo.io", "routetables", "", "foxtrot", "x")


def made() -> Access:
    numbers = count()
    store = Store(lambda: datetime(2026, 11, 1, tzinfo=UTC), lambda: f"uid-{next(numbers)}")
    install_roles(store)
    access = Access(store)
    access.users.give("bobs", BOB)
    return access


def put(access: Access, manifest: dict[str, Any]) -> ResourceKey:
    decoded = decode(Document(manifest, nowhere("test")))
    assert decoded.resource is not None, decoded.problems
    access.store.put(decoded.resource, "api")
    return decoded.resource.key


def bind(access: Access, role: str, user: str, namespace: str = "") -> ResourceKey:
    metadata = {"name": f"{role}-{user}", **({"namespace": namespace} if namespace else {})}
    return put(
        access,
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding" if namespace else "ClusterRoleBinding",
            "metadata": metadata,
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}],
        },
    )


def test_bindings_take_effect_at_once_and_end_with_the_last() -> None:
    """Nothing but a binding turns RBAC on; deleting the last one turns it off."""
    access = made()
    assert access.allows(BOB, WANTED)
    key = bind(access, "edit", "bob", "echo")
    assert not access.allows(BOB, WANTED)
    other = bind(access, "edit", "bob", "foxtrot")
    assert access.allows(BOB, WANTED)
    access.store.delete(other)
    assert not access.allows(BOB, WANTED)
    access.store.delete(key)
    assert access.allows(BOB, WANTED)


def test_the_policy_is_compiled_when_its_objects_change_only() -> None:
    """Other writes leave the compiled policy as it is."""
    access = made()
    before = access.policy()
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n"}}
    put(access, namespace)
    assert access.policy() is before
    bind(access, "view", "bob")
    assert access.policy() is not before


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (
            WANTED,
            (
                'routetables.gateway.solo.io "x" is forbidden: User "bob" cannot patch resource "routetables" '
                'in API group "gateway.solo.io" in the namespace "foxtrot"'
            ),
        ),
        (
            Attributes("list", "", "pods"),
            'pods is forbidden: User "bob" cannot list resource "pods" in API group "" at the cluster scope',
        ),
        (
            Attributes("update", "apps", "deployments", "scale", "n", "d"),
            (
                'deployments.apps "d" is forbidden: User "bob" cannot update resource "deployments/scale" '
                'in API group "apps" in the namespace "n"'
            ),
        ),
        (NonResource("get", "/metrics"), 'forbidden: User "bob" cannot get path "/metrics"'),
    ],
)
def test_refusals_are_kubernetes_own(wanted: Attributes | NonResource, message: str) -> None:
    """What kubectl prints is what a cluster's server would have it print."""
    refused = forbidden(BOB, wanted)
    assert (refused.code, refused.message) == (403, message)
    assert refused.details == ({} if isinstance(wanted, NonResource) else _details(wanted))


def _details(wanted: Attributes) -> dict[str, str]:
    found = {"name": wanted.name, "group": wanted.group, "kind": wanted.resource}
    return {key: value for key, value in found.items() if value}


def request(headers: dict[str, str]) -> Any:
    return make_mocked_request("GET", "/api", headers={"Host": "127.0.0.1:8001", **headers})


def test_the_sender_is_who_the_token_says_or_whom_one_may_act_as() -> None:
    """Administrators act as anybody; others need the right to impersonate, and are told what is missing."""
    access = made()
    bind(access, "view", "bob")
    assert access.user_of(request({})) is ADMIN
    assert access.user_of(request({"Authorization": "Bearer bobs"})) == BOB
    assert access.user_of(request({"Impersonate-User": "x", "Impersonate-Group": "g"})) == named("x", ("g",))
    with pytest.raises(ApiError) as refused:
        access.user_of(request({"Authorization": "Bearer bobs", "Impersonate-User": "x"}))
    assert refused.value.message == (
        'users "x" is forbidden: User "bob" cannot impersonate resource "users" in API group "" at the cluster scope'
    )


@pytest.mark.parametrize("headers", [{"Host": "evil.example"}, {"Origin": "http://evil.example"}, {"Host": ""}])
def test_a_foreign_host_or_page_is_refused(headers: dict[str, str]) -> None:
    """Who needs no credentials must be this machine's own program."""
    with pytest.raises(ApiError) as refused:
        made().user_of(request(headers))
    assert refused.value.code == 403


def test_acting_as_somebody_needs_a_right_for_each_part() -> None:
    """User or service account, every group, the uid and each value of an extra."""
    account = "system:serviceaccount:echo:x"
    other = User(account, ("g", "system:authenticated"), "7", (("k", ("v", "w")),))
    found = [(each.resource, each.subresource, each.namespace, each.name) for each in impersonation(other, ("g",))]
    assert found == [
        ("serviceaccounts", "", "echo", "x"),
        ("groups", "", "", "g"),
        ("uids", "", "", "7"),
        ("userextras", "k", "", "v"),
        ("userextras", "k", "", "w"),
    ]


def test_the_default_roles_are_those_bindings_name() -> None:
    """View reads all but secrets and roles, edit writes too, admin also gives rights, and all do so for Gloo's kinds."""
    access = made()
    for role in ("view", "edit", "admin", "cluster-admin"):
        bind(access, role, role, "echo")

    def may(role: str, verb: str, resource: str, group: str = "", namespace: str = "echo") -> bool:
        return access.allows(named(role), Attributes(verb, group, resource, "", namespace))

    for role, rights in (("view", "ynnnn"), ("edit", "yyynn"), ("admin", "yyyyn"), ("cluster-admin", "yyyyy")):
        asked = (
            may(role, "watch", "virtualservices", "gateway.solo.io"),
            may(role, "get", "secrets"),
            may(role, "patch", "upstreams", "gloo.solo.io"),
            may(role, "create", "rolebindings", "rbac.authorization.k8s.io"),
            may(role, "delete", "namespaces"),
        )
        assert "".join("ny"[each] for each in asked) == rights
        assert not may(role, "get", "pods", namespace="foxtrot")


def test_roles_that_were_changed_stay_changed() -> None:
    """Installing the defaults writes what is not there, and nothing else."""
    access = made()
    manifest = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "view"}}
    key = put(access, {**manifest, "rules": []})
    version = access.store.version
    install_roles(access.store)
    assert access.store.version == version
    access.store.delete(key)
    install_roles(access.store)
    assert access.store.get(key) is not None

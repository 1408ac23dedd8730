from __future__ import annotations

from typing import Any

import pytest

from edgesim.config.api_errors import ApiError
from edgesim.kube.escalation import check_grant
from edgesim.kube.rbac import Declared, Policy, compile_policy
from edgesim.kube.users import ADMIN, User
from tests.kube.test_rbac import BOB, binding, bobs, role, rule, user

Json = dict[str, Any]


def a_role(*rules: Json, **more: Any) -> Json:
    return role("new", *rules, namespace="echo") | more


def a_binding(role_name: str, kind: str = "ClusterRole") -> Json:
    return {**binding(role_name, user("eve"), namespace="echo", kind=kind), "kind": "RoleBinding"}


def refusal(policy: Policy, manifest: Json, before: Json | None = None, who: User = BOB) -> ApiError | None:
    try:
        check_grant(policy, who, manifest, before)
    except ApiError as error:
        return error
    return None


@pytest.mark.parametrize(
    ("have", "want", "granted"),
    [
        (rule("*", "*", "*"), rule("*", "*", "*"), True),
        (rule("get,list", "", "pods,services"), rule("list", "", "pods"), True),
        (rule("get", "", "pods"), rule("get,list", "", "pods"), False),
        (rule("get", "", "*"), rule("get", "", "pods/log"), True),
        (rule("get", "", "*/log"), rule("get", "", "pods/log"), True),
        (rule("get", "", "pods"), rule("get", "", "pods/log"), False),
        (rule("get", "", "pods"), rule("get", "", "*"), False),
        (rule("get", "", "pods"), rule("get", "*", "pods"), False),
        (rule("get", "", "pods"), rule("*", "", "pods"), False),
        (rule("get", "", "pods"), rule("get", "", "pods", "a"), True),
        (rule("get", "", "pods", "a"), rule("get", "", "pods", "a"), True),
        (rule("get", "", "pods", "a"), rule("get", "", "pods", "a", "b"), False),
        (rule("get", "", "pods", "a"), rule("get", "", "pods"), False),
    ],
)
def test_one_grants_what_one_has(have: Json, want: Json, granted: bool) -> None:
    """Every verb on every resource a role allows must be allowed to its writer."""
    assert (refusal(bobs(have), a_role(want)) is None) is granted


def test_paths_are_granted_by_whoever_has_them() -> None:
    """A path is covered by itself and by a prefix with a star."""
    have = {"verbs": ["get"], "nonResourceURLs": ["/logs/*"]}
    roles, bound = (role("r", have),), (binding("r", user("bob")),)
    policy = compile_policy(Declared(cluster_roles=roles, cluster_bindings=bound))
    wanted = {"kind": "ClusterRole", "metadata": {"name": "new"}}
    for path, granted in (("/logs/x", True), ("/logs/*", True), ("/metrics", False), ("*", False)):
        rules = [{"verbs": ["get"], "nonResourceURLs": [path]}]
        assert (refusal(policy, {**wanted, "rules": rules}) is None) is granted


def test_the_refusal_names_what_is_missing() -> None:
    """As Kubernetes writes it: who, the groups, and a line for each rule not held."""
    found = refusal(
        bobs(rule("get", "", "pods")), a_role(rule("get,list", "", "secrets", "s"), rule("get", "", "pods"))
    )
    assert found is not None
    assert found.message == (
        'roles.rbac.authorization.k8s.io "new" is forbidden: user "bob" (groups=["dev" "system:authenticated"]) is '
        "attempting to grant RBAC permissions not currently held:\n"
        '{APIGroups:[""], Resources:["secrets"], ResourceNames:["s"], Verbs:["get" "list"]}'
    )
    assert (found.code, found.details) == (
        403,
        {"name": "new", "group": "rbac.authorization.k8s.io", "kind": "roles"},
    )


def test_bindings_grant_what_their_role_has() -> None:
    """Who has not all of a role may not bind it; a role that is not there cannot be bound by them."""
    rules = (rule("get", "", "pods"), rule("get", "", "secrets"))
    roles = (role("mine", rules[0]), role("more", *rules))
    policy = compile_policy(Declared(cluster_roles=roles, bindings=(binding("mine", user("bob"), namespace="echo"),)))
    assert refusal(policy, a_binding("mine")) is None
    refused, missing = refusal(policy, a_binding("more")), refusal(policy, a_binding("gone", "Role"))
    assert refused is not None
    assert "secrets" in refused.message
    assert missing is not None
    assert (missing.code, missing.message) == (404, 'roles.rbac.authorization.k8s.io "gone" not found')


def test_the_verbs_escalate_and_bind_lift_it() -> None:
    """`escalate` on roles lets one write any rule, `bind` on a role bind it."""
    group = "rbac.authorization.k8s.io"
    policy = bobs(rule("escalate", group, "roles"), rule("bind", group, "clusterroles", "r"))
    assert refusal(policy, a_role(rule("*", "*", "*"))) is None
    assert refusal(policy, a_binding("r")) is None
    assert refusal(policy, a_binding("other")) is not None


def test_what_grants_nothing_more_is_let_pass() -> None:
    """Labels of a role or binding may be changed by whoever may write it, and other kinds are no matter here."""
    policy, wanted = bobs(), a_role(rule("*", "*", "*"))
    assert refusal(policy, wanted) is not None
    assert refusal(policy, wanted, before=wanted) is None
    assert refusal(policy, a_binding("r"), before=a_binding("r")) is None
    assert refusal(policy, {"kind": "Pod", "metadata": {"name": "x"}}) is None


def test_administrators_and_an_open_house_grant_anything() -> None:
    """system:masters holds everything, and without a binding everyone does."""
    wanted = a_role(rule("*", "*", "*"))
    assert refusal(bobs(), wanted, who=ADMIN) is None
    assert refusal(Policy(), wanted) is None


def test_an_aggregating_role_is_for_who_has_everything() -> None:
    """What it will hold is not known when it is written."""
    wanted = {"kind": "ClusterRole", "metadata": {"name": "new"}, "aggregationRule": {"clusterRoleSelectors": [{}]}}
    assert refusal(bobs(rule("get", "", "pods")), wanted) is not None
    assert refusal(bobs(rule("get", "", "pods")), wanted, who=ADMIN) is None

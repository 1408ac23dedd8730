from __future__ import annotations

from typing import Any

import pytest

from edgesim.config.api_errors import ApiError
from edgesim.kube.access_reviews import review
from edgesim.kube.rbac import Policy
from edgesim.kube.users import ADMIN, User, named
from tests.kube.test_rbac import BOB, bobs, rule

POLICY = bobs(rule("get,list", "apps", "deployments"))
GET = {"resourceAttributes": {"verb": "get", "group": "apps", "resource": "deployments", "namespace": "echo"}}


def asked(plural: str, spec: Any, user: User = BOB, namespace: str = "", policy: Policy = POLICY) -> dict[str, Any]:
    answer = review(plural, {"spec": spec}, namespace, user, policy)
    found: dict[str, Any] = answer["status"]
    return found


def test_what_one_may_oneself() -> None:
    """The status says yes with the binding that allows it, or no."""
    assert asked("selfsubjectaccessreviews", GET) == {
        "allowed": True,
        "reason": 'RBAC: allowed by RoleBinding "b/echo" of ClusterRole "r" to User "bob"',
    }
    elsewhere = {"resourceAttributes": {**GET["resourceAttributes"], "namespace": "foxtrot"}}
    assert asked("selfsubjectaccessreviews", elsewhere) == {"allowed": False}
    assert asked("selfsubjectaccessreviews", elsewhere, ADMIN)["allowed"] is True
    assert asked("selfsubjectaccessreviews", elsewhere, policy=Policy())["allowed"] is True
    path = {"nonResourceAttributes": {"verb": "get", "path": "/metrics"}}
    assert asked("selfsubjectaccessreviews", path) == {"allowed": False}


def test_what_somebody_else_may() -> None:
    """A user, or whoever is in groups."""
    assert asked("subjectaccessreviews", {**GET, "user": "bob"}, ADMIN)["allowed"] is True
    assert asked("subjectaccessreviews", {**GET, "groups": ["dev"]}, ADMIN)["allowed"] is False
    assert asked("localsubjectaccessreviews", {**GET, "user": "bob"}, ADMIN, "echo")["allowed"] is True


def test_the_answer_is_the_review_that_was_sent() -> None:
    """Kind, version and spec come back with the status."""
    answer = review("selfsubjectaccessreviews", {"spec": GET}, "", BOB, POLICY)
    assert (answer["apiVersion"], answer["kind"]) == ("authorization.k8s.io/v1", "SelfSubjectAccessReview")
    assert answer["spec"] == GET


def test_every_rule_one_has() -> None:
    """Resource rules and paths, as `auth can-i --list` shows them; a star for everything where RBAC is off."""
    found = asked("selfsubjectrulesreviews", {"namespace": "echo"})
    assert {"verbs": ["get", "list"], "apiGroups": ["apps"], "resources": ["deployments"]} in found["resourceRules"]
    assert found["incomplete"] is False
    assert "/api" in found["nonResourceRules"][0]["nonResourceURLs"]
    everything = [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}]
    assert asked("selfsubjectrulesreviews", {"namespace": "x"}, policy=Policy())["resourceRules"] == everything


def test_who_one_is() -> None:
    """`auth whoami` is told name and groups."""
    answer = review("selfsubjectreviews", {}, "", named("bob"), POLICY)
    assert answer["kind"] == "SelfSubjectReview"
    assert answer["status"] == {"userInfo": {"username": "bob", "groups": ["system:authenticated"]}}


@pytest.mark.parametrize(
    ("plural", "spec", "code"),
    [
        ("selfsubjectaccessreviews", {}, 422),
        ("selfsubjectaccessreviews", None, 422),
        ("selfsubjectaccessreviews", {**GET, "nonResourceAttributes": {}}, 422),
        ("selfsubjectaccessreviews", [], 422),
        ("selfsubjectaccessreviews", "x", 400),
        ("selfsubjectaccessreviews", {"resourceAttributes": "x"}, 400),
        ("selfsubjectaccessreviews", {"resourceAttributes": {"verb": 7}}, 400),
        ("subjectaccessreviews", GET, 422),
        ("subjectaccessreviews", {**GET, "groups": "dev"}, 400),
        ("localsubjectaccessreviews", {**GET, "user": "bob"}, 422),
        ("selfsubjectrulesreviews", {}, 400),
        ("tokenreviews", {}, 404),
    ],
)
def test_a_review_that_asks_nothing_is_refused(plural: str, spec: Any, code: int) -> None:
    """What cannot be read is 400, what asks nothing 422, what is no review 404."""
    with pytest.raises(ApiError) as refused:
        asked(plural, spec)
    assert refused.value.code == code

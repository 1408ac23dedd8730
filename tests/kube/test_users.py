from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from aiohttp.test_utils import make_mocked_request

from edgesim.config.api_errors import ApiError
from edgesim.kube.users import ADMIN, User, Users, account_of, authenticate, impersonated, named


def sent(*pairs: tuple[str, str]) -> Mapping[str, str]:
    """Return the headers of a request, where a name may stand several times."""
    given: Any = [*pairs]
    return make_mocked_request("GET", "/", headers=given).headers


def known() -> Users:
    users = Users()
    users.give("secret", named("echo-team", ("teams",)))
    return users


def test_a_token_says_who_one_is() -> None:
    """A bearer token, in any case of the scheme, stands for its user, also on the trusted port."""
    for header in ("Bearer secret", "bearer  secret "):
        for trusted in (True, False):
            found = authenticate(sent(("authorization", header)), known(), trusted=trusted)
            assert found == User("echo-team", ("teams", "system:authenticated"))


@pytest.mark.parametrize("header", ["Bearer wrong", "Bearer", "Basic c2VjcmV0", "secret", "Bearer secret\udcff"])
def test_an_unknown_token_is_nobody(header: str) -> None:
    """What is no known token is Unauthorized, even where one would need none."""
    with pytest.raises(ApiError) as refused:
        authenticate({"Authorization": header}, known(), trusted=True)
    assert (refused.value.code, refused.value.message) == (401, "Unauthorized")


def test_without_a_token_one_is_the_administrator_of_a_trusted_port_only() -> None:
    """Plain loopback is the administrator's; any other port wants a token."""
    assert authenticate({}, known(), trusted=True) is ADMIN
    with pytest.raises(ApiError, match="Unauthorized"):
        authenticate({}, known(), trusted=False)


def test_a_second_token_of_a_user_does_not_end_the_first() -> None:
    """Giving a token again changes whom it stands for, and no other token."""
    users = known()
    users.give("other", named("bob"))
    users.give("other", named("bob", ("ops",)))
    assert users.holder("other") == User("bob", ("ops", "system:authenticated"))
    assert users.holder("secret") == named("echo-team", ("teams",))


def test_service_accounts_are_in_their_groups() -> None:
    """The name of a service account brings the groups of all accounts and of its namespace's."""
    groups = ("system:serviceaccounts", "system:serviceaccounts:echo", "system:authenticated")
    assert named("system:serviceaccount:echo:deployer").groups == groups
    assert account_of("system:serviceaccount:echo:deployer") == ("echo", "deployer")
    for name in ("system:serviceaccount:echo", "system:serviceaccount::x", "system:serviceaccount:a:b:c", "echo:x"):
        assert account_of(name) is None


def test_impersonation_headers_are_read_whole() -> None:
    """User, every group, uid and extras, whose keys are lower case and percent-decoded."""
    headers = sent(
        ("Impersonate-User", "bob"),
        ("impersonate-group", "a"),
        ("Impersonate-Group", "b"),
        ("Impersonate-Uid", "7"),
        ("Impersonate-Extra-Acme.com%2Fproject", "x"),
        ("Impersonate-Extra-acme.com%2fproject", "y"),
    )
    assert impersonated(headers) == User(
        "bob", ("a", "b", "system:authenticated"), "7", (("acme.com/project", ("x", "y")),)
    )
    assert impersonated({}) is None


def test_groups_stand_in_place_of_an_accounts_own() -> None:
    """Who acts as a service account with groups is in those only."""
    name = "system:serviceaccount:echo:x"
    assert impersonated({"Impersonate-User": name}) == named(name)
    asked = sent(("Impersonate-User", name), ("Impersonate-Group", "a"))
    assert impersonated(asked) == User(name, ("a", "system:authenticated"))
    anonymous = impersonated({"Impersonate-User": "system:anonymous"})
    assert anonymous == User("system:anonymous", ("system:unauthenticated",))


@pytest.mark.parametrize("name", ["Impersonate-Group", "Impersonate-Uid", "Impersonate-Extra-x"])
def test_impersonation_without_a_user_is_refused(name: str) -> None:
    """Groups, uid or extras of nobody are a bad request."""
    with pytest.raises(ApiError) as refused:
        impersonated({name: "x"})
    assert refused.value.code == 400


def test_what_whoami_tells() -> None:
    """UserInfo has what there is."""
    assert User("bob", ("a",), "7", (("k", ("v",)),)).info() == {
        "username": "bob",
        "uid": "7",
        "groups": ["a"],
        "extra": {"k": ["v"]},
    }
    assert User("bob").info() == {"username": "bob"}

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from edgesim.kube.rbac import Attributes, Declared, NonResource, Policy, compile_policy
from edgesim.kube.users import ADMIN, User, named

Json = dict[str, Any]


def role(name: str, *rules: Json, namespace: str = "", **more: Any) -> Json:
    return {"kind": "Role", "metadata": {"name": name, "namespace": namespace}, "rules": [*rules], **more}


def rule(verbs: str, groups: str, resources: str, *names: str) -> Json:
    found = {"verbs": verbs.split(","), "apiGroups": groups.split(","), "resources": resources.split(",")}
    return {**found, "resourceNames": [*names]} if names else found


def binding(role_name: str, *subjects: Json, namespace: str = "", kind: str = "ClusterRole") -> Json:
    return {
        "metadata": {"name": "b", "namespace": namespace},
        "roleRef": {"kind": kind, "name": role_name},
        "subjects": [*subjects],
    }


def user(name: str) -> Json:
    return {"kind": "User", "name": name}


BOB = named("bob", ("dev",))


def bobs(*rules: Json) -> Policy:
    """Make a policy in which bob has rules in the namespace echo."""
    declared = Declared(cluster_roles=(role("r", *rules),), bindings=(binding("r", user("bob"), namespace="echo"),))
    return compile_policy(declared)


def may(policy: Policy, verb: str, resource: str, namespace: str = "echo", name: str = "", group: str = "apps") -> bool:
    plural, _, subresource = resource.partition("/")
    return policy.allows(BOB, Attributes(verb, group, plural, subresource, namespace, name))


def test_without_a_binding_everyone_may_everything() -> None:
    """Roles alone turn nothing on; a binding does, and so does `always`."""
    roles = Declared(cluster_roles=(role("r"),))
    assert compile_policy(roles).allows(BOB, Attributes("delete", "", "secrets"))
    assert not compile_policy(roles, always=True).allows(BOB, Attributes("delete", "", "secrets"))
    assert not bobs().allows(BOB, Attributes("delete", "", "secrets"))


def test_masters_may_everything_and_everyone_may_discover() -> None:
    """system:masters needs no binding; who is authenticated may look around and ask what they may."""
    policy = bobs()
    assert policy.allows(ADMIN, Attributes("delete", "x", "y", namespace="z"))
    assert policy.allows(ADMIN, NonResource("post", "/anything"))
    for path in ("/api", "/apis", "/apis/apps/v1", "/openapi/v3/x", "/version", "/healthz"):
        assert policy.allows(BOB, NonResource("get", path))
    assert not policy.allows(BOB, NonResource("get", "/metrics"))
    assert not policy.allows(User("nobody"), NonResource("get", "/api"))
    assert policy.allows(BOB, Attributes("create", "authorization.k8s.io", "selfsubjectaccessreviews"))


def test_rights_hold_in_the_namespace_of_the_binding() -> None:
    """A ClusterRole bound in a namespace says nothing of another, nor of the cluster."""
    policy = bobs(rule("get", "apps", "deployments"))
    assert may(policy, "get", "deployments")
    assert not may(policy, "get", "deployments", "foxtrot")
    assert not may(policy, "get", "deployments", "")
    assert not may(policy, "get", "deployments", group="")
    assert not may(policy, "patch", "deployments")


def test_subresources_are_named_or_meant_by_a_star() -> None:
    """`deployments` is not `deployments/scale`; `*`, `*/scale` and the full name are."""
    for resources, allowed in (
        ("deployments", False),
        ("deployments/scale", True),
        ("*/scale", True),
        ("*", True),
        ("deployments/*", False),
        ("*/status", False),
    ):
        assert may(bobs(rule("get", "*", resources)), "get", "deployments/scale") is allowed
    assert not may(bobs(rule("get", "*", "*/scale")), "get", "deployments")


def test_resource_names_allow_those_only() -> None:
    """A rule with names allows no other name, and none without a name (list, create)."""
    policy = bobs(rule("*", "apps", "deployments", "a", "b"))
    assert may(policy, "get", "deployments", name="b")
    assert not may(policy, "get", "deployments", name="c")
    assert not may(policy, "list", "deployments")


def test_service_accounts_and_groups_are_subjects() -> None:
    """An account is known by namespace and name, its namespace that of the binding if none is given."""
    subjects: list[Json] = [
        {"kind": "ServiceAccount", "name": "own"},
        {"kind": "ServiceAccount", "name": "far", "namespace": "ops"},
        {"kind": "Group", "name": "dev"},
    ]
    roles = (role("r", rule("get", "", "pods"), namespace="echo"),)
    bound = (binding("r", *subjects, namespace="echo", kind="Role"),)
    policy = compile_policy(Declared(roles=roles, bindings=bound))
    wanted = Attributes("get", "", "pods", namespace="echo")
    for name, allowed in (("echo:own", True), ("ops:far", True), ("ops:own", False), ("echo:far", False)):
        assert policy.allows(named(f"system:serviceaccount:{name}"), wanted) is allowed
    assert policy.allows(BOB, wanted)
    assert not policy.allows(named("dev"), wanted)


def test_a_role_of_another_namespace_is_none() -> None:
    """A RoleBinding to a Role finds it in its own namespace only; what is not there grants nothing."""
    roles = (role("r", rule("get", "", "pods"), namespace="foxtrot"),)
    policy = compile_policy(Declared(roles=roles, bindings=(binding("r", user("bob"), namespace="echo", kind="Role"),)))
    assert policy.on
    assert not policy.allows(BOB, Attributes("get", "", "pods", namespace="echo"))


def test_cluster_bindings_hold_everywhere() -> None:
    """Also for paths that are no resources, where a star ends a prefix."""
    paths = {"verbs": ["get"], "nonResourceURLs": ["/metrics", "/logs/*"]}
    declared = Declared(
        cluster_roles=(role("r", rule("get", "", "pods"), paths),), cluster_bindings=(binding("r", user("bob")),)
    )
    policy = compile_policy(declared)
    assert policy.allows(BOB, Attributes("get", "", "pods"))
    assert policy.allows(BOB, Attributes("get", "", "pods", namespace="any"))
    assert policy.allows(BOB, NonResource("get", "/metrics"))
    assert policy.allows(BOB, NonResource("get", "/logs/x/y"))
    assert not policy.allows(BOB, NonResource("get", "/metrics/x"))
    assert not policy.allows(BOB, NonResource("post", "/metrics"))


def test_aggregated_roles_have_the_rules_of_those_they_choose() -> None:
    """An aggregation rule takes every ClusterRole whose labels match, in place of the role's own rules."""
    aggregation = {
        "clusterRoleSelectors": [
            {"matchLabels": {"to": "r"}, "matchExpressions": [{"key": "off", "operator": "DoesNotExist"}]}
        ]
    }
    parts = [role("part", rule("get", "", "pods")), role("off", rule("get", "", "secrets"))]
    parts[0]["metadata"]["labels"] = {"to": "r"}
    parts[1]["metadata"]["labels"] = {"to": "r", "off": ""}
    whole = role("r", rule("get", "", "services"), aggregationRule=aggregation)
    policy = compile_policy(Declared(cluster_roles=(whole, *parts), cluster_bindings=(binding("r", user("bob")),)))
    allowed = [each for each in ("pods", "secrets", "services") if policy.allows(BOB, Attributes("get", "", each))]
    assert allowed == ["pods"]


def test_why_one_may_is_said_as_kubernetes_says_it() -> None:
    """The reason names the binding, the role and the subject."""
    policy = bobs(rule("get", "", "pods"))
    reason = 'RBAC: allowed by RoleBinding "b/echo" of ClusterRole "r" to User "bob"'
    assert policy.reason(BOB, Attributes("get", "", "pods", namespace="echo")) == reason
    assert policy.reason(BOB, Attributes("get", "", "pods", namespace="foxtrot")) is None


def test_malformed_roles_grant_nothing() -> None:
    """What stands in a store and is no rule, subject or list is passed over."""
    odd: Any = {"metadata": None, "rules": [None, 1, {"verbs": "get"}], "roleRef": "r", "subjects": [7, {}]}
    policy = compile_policy(Declared((odd,), (odd,), (odd,), (odd,)))
    assert not policy.allows(BOB, Attributes("get", "", "pods", namespace="echo"))


# --- the same, evaluated plainly ------------------------------------------------------------------------


def naive(declared: Declared, who: User, wanted: Attributes) -> bool:
    """Decide as one reads the manifests: every binding, every subject, every rule."""
    for each in (*declared.cluster_bindings, *declared.bindings):
        namespace = each["metadata"]["namespace"]
        if namespace not in {"", wanted.namespace} or not any(is_subject(s, who, namespace) for s in each["subjects"]):
            continue
        pool = declared.roles if each["roleRef"]["kind"] == "Role" else declared.cluster_roles
        home = namespace if each["roleRef"]["kind"] == "Role" else ""
        for found in pool:
            if found["metadata"] != {"name": each["roleRef"]["name"], "namespace": home}:
                continue
            if any(permits(one, wanted) for one in found["rules"]):
                return True
    return False


def is_subject(subject: Any, who: User, namespace: str) -> bool:
    match subject["kind"]:
        case "User":
            return bool(subject["name"] == who.name)
        case "Group":
            return subject["name"] in who.groups
        case _:
            return who.name == f"system:serviceaccount:{subject.get('namespace', namespace)}:{subject['name']}"


def permits(one: Json, wanted: Attributes) -> bool:
    resource = wanted.resource + (f"/{wanted.subresource}" if wanted.subresource else "")
    meant = {"*", resource} | ({f"*/{wanted.subresource}"} if wanted.subresource else set())
    return (
        bool({"*", wanted.verb} & {*one["verbs"]})
        and bool({"*", wanted.group} & {*one["apiGroups"]})
        and bool(meant & {*one["resources"]})
        and (not one.get("resourceNames") or wanted.name in one["resourceNames"])
    )


VERBS, GROUPS, SPACES = ("get", "list", "*"), ("", "apps", "*"), ("echo", "foxtrot")
RESOURCES, NAMES = ("pods", "pods/log", "*/log", "*"), ("", "a", "b")


def some(words: tuple[str, ...]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(words), max_size=2)


RULES = st.fixed_dictionaries(
    {"verbs": some(VERBS), "apiGroups": some(GROUPS), "resources": some(RESOURCES), "resourceNames": some(NAMES[1:])}
)
SUBJECTS = st.lists(
    st.one_of(
        st.builds(lambda kind, name: {"kind": kind, "name": name}, st.sampled_from(["User", "Group"]), some_name := st.sampled_from(["bob", "dev"])),
        st.builds(lambda name, space: {"kind": "ServiceAccount", "name": name, "namespace": space}, some_name, st.sampled_from(SPACES)),
        st.builds(lambda name: {"kind": "ServiceAccount", "name": name}, some_name),
    ),
    max_size=2,
)  # fmt: skip


def unique(roles: list[Json]) -> tuple[Json, ...]:
    return tuple({(each["metadata"]["namespace"], each["metadata"]["name"]): each for each in roles}.values())


@st.composite
def declarations(draw: st.DrawFn) -> Declared:
    def drawn_role(namespace: str) -> Json:
        return role(draw(st.sampled_from("rs")), *draw(st.lists(RULES, max_size=2)), namespace=namespace)

    def drawn_binding(namespace: str) -> Json:
        kind = draw(st.sampled_from(["Role", "ClusterRole"])) if namespace else "ClusterRole"
        bound = binding(draw(st.sampled_from("rs")), *draw(SUBJECTS), namespace=namespace, kind=kind)
        # A service account needs a namespace where the binding has none.
        return {
            **bound,
            "subjects": [each for each in bound["subjects"] if namespace or each["kind"] != "ServiceAccount"],
        }

    spaces = st.sampled_from(SPACES)
    numbers = range(draw(st.integers(0, 3)))
    return Declared(
        unique([drawn_role(draw(spaces)) for _ in numbers]),
        unique([drawn_role("") for _ in numbers]),
        tuple(drawn_binding(draw(spaces)) for _ in numbers),
        tuple(drawn_binding("") for _ in numbers),
    )


WANTED = st.builds(
    Attributes,
    st.sampled_from(VERBS[:2]),
    st.sampled_from(GROUPS[:2]),
    st.just("pods"),
    st.sampled_from(["", "log"]),
    st.sampled_from(["", *SPACES]),
    st.sampled_from(NAMES),
)
WHO = st.sampled_from([User("bob"), User("x", ("dev",)), User("system:serviceaccount:echo:bob")])


@given(declarations(), WHO, WANTED)
def test_what_is_compiled_decides_as_the_manifests_say(declared: Declared, who: User, wanted: Attributes) -> None:
    """For every policy, user and request the compiled policy and a plain reading of the manifests agree."""
    assert compile_policy(declared, always=True).allows(who, wanted) is naive(declared, who, wanted)

"""Lint as `check` gives it: what is told, what is not, and how it is silenced."""

from __future__ import annotations

from textwrap import dedent

import pytest
from hypothesis import given

from edgesim.backends.planned import planned_assignments
from edgesim.inspect.lint import Subject, with_lint
from edgesim.inspect.lint_overlaps import conditions_meet, paths_meet
from edgesim.model import PathKind, PathMatcher, Problem, RouteMatch, Severity
from edgesim.model.codes.code import SERVICE, UPSTREAM, documents, route, routed, upstream, virtual_host
from edgesim.routing.conditions import conditions_of
from tests.dialects.scenes import run
from tests.inspect.test_lint_hidden import MATCHES

TO_ECHO = "routeAction: {single: {upstream: {name: echo}}}\n"
SUBSETS = "subsetSpec: {selectors: [{keys: [version]}]}"
KUBE = f"kube: {{serviceName: echo, serviceNamespace: default, servicePort: 80, {SUBSETS}}}\n"
POD = """\
apiVersion: v1
kind: Pod
metadata: {name: echo, labels: {app: echo, version: v1}}
spec: {containers: [{name: echo, image: hashicorp/http-echo, args: ['-text=v1']}]}
"""
HIDDEN = "domains: ['*']\nroutes:\n- {matchers: [{prefix: /}], directResponseAction: {status: 200}}\n"
HIDDEN += "- {matchers: [{prefix: /a}], directResponseAction: {status: 200}}\n"


def notes(*texts: str) -> list[Problem]:
    outcome = run(*texts)
    model, where = outcome.translation.model, outcome.translation.where
    assignments = planned_assignments(model.clusters, outcome.resources)
    return [*with_lint(Subject(outcome.resources, model, assignments, tuple(outcome.problems), where))]


def codes(*texts: str) -> list[str]:
    return [problem.code for problem in notes(*texts)]


def silencing(words: str) -> str:
    return virtual_host(HIDDEN).replace(
        "{name: echo}", f"{{name: echo, annotations: {{edgesim.io/ignore: '{words}'}}}}"
    )


def table(namespace: str, matcher: str, weight: int = 0) -> str:
    return dedent(f"""\
        apiVersion: gateway.solo.io/v1
        kind: RouteTable
        metadata: {{name: routes, namespace: {namespace}}}
        spec:
          weight: {weight}
          routes: [{{matchers: [{{{matcher}}}], directResponseAction: {{status: 200}}}}]
        """)


ALL_TABLES = route("matchers: [{prefix: /}]\ndelegateAction: {selector: {namespaces: ['*']}}\n")


def test_a_hidden_route_names_both_places() -> None:
    """The note stands on the later route and names the line of the earlier one."""
    (note,) = notes(virtual_host(HIDDEN))
    assert (note.code, note.severity, note.field) == ("ES0650", Severity.NOTE, "spec.virtualHost.routes[1]")
    assert note.related
    assert str(note.related[0]) in note.message


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("ES0650", []),
        ("es0658 ES0650", []),
        ("ES0658,ES0651", ["ES0650"]),
        ("ES0650, ES9999", ["ES0660"]),
        ("ES0650, ES0214", ["ES0660"]),
    ],
)
def test_a_note_is_silenced_on_its_resource(words: str, expected: list[str]) -> None:
    """The annotation takes a list; what is no note's code is a note itself."""
    assert codes(silencing(words)) == expected


def test_a_route_of_another_teams_table_hides_too() -> None:
    """Hidden across tables is told once, as hidden, and not as an overlap as well."""
    found = notes(ALL_TABLES, table("a", "prefix: /api"), table("b", "prefix: /api/v1", 1))
    assert [(each.code, str(each.resource)) for each in found] == [("ES0650", "RouteTable b/routes")]
    assert "RouteTable a/routes" in found[0].message


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("prefix: /api/v1", "prefix: /api", ["ES0659"]),
        ("exact: /api", "prefix: /a", ["ES0659"]),
        ("prefix: /api, headers: [{name: x, value: a}]", "prefix: /api, headers: [{name: x, value: b}]", []),
        ("prefix: /api, headers: [{name: x, value: a}]", "prefix: /api, headers: [{name: y, value: b}]", ["ES0659"]),
        ("prefix: /api, methods: [GET]", "prefix: /api, methods: [PUT]", []),
        ("prefix: /echo", "prefix: /foxtrot", []),
    ],
)
def test_tables_of_two_teams(first: str, second: str, expected: list[str]) -> None:
    """Routes that some request certainly matches both are told on the later table."""
    assert codes(ALL_TABLES, table("a", first), table("b", second, 1)) == expected


def test_tables_of_one_team_may_overlap() -> None:
    """Within a namespace the order is that team's own."""
    second = table("a", "prefix: /api", 1).replace("name: routes", "name: more")
    assert codes(ALL_TABLES, table("a", "prefix: /api/v1"), second) == []


@given(MATCHES, MATCHES)
def test_whether_two_matchers_meet_does_not_depend_on_their_order(one: RouteMatch, other: RouteMatch) -> None:
    """Meeting is symmetric, and what a matcher implies it meets."""
    assert paths_meet(one.path, other.path) == paths_meet(other.path, one.path)
    own, others = next(conditions_of(one)), next(conditions_of(other))
    assert conditions_meet([*own, *others]) == conditions_meet([*others, *own])


def test_paths_meet() -> None:
    """A regex meets what it matches; two different regexes are not said to meet."""
    regex = PathMatcher(PathKind.REGEX, "/v[0-9]/x")
    assert paths_meet(regex, PathMatcher(PathKind.EXACT, "/v1/x"))
    assert not paths_meet(regex, PathMatcher(PathKind.REGEX, "/v[1-9]/x"))
    assert not paths_meet(regex, PathMatcher(PathKind.PREFIX, "/v1"))


@pytest.mark.parametrize(("version", "weight", "expected"), [("v1", 50, []), ("v2", 50, ["ES0656"]), ("v2", 0, [])])
def test_a_subset_without_a_pod(version: str, weight: int, expected: list[str]) -> None:
    """It is told of what gets requests: an arm of weight 0 may wait for its pods."""
    arms = (
        f"{{destination: {{upstream: {{name: echo}}, subset: {{values: {{version: {value}}}}}}}, weight: {share}}}"
        for value, share in (("v1", 100 - weight), (version, weight))
    )
    action = f"routeAction: {{multi: {{destinations: [{', '.join(arms)}]}}}}\n"
    assert codes(documents(route(action), upstream(KUBE), SERVICE, POD)) == expected


def test_a_destination_without_pods_says_which_labels_are_wanted() -> None:
    """The hint is the Service's selector."""
    (note,) = notes(documents(route(TO_ECHO), upstream(KUBE), SERVICE))
    assert (note.code, note.hint) == ("ES0655", "Service default/echo wants pods with app=echo")


def test_an_upstream_without_its_service_is_told_once() -> None:
    """Why it has no pods is a problem of its own already."""
    assert codes(documents(route(TO_ECHO), upstream(KUBE))) == ["ES0304"]


@pytest.mark.parametrize(
    "text",
    [
        route("routeAction: {clusterHeader: x-cluster}\n"),
        routed(TO_ECHO),
        route("directResponseAction: {status: 200}\n")
        + "---\napiVersion: gloo.solo.io/v1\nkind: UpstreamGroup\nmetadata: {name: g}\n"
        + "spec: {destinations: [{destination: {upstream: {name: echo}}, weight: 100}]}\n",
    ],
)
def test_upstreams_in_use(text: str) -> None:
    """A route, a group, or a header that may name any cluster uses it."""
    assert "ES0658" not in codes(text if "kind: Upstream\n" in text else documents(text, UPSTREAM))


@pytest.mark.parametrize(
    ("fallback", "subset", "expected"),
    [
        ("NO_FALLBACK", "", "ES0661"),
        ("NO_FALLBACK", "v1", ""),
        ("NO_FALLBACK", "v2", "ES0656"),
        ("DEFAULT_SUBSET, defaultSubset: {values: {version: v1}}", "", ""),
        ("DEFAULT_SUBSET, defaultSubset: {values: {version: v2}}", "", "ES0661"),
        ("DEFAULT_SUBSET, defaultSubset: {values: {version: v2}}", "v3", "ES0656"),
        ("ANY_ENDPOINT", "", ""),
    ],
)
def test_a_destination_that_nobody_is_fallen_back_to(fallback: str, subset: str, expected: str) -> None:
    """Without a subset the fallback policy decides: where it leaves nobody, the note says so, and names the labels."""
    asked = f", subset: {{values: {{version: {subset}}}}}" if subset else ""
    action = f"routeAction: {{single: {{upstream: {{name: echo}}{asked}}}}}\n"
    kube = KUBE.replace("[{keys: [version]}]", f"[{{keys: [version]}}], fallbackPolicy: {fallback}")
    found = notes(documents(route(action), upstream(kube), SERVICE, POD))
    assert [each.code for each in found] == ([expected] if expected else [])
    assert all("answered 503" in each.message and "version=v1" in each.hint for each in found)


@pytest.mark.parametrize(
    ("text", "field"),
    [
        (
            documents(routed(TO_ECHO)).replace("  static:", "  failover: {policy: {}}\n  static:"),
            "spec.failover",
        ),
        (
            routed(TO_ECHO).replace("  static:", "  loadBalancerConfig: {localityWeightedLbConfig: {}}\n  static:"),
            "spec.loadBalancerConfig.localityWeightedLbConfig",
        ),
        (routed(f"{TO_ECHO}options: {{jwt: {{disable: true}}}}\n"), "spec.virtualHost.routes[0].options.jwt"),
        (routed(TO_ECHO), ""),
    ],
)
def test_fields_of_gloo_enterprise(text: str, field: str) -> None:
    """What acts here and not with open-source Gloo has a note on its field."""
    assert [(each.code, each.field) for each in notes(text)] == ([("ES0662", field)] if field else [])


@pytest.mark.parametrize(
    ("answer", "expected"),
    [("status: 204, body: gone", ["ES0663"]), ("status: 304, body: x", ["ES0663"]), ("status: 204", [])],
)
def test_a_body_where_none_may_be(answer: str, expected: list[str]) -> None:
    """Told where it is written; a status with a body, and one without, are silent."""
    assert codes(route(f"directResponseAction: {{{answer}}}\n")) == expected
    assert codes(route("directResponseAction: {status: 200, body: hi}\n")) == []

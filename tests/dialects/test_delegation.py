from __future__ import annotations

import pytest

from edgesim.model import ResourceKey, Severity
from tests.dialects.scenes import TO_ECHO, UPSTREAM, route, run
from tests.dialects.tables import API, BY_REF, VS, bodies, says, table


def test_a_table_is_taken_in_by_reference() -> None:
    """A table's routes stand where the delegating route stands, in their own order."""
    outcome = run(route(API + BY_REF), table(says("b", "/api/b"), says("a", "/api/a")))
    assert outcome.problems == []
    assert bodies(outcome) == ["b", "a"]
    assert [each.number for each in outcome.routes] == [1, 2]
    origin = outcome.routes[1].origin
    assert [(step.kind, step.name, step.path) for step in origin] == [
        ("VirtualService", "echo", ("spec", "virtualHost", "routes", 0)),
        ("RouteTable", "a", ("spec", "routes", 1)),
    ]


def test_a_route_of_a_table_may_delegate_further() -> None:
    """The routes of a table below stand where the delegating route of the table above stands."""
    below = "matchers: [{prefix: /api/b}]\ndelegateAction: {ref: {name: b, namespace: other}}\n"
    outcome = run(
        route(API + BY_REF),
        table(says("1", "/api/a"), below, says("4", "/api")),
        table(says("2", "/api/b/x"), says("3", "/api/b"), name="b", namespace="other"),
    )
    assert outcome.problems == []
    assert bodies(outcome) == ["1", "2", "3", "4"]
    assert [step.name for step in outcome.routes[1].origin] == ["echo", "a", "b"]
    assert outcome.routes[1].origin[1].path == ("spec", "routes", 1)


def test_the_old_flat_form_wins_over_ref_and_selector() -> None:
    """`name` and `namespace` right in the delegateAction go before anything else."""
    flat = "delegateAction: {name: b, namespace: default, ref: {name: a, namespace: default}}\n"
    outcome = run(route(API + flat), table(says("a", "/api")), table(says("b", "/api"), name="b"))
    assert outcome.problems == []
    assert bodies(outcome) == ["b"]


def test_destinations_of_a_table_are_in_its_own_namespace() -> None:
    """An upstream without namespace is that of the table's namespace, not of the virtual service's."""
    outcome = run(
        route("delegateAction: {ref: {name: a, namespace: other}}\n"),
        table(TO_ECHO, namespace="other"),
        UPSTREAM.replace("name: echo", "name: echo, namespace: other"),
    )
    assert outcome.problems == []
    assert outcome.routes[0].action.destination.cluster == "echo_other"  # type: ignore[union-attr]


def test_a_table_that_nobody_uses_is_not_translated() -> None:
    """Whatever is in it, it has no problem."""
    outcome = run(table(TO_ECHO, "matchers: []\n"))
    assert outcome.problems == []


# --- the delegating route (section 5.1) -------------------------------------------------------------


def test_a_delegating_route_without_matchers_has_the_prefix_of_everything() -> None:
    """No matcher means the prefix /."""
    assert bodies(run(route(BY_REF), table(says("a", "/x")))) == ["a"]


def test_a_delegating_matcher_without_path_loses_its_conditions() -> None:
    """It counts as the prefix /, and a note says what is lost."""
    outcome = run(route("matchers: [{methods: [GET]}]\n" + BY_REF), table(says("a", "/x")))
    assert outcome.codes == ["ES0620"]
    assert bodies(outcome) == ["a"]


@pytest.mark.parametrize("path", ["exact: /a", "regex: /a.*", "connectMatcher: {}", "prefix: ''"])
def test_a_delegating_route_needs_a_prefix(path: str) -> None:
    """Any other path is an error, even where the table is missing."""
    problem = run(route(f"matchers: [{{{path}}}]\n" + BY_REF)).only()
    assert (problem.code, problem.severity, problem.resource) == ("ES0250", Severity.ERROR, VS)
    assert problem.message == "invalid route: routes with delegate actions must use a prefix matcher"
    assert problem.field == f"spec.virtualHost.routes[0].matchers[0].{path.partition(':')[0]}"


def test_a_delegating_route_has_one_matcher() -> None:
    """Two are an error."""
    problem = run(route("matchers: [{prefix: /a}, {prefix: /b}]\n" + BY_REF)).only()
    assert (problem.code, problem.severity) == ("ES0251", Severity.ERROR)
    assert problem.message == "invalid route: routes with delegate actions must omit or specify a single matcher"
    assert problem.field == "spec.virtualHost.routes[0].matchers[1]"


def test_an_error_of_a_table_affects_the_virtual_service() -> None:
    """A bad delegating matcher and a route without action are the table's errors, from which the VS suffers."""
    bad = "matchers: [{exact: /api/b}]\n" + BY_REF
    outcome = run(route(API + BY_REF), table(bad, "matchers: [{prefix: /api/c}]\n", says("d", "/api/d")))
    owner = ResourceKey("RouteTable", "default", "a")
    assert [(each.code, each.resource, each.affects) for each in outcome.problems] == [
        ("ES0250", owner, (VS,)),
        ("ES0204", owner, (VS,)),
    ]
    assert outcome.problems[0].field == "spec.routes[0].matchers[0].exact"
    assert bodies(outcome) == ["d"]


# --- names (section 1) ------------------------------------------------------------------------------


def test_a_delegated_route_is_named_by_its_way() -> None:
    """If any route of the way has a name all levels are spelt out; otherwise there is none."""
    above = "name: top\n" + API + BY_REF
    outcome = run(route(above), table(says("a", "/api/a"), "name: b\n" + says("b", "/api/b")))
    assert [each.name for each in outcome.routes] == [
        "vs:gateway-proxy_gateway-proxy_default_echo_route:top_rt:default_a_route:<unnamed-0>",
        "vs:gateway-proxy_gateway-proxy_default_echo_route:top_rt:default_a_route:b",
    ]
    assert [each.name for each in run(route(BY_REF), table(says("a", "/a"))).routes] == [""]

from __future__ import annotations

import pytest

from edgesim.dialects.gloo import trees
from edgesim.model import ResourceKey, Severity
from tests.dialects.scenes import Outcome, route, run
from tests.dialects.tables import BY_REF, VS, bodies, says, table

# --- targets (section 5.2) --------------------------------------------------------------------------


def test_a_missing_table_is_a_warning() -> None:
    """The delegating route gives no routes, the others stay, and the likely table is named."""
    outcome = run(
        route("delegateAction: {ref: {name: ecko, namespace: default}}\n")
        + f"      - {says('rest', '/').rstrip()}".replace("\n", "\n        ")
        + "\n",
        table(says("a", "/x"), name="echo"),
    )
    problem = outcome.only()
    assert (problem.code, problem.severity, problem.message) == (
        "ES0252",
        Severity.WARNING,
        "route table default.ecko missing",
    )
    assert problem.hint == "did you mean `echo`?"
    assert problem.field == "spec.virtualHost.routes[0].delegateAction.ref"
    assert bodies(outcome) == ["rest"]


def test_the_namespace_of_a_reference_has_no_default() -> None:
    """A ref without namespace finds nothing, and the hint says why."""
    problem = run(route("delegateAction: {ref: {name: a}}\n"), table(says("a", "/x"))).only()
    assert (problem.code, problem.message) == ("ES0252", "route table .a missing")
    assert "`namespace` is needed" in problem.hint
    assert "`default`" in problem.hint


def test_no_target_is_a_warning() -> None:
    """Neither ref nor selector."""
    problem = run(route("delegateAction: {}\n")).only()
    assert (problem.code, problem.severity) == ("ES0253", Severity.WARNING)
    assert problem.message == (
        "cannot determine delegation target: you must specify a route table either via a resource reference or a "
        "selector"
    )


def selected(selector: str, *tables: str) -> Outcome:
    return run(route(f"delegateAction: {{selector: {selector}}}\n"), *tables)


def one(name: str, labels: str = "", namespace: str = "default") -> str:
    """Write a table whose only route answers with its name."""
    return table(says(name, f"/{name}"), name=name, namespace=namespace, labels=labels)


def test_an_empty_selector_takes_the_owners_namespace() -> None:
    """`{}` selects every table beside the resource that holds the route."""
    outcome = selected("{}", one("a"), one("b"), one("c", namespace="other"))
    assert sorted(bodies(outcome)) == ["a", "b"]


def test_the_owners_namespace_is_that_of_the_table_that_selects() -> None:
    """Below a table in another namespace a selector without namespaces looks there."""
    selects = "delegateAction: {selector: {labels: {x: y}}}\n"
    outcome = run(
        route("delegateAction: {ref: {name: top, namespace: other}}\n"),
        table(selects, name="top", namespace="other"),
        one("a", "x: y"),
        one("b", "x: y", "other"),
    )
    assert outcome.problems == []
    assert bodies(outcome) == ["b"]


@pytest.mark.parametrize(
    ("namespaces", "found"),
    [("['*']", "abc"), ("[other]", "c"), ("[default, '*']", "abc"), ("[other, default]", "abc")],
)
def test_namespaces_widen_a_selector(namespaces: str, found: str) -> None:
    """Listed namespaces count, and a `*` anywhere means all."""
    outcome = selected(f"{{namespaces: {namespaces}}}", one("a"), one("b"), one("c", namespace="other"))
    assert sorted(bodies(outcome)) == list(found)


def test_labels_must_all_hold() -> None:
    """Labels are an AND of equalities."""
    outcome = selected("{labels: {x: y, z: w}}", one("a", "x: y, z: w, more: z"), one("b", "x: y"), one("c"))
    assert bodies(outcome) == ["a"]


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("{key: x, operator: Equals, values: ['1']}", "a"),
        ("{key: x, values: ['1']}", "a"),
        ("{key: x, operator: 0, values: ['1']}", "a"),
        ("{key: x, operator: DoubleEquals, values: ['1']}", "a"),
        ("{key: x, operator: NotEquals, values: ['1']}", "bcd"),
        ("{key: x, operator: In, values: ['1', '20']}", "ab"),
        ("{key: x, operator: NotIn, values: ['1', '20']}", "cd"),
        ("{key: x, operator: 4, values: ['1', '20']}", "cd"),
        ("{key: x, operator: Exists}", "abc"),
        ("{key: x, operator: DoesNotExist}", "d"),
        ("{key: x, operator: GreaterThan, values: ['3']}", "b"),
        ("{key: x, operator: LessThan, values: ['3']}", "a"),
        ("{key: x, operator: 8, values: ['21']}", "ab"),
        ("{key: x, operator: Exists}, {key: x, operator: NotEquals, values: ['1']}", "bc"),
    ],
)
def test_expressions_select_as_in_kubernetes(expression: str, found: str) -> None:
    """Every operator, by name and by number; several expressions must all hold."""
    tables = (one("a", "x: '1'"), one("b", "x: '20'"), one("c", "x: some"), one("d"))
    outcome = selected(f"{{expressions: [{expression}]}}", *tables)
    assert outcome.problems == []
    assert sorted(bodies(outcome)) == list(found)


@pytest.mark.parametrize(
    ("expression", "field", "message"),
    [
        (
            "{key: x, operator: In}",
            "values",
            "values: Invalid value: []string{}: for 'in', 'notin' operators, values set can't be empty",
        ),
        (
            "{key: x, operator: Equals, values: [a, b]}",
            "values",
            'values: Invalid value: []string{"a", "b"}: exact-match compatibility requires one single value',
        ),
        (
            "{key: x, operator: Exists, values: [a]}",
            "values",
            'values: Invalid value: []string{"a"}: values set must be empty for exists and does not exist',
        ),
        (
            "{key: x, operator: LessThan}",
            "values",
            "values: Invalid value: []string{}: for 'Gt', 'Lt' operators, exactly one value is required",
        ),
        (
            "{key: x, operator: GreaterThan, values: [a]}",
            "values[0]",
            "values[0]: Invalid value: \"a\": for 'Gt', 'Lt' operators, the value must be an integer",
        ),
        ("{operator: Exists}", "key", 'key: Invalid value: "": name part must be non-empty'),
    ],
)
def test_a_bad_expression_is_a_warning(expression: str, field: str, message: str) -> None:
    """Kubernetes' reason comes first; nothing is selected."""
    outcome = selected(f"{{expressions: [{expression}]}}", one("a"))
    problem = outcome.only()
    assert (problem.code, problem.severity) == ("ES0256", Severity.WARNING)
    assert problem.message == f"{message}: the route table selector expression is invalid"
    assert problem.field == f"spec.virtualHost.routes[0].delegateAction.selector.expressions[0].{field}"
    assert outcome.routes == ()


def test_labels_and_expressions_exclude_each_other() -> None:
    """With both nothing is selected."""
    outcome = selected("{labels: {x: y}, expressions: [{key: x, operator: Exists}]}", one("a", "x: y"))
    problem = outcome.only()
    assert (problem.code, problem.severity) == ("ES0255", Severity.WARNING)
    assert problem.message == "cannot use both labels and expressions within the same selector"
    assert outcome.routes == ()


@pytest.mark.parametrize(
    ("selector", "hint"),
    [
        ("{labels: {team: ecko}}", "did you mean `echo`?"),
        ("{labels: {taem: echo}}", "did you mean `team`?"),
        (
            "{labels: {far: 'true'}}",
            "there are such tables in the namespaces `other`: name them, or write `namespaces: ['*']`",
        ),
        ("{labels: {x: y}}", ""),
    ],
)
def test_a_selector_that_selects_none_is_a_warning(selector: str, hint: str) -> None:
    """The hint is a near label, or the namespace that was left out."""
    outcome = selected(selector, one("a", "team: echo"), one("b", "far: 'true'", "other"))
    problem = outcome.only()
    assert (problem.code, problem.severity) == ("ES0254", Severity.WARNING)
    assert (problem.message, problem.hint) == ("no route table matches the given selector", hint)


def test_a_table_may_be_taken_in_twice() -> None:
    """Its routes stand there once for each way, and a problem of its own is told once."""
    twice = "delegateAction: {ref: {name: a, namespace: default}}\n"
    both = route(twice) + "      - " + twice
    outcome = run(both, table(says("a", "/x"), "routeAction: {single: {upstream: {name: gone}}}\n"))
    assert [each.origin[0].path[-1] for each in outcome.routes] == [0, 0, 1, 1]
    assert outcome.codes == ["ES0214"]


def test_a_problem_of_a_table_affects_every_virtual_service_above() -> None:
    """Two virtual services that delegate to one table suffer both from its one problem."""
    foxtrot = route(BY_REF).replace("name: echo}", "name: foxtrot}").replace("['*']", "[foxtrot.example]")
    outcome = run(route(BY_REF), foxtrot, table("routeAction: {single: {upstream: {name: gone}}}\n"))
    problem = outcome.only()
    assert problem.resource == ResourceKey("RouteTable", "default", "a")
    assert problem.affects == (VS, ResourceKey("VirtualService", "default", "foxtrot"))


# --- order (section 5.3) ----------------------------------------------------------------------------


def test_tables_stand_by_ascending_weight() -> None:
    """A missing weight is 0; each table alone in its weight keeps its own order."""
    outcome = selected(
        "{}",
        table(says("1", "/z"), says("2", "/a"), name="last", weight=7),
        table(says("3", "/a"), says("4", "/z"), name="first", weight=-3),
        table(says("5", "/b"), says("6", "/bb"), name="middle"),
    )
    assert bodies(outcome) == ["3", "4", "5", "6", "1", "2"]


def test_tables_of_one_weight_are_sorted_together() -> None:
    """More methods first, then exact, regex and prefix; then paths descending, by bytes and not by length."""
    answers = "directResponseAction: {status: 200, body: '%s'}\n"
    outcome = selected(
        "{}",
        table(
            says("/foo", "/foo"),
            says("/foo/bar", "/foo/bar"),
            answers % "methods" + "matchers: [{prefix: /a, methods: [GET, POST]}]\n",
            answers % "method" + "matchers: [{prefix: /z, methods: [GET]}]\n",
            name="a",
        ),
        table(
            says("/foo/bars", "/foo/bars"),
            answers % "regex" + "matchers: [{regex: /foo.*}]\n",
            answers % "exact" + "matchers: [{exact: /foo}]\n",
            says("/foo/bar/baz", "/foo/bar/baz"),
            answers % "none",
            name="b",
        ),
    )
    assert outcome.problems == []
    assert bodies(outcome) == [
        *("methods", "method", "exact", "regex"),
        *("/foo/bars", "/foo/bar/baz", "/foo/bar", "/foo", "none"),
    ]


def test_a_route_is_sorted_by_its_smallest_matcher() -> None:
    """Of several matchers the one that sorts first decides."""
    outcome = selected("{}", table(says("a", "/b"), name="a"), table(says("b", "/a", "/c"), name="b"))
    assert bodies(outcome) == ["b", "a"]


def test_equal_routes_keep_the_order_of_the_tables() -> None:
    """The sort is stable, and tables are listed by name, whatever the order in which they were written."""
    outcome = selected("{}", *(table(says(name, "/x"), name=name) for name in ("c", "a", "b")))
    assert bodies(outcome) == ["a", "b", "c"]


def test_a_single_table_is_not_sorted() -> None:
    """One table keeps its order, even if a selector found it."""
    assert bodies(selected("{}", table(says("1", "/a"), says("2", "/z")))) == ["1", "2"]


# --- cycles and depth (section 5.7) -----------------------------------------------------------------


def test_a_cycle_is_an_error_on_the_table_that_is_revisited() -> None:
    """The whole way is named; the table that leads back and the virtual service suffer; other routes stay."""
    to_b = "delegateAction: {ref: {name: b, namespace: default}}\n"
    outcome = run(
        route(BY_REF),
        table(says("a", "/a"), to_b),
        table("delegateAction: {ref: {name: c, namespace: default}}\n", name="b"),
        table(to_b, says("c", "/c"), name="c"),
    )
    problem = outcome.only()
    assert (problem.code, problem.severity) == ("ES0259", Severity.ERROR)
    assert problem.message == (
        "invalid route: delegation cycle detected: [default.a] -> [default.b] -> [default.c] -> [default.b]"
    )
    assert problem.resource == ResourceKey("RouteTable", "default", "b")
    assert problem.field == "spec.routes[0].delegateAction"
    assert problem.hint == "default.c leads back here"
    assert problem.affects == (ResourceKey("RouteTable", "default", "c"), VS)
    assert bodies(outcome) == ["a", "c"]


def test_a_table_that_selects_itself_is_a_cycle() -> None:
    """The smallest cycle there is."""
    problem = run(route(BY_REF), table("delegateAction: {selector: {}}\n")).only()
    assert problem.message == "invalid route: delegation cycle detected: [default.a] -> [default.a]"
    assert problem.affects == (VS,)


def test_a_diamond_is_no_cycle() -> None:
    """Two ways to one table are fine."""
    to_d = "delegateAction: {ref: {name: d, namespace: default}}\n"
    outcome = run(
        route("delegateAction: {selector: {labels: {x: y}}}\n"),
        table(to_d, name="b", labels="x: y"),
        table(to_d, name="c", labels="x: y"),
        table(says("d", "/d"), name="d"),
    )
    assert outcome.problems == []
    assert [[step.name for step in each.origin] for each in outcome.routes] == [["echo", "b", "d"], ["echo", "c", "d"]]


def test_there_is_no_maximum_depth() -> None:
    """2,000 tables below one another are read, without recursion."""
    deep = 2_000
    tables = [
        table(f"name: n{i}\ndelegateAction: {{ref: {{name: t{i + 1}, namespace: default}}}}\n", name=f"t{i}")
        for i in range(deep)
    ]
    outcome = run(
        route("delegateAction: {ref: {name: t0, namespace: default}}\n"),
        *tables,
        table(says("x", "/"), name=f"t{deep}"),
    )
    assert outcome.problems == []
    assert len(outcome.routes[0].origin) == deep + 2
    assert outcome.routes[0].name.count("_route:") == deep + 2


def test_tables_that_multiply_without_end_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many tables that select each other give one error of that, beside their cycles."""
    monkeypatch.setattr(trees, "MAX_NODES", 1_000)
    names = [chr(ord("a") + i) for i in range(12)]
    outcome = selected("{}", *(table("delegateAction: {selector: {}}\n", name=name) for name in names))
    assert outcome.codes.count("ES0260") == 1
    assert len(outcome.problems) <= 12 * 12 + 1

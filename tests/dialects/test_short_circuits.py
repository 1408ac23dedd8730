from __future__ import annotations

from textwrap import indent

import pytest

from edgesim.dialects import Memo, translate
from edgesim.model import Severity
from edgesim.model.codes.code import settings
from tests.dialects.scenes import Outcome, run, virtual_host

ON = settings("gateway: {validation: {warnRouteShortCircuiting: true}}")
HOST = "virtual host [default.echo]"


def ordered(*matchers: str) -> str:
    """Write a VirtualService with a route for each matcher."""
    routes = "".join(f"- matchers: [{each}]\n  directResponseAction: {{status: 200}}\n" for each in matchers)
    return virtual_host(f"routes:\n{routes}")


def warned(*matchers: str) -> list[str]:
    outcome = run(ordered(*matchers), ON)
    assert all((each.code, each.severity) == ("ES0225", Severity.WARNING) for each in outcome.problems)
    return [each.message for each in outcome.problems]


def test_nothing_is_said_unless_settings_ask_for_it() -> None:
    """By default Gloo does not look."""
    assert run(ordered("{prefix: /}", "{prefix: /}")).problems == []


def test_the_same_matcher_again() -> None:
    """A repeated prefix is a prefix of itself as well."""
    assert warned("{exact: /a}", "{exact: /a}") == [f'{HOST} has conflicting matcher: exact:"/a"']
    assert warned("{prefix: /a}", "{prefix: /a}") == [
        f'{HOST} has conflicting matcher: prefix:"/a"',
        f'{HOST} has unordered prefix routes, earlier prefix [/a] short-circuited later route [prefix:"/a"]',
    ]


@pytest.mark.parametrize(
    ("earlier", "later", "shown"),
    [
        ("{prefix: /a}", "{prefix: /ab}", 'prefix:"/ab"'),
        ("{prefix: /a}", "{exact: /a/b}", 'exact:"/a/b"'),
        ("{prefix: /a}", "{regex: '/a.*'}", 'regex:"/a.*"'),
        ("{prefix: /A, caseSensitive: false}", "{exact: /A, caseSensitive: false}", 'exact:"/A" case_sensitive:{}'),
        (
            "{prefix: /a, headers: [{name: x}]}",
            "{prefix: /a/b, headers: [{name: x, value: y}, {name: z, value: '1', regex: true}]}",
            'prefix:"/a/b" headers:{name:"x" value:"y"} headers:{name:"z" value:"1" regex:true}',
        ),
        ("{prefix: /a, methods: [GET, PUT]}", "{prefix: /a/b, methods: [PUT]}", 'prefix:"/a/b" methods:"PUT"'),
        (
            "{prefix: /a, queryParameters: [{name: q}]}",
            "{prefix: /a/b, queryParameters: [{name: q, value: '1'}]}",
            'prefix:"/a/b" query_parameters:{name:"q" value:"1"}',
        ),
    ],
)
def test_an_earlier_prefix(earlier: str, later: str, shown: str) -> None:
    """A later path that begins with it is hidden, where its conditions imply the earlier ones."""
    prefix = "/A" if "/A" in earlier else "/a"
    text = f"{HOST} has unordered prefix routes, earlier prefix [{prefix}] short-circuited later route [{shown}]"
    assert warned(earlier, later) == [text]


def test_an_earlier_regex() -> None:
    """It is found anywhere in a later path that is no regex."""
    text = f'{HOST} has unordered regex routes, earlier regex [/b] short-circuited later route [prefix:"/a/b/c"]'
    assert warned("{regex: /b}", "{prefix: /a/b/c}", "{regex: /a/b}") == [text]


@pytest.mark.parametrize(
    "matchers",
    [
        ("{prefix: /a/b}", "{prefix: /a}"),
        ("{exact: /a}", "{prefix: /a}"),
        ("{prefix: /a, caseSensitive: false}", "{prefix: /a/b}"),
        ("{prefix: /a, headers: [{name: x}]}", "{prefix: /a}"),
        ("{prefix: /a, headers: [{name: x, value: y}]}", "{prefix: /a, headers: [{name: x, value: z}]}"),
        ("{prefix: /a, methods: [GET]}", "{prefix: /a, methods: [GET, PUT]}"),
        ("{prefix: /a, queryParameters: [{name: q}]}", "{prefix: /a}"),
        ("{regex: /b}", "{prefix: /a}"),
    ],
)
def test_routes_in_good_order(matchers: tuple[str, ...]) -> None:
    """What an earlier route leaves to a later one is no conflict."""
    assert warned(*matchers) == []


def delegated() -> Outcome:
    """Translate two tables of which the second is hidden by the first."""
    table = (
        "apiVersion: gateway.solo.io/v1\nkind: RouteTable\nmetadata: {name: %s}\nspec:\n  weight: %d\n  routes:\n"
        + indent("- matchers: [{prefix: %s}]\n  directResponseAction: {status: 200}\n", "  ")
    )
    host = virtual_host("routes:\n- delegateAction: {selector: {}}\n")
    return run(host, table % ("one", 1, "/a"), table % ("two", 2, "/a/b"), ON)


def test_tables_of_two_teams() -> None:
    """The warning is the VirtualService's, and both places are named."""
    problem = delegated().only()
    assert str(problem.resource) == "VirtualService default/echo"
    assert problem.field == "spec.virtualHost.routes[0]"
    assert problem.hint == "it is after route 1 of RouteTable default/one"
    assert [str(each) for each in problem.related] == ["x.yaml:16:5", "x.yaml:26:5"]


def test_nothing_is_looked_at_twice() -> None:
    """While neither the VirtualService nor its routes change, what was found stays."""
    resources = delegated().resources
    memo = Memo()
    first, second = (translate(resources, memo=memo) for _ in range(2))
    assert first.problems == second.problems
    assert first.model is second.model

"""Matchers of delegated routes: whether a child fits its parent, and what it inherits (sections 5.4, 5.5)."""

from __future__ import annotations

import pytest

from edgesim.model import (
    HeaderMatcher,
    PathKind,
    PathMatcher,
    QueryMatcher,
    ResourceKey,
    Severity,
    ValueKind,
)
from tests.dialects.scenes import route, run
from tests.dialects.tables import API, BY_REF, OK, TABLE, VS, below, bodies, says, table

# --- whether a child fits (section 5.4) -------------------------------------------------------------


@pytest.mark.parametrize(
    ("parent", "child", "field", "message"),
    [
        (
            "{prefix: /api}",
            "{prefix: /ap}",
            "prefix",
            (
                "required prefix: /api, prefix: /ap: invalid route: route table matchers must begin with the prefix of "
                "their parent route's matcher"
            ),
        ),
        (
            "{prefix: /api}",
            "{exact: /other}",
            "exact",
            (
                "required prefix: /api, prefix: /other: invalid route: route table matchers must begin with the prefix of "
                "their parent route's matcher"
            ),
        ),
        (
            "{prefix: /api}",
            "{regex: '/ap.*'}",
            "regex",
            (
                "required prefix: /api, prefix: /ap.*: invalid route: route table matchers must begin with the prefix of "
                "their parent route's matcher"
            ),
        ),
        (
            "{prefix: /}",
            "{connectMatcher: {}}",
            "connectMatcher",
            (
                "required prefix: /, prefix: : invalid route: route table matchers must begin with the prefix of their "
                "parent route's matcher"
            ),
        ),
        (
            "{prefix: /api}",
            "{prefix: /api, caseSensitive: true}",
            "caseSensitive",
            (
                "required caseSensitive: unset, caseSensitive: true: invalid route: route table matchers must have the same "
                "case sensitivity of their parent route's matcher"
            ),
        ),
        (
            "{prefix: /api, headers: [{name: x, value: y}]}",
            "{prefix: /api, headers: [{name: x, value: y, invertMatch: true}]}",
            "headers",
            (
                'required headers: [name:"x" value:"y"], headers: [name:"x" value:"y" invertMatch:true]: invalid route: '
                "route table matchers must have all headers that were specified on their parent route's matcher"
            ),
        ),
        (
            "{prefix: /api, queryParameters: [{name: q}]}",
            "{prefix: /api}",
            "queryParameters",
            (
                'required query params: [name:"q"], query params: []: invalid route: route table matchers must have all '
                "query params that were specified on their parent route's matcher"
            ),
        ),
        (
            "{prefix: /api, methods: [GET, PUT]}",
            "{prefix: /api, methods: [GET]}",
            "methods",
            (
                "required methods: [GET PUT], methods: [GET]: invalid route: route table matchers must have all methods "
                "that were specified on their parent route's matcher"
            ),
        ),
    ],
)
def test_a_child_that_does_not_fit_is_dropped(parent: str, child: str, field: str, message: str) -> None:
    """It is a warning on the table, from which the virtual service suffers; the table's other routes stay."""
    good = parent[1:-1].replace("prefix: /api", "prefix: /api/good").replace("prefix: /,", "prefix: /good,")
    outcome = run(
        route(f"matchers: [{parent}]\n" + BY_REF),
        table(f"matchers: [{{prefix: /}}, {child}]\n" + OK).replace("{prefix: /}, ", "")
        + f"  - matchers: [{{{good}}}]\n    directResponseAction: {{status: 200, body: good}}\n",
    )
    problem = outcome.only()
    assert (problem.code, problem.severity, problem.resource, problem.affects) == (
        "ES0257",
        Severity.WARNING,
        TABLE,
        (VS,),
    )
    assert problem.message == message
    assert problem.field == f"spec.routes[0].matchers[0].{field}"
    assert bodies(outcome) == ["good"]


@pytest.mark.parametrize(
    ("parent", "child"),
    [
        ("{prefix: /api}", "{prefix: /apiv2}"),
        ("{prefix: /api}", "{regex: '/api/.*'}"),
        ("{prefix: /api}", "{exact: /api}"),
        ("{prefix: /api, caseSensitive: false}", "{prefix: /api/x, caseSensitive: false}"),
        ("{prefix: /a, headers: [{name: x}]}", "{prefix: /a, headers: [{name: z}, {name: x}], methods: [GET]}"),
        ("{prefix: /a, methods: [GET]}", "{prefix: /a, methods: [PUT, GET]}"),
        ("{prefix: /a, queryParameters: [{name: q}]}", "{prefix: /a, queryParameters: [{name: r}, {name: q}]}"),
        ("{prefix: /}", "{prefix: /}"),
    ],
)
def test_a_child_that_says_as_much_or_more_fits(parent: str, child: str) -> None:
    """A longer text, which need not end at a slash, and further conditions are fine."""
    assert below(f"matchers: [{parent}]\n", f"matchers: [{child}]\n" + OK).problems == []


def test_one_bad_matcher_drops_the_whole_route() -> None:
    """Not only that matcher."""
    outcome = below(API, says("a", "/api/a", "/b"))
    assert outcome.only().field == "spec.routes[0].matchers[1].prefix"
    assert outcome.routes == ()


def test_a_child_without_matchers_has_the_prefix_of_everything() -> None:
    """So it fits under / only."""
    assert below("", OK).problems == []
    problem = below(API, OK).only()
    assert (problem.code, problem.field) == ("ES0257", "spec.routes[0]")


def test_validation_is_against_the_parent_only() -> None:
    """A grandchild repeats what its parent asks for, which repeats what the top asks for."""
    middle = (
        "matchers: [{prefix: /api/b, headers: [{name: x}]}]\ndelegateAction: {ref: {name: b, namespace: default}}\n"
    )
    outcome = below(API, middle, table(says("no", "/api/b"), name="b"))
    problem = outcome.only()
    assert (problem.resource, problem.field) == (
        ResourceKey("RouteTable", "default", "b"),
        "spec.routes[0].matchers[0].headers",
    )


# --- inherited matchers (section 5.5) ---------------------------------------------------------------


def test_a_path_is_inherited() -> None:
    """Every matcher's path and case sensitivity become the parent's; without any there is one with that path."""
    parent = "matchers: [{prefix: /api, caseSensitive: false}]\ninheritablePathMatchers: true\n"
    wanted = PathMatcher(PathKind.PREFIX, "/api", case_sensitive=False)
    two = "matchers: [{exact: /x, methods: [GET]}, {caseSensitive: true, headers: [{name: x}]}]\n"
    outcome = below(parent, two + OK)
    assert outcome.problems == []
    assert [match.path for match in outcome.routes[0].matches] == [wanted, wanted]
    assert outcome.routes[0].matches[0].methods == ("GET",)
    assert [match.path for match in below(parent, OK).routes[0].matches] == [wanted]


def test_conditions_are_inherited() -> None:
    """The parent's headers, query parameters and methods stand before the child's; methods become a wider OR."""
    parent = (
        "matchers: [{prefix: /api, headers: [{name: x}], queryParameters: [{name: q}], methods: [GET]}]\n"
        "inheritableMatchers: true\n"
    )
    own = "matchers: [{prefix: /api, headers: [{name: z}], queryParameters: [{name: r}], methods: [PUT]}]\n"
    match = below(parent, own + OK).routes[0].matches[0]
    assert match.headers == (HeaderMatcher("x", ValueKind.PRESENT), HeaderMatcher("z", ValueKind.PRESENT))
    assert match.query == (QueryMatcher("q", ValueKind.PRESENT), QueryMatcher("r", ValueKind.PRESENT))
    assert match.methods == ("GET", "PUT")


@pytest.mark.parametrize(
    ("parent", "child", "fits"),
    [("", "", False), ("", "true", True), ("true", "", True), ("true", "false", False), ("false", "true", True)],
)
@pytest.mark.parametrize("switch", ["inheritableMatchers", "inheritablePathMatchers"])
def test_the_switch_sits_on_the_child_and_its_default_is_the_parents(
    switch: str, parent: str, child: str, fits: bool
) -> None:
    """Unset it has the parent's value, and at the top it is off."""
    matcher = "{prefix: /, methods: [GET]}" if switch == "inheritableMatchers" else "{prefix: /api}"
    outcome = below(
        f"matchers: [{matcher}]\n" + (f"{switch}: {parent}\n" if parent else ""),
        (f"{switch}: {child}\n" if child else "") + OK,
    )
    assert (outcome.problems == []) is fits


def test_a_switch_reaches_the_grandchildren() -> None:
    """Set at the top it holds all the way down, unless a level in between sets it off."""
    top = API + "inheritablePathMatchers: true\n"
    middle = "delegateAction: {ref: {name: b, namespace: default}}\n"
    leaf = table(OK, name="b")
    assert below(top, middle, leaf).routes[0].matches[0].path.value == "/api"
    off = below(top, "inheritablePathMatchers: false\n" + API + middle, leaf)
    assert off.codes == ["ES0257"]


def test_an_inherited_condition_that_is_wrong_is_its_authors_problem() -> None:
    """A bad regex of a parent's header is reported where it is written, and the table suffers."""
    parent = "matchers: [{prefix: /, headers: [{name: x, value: '(', regex: true}]}]\ninheritableMatchers: true\n"
    outcome = below(parent, "matchers: [{prefix: /, headers: [{name: y, value: '[', regex: true}]}]\n" + OK)
    first, second = outcome.problems
    assert (first.code, first.resource, first.affects) == ("ES0208", VS, (TABLE,))
    assert first.field == "spec.virtualHost.routes[0].matchers[0].headers[0].value"
    assert (second.resource, second.affects) == (TABLE, (VS,))
    assert second.field == "spec.routes[0].matchers[0].headers[0].value"

from __future__ import annotations

import pytest

from edgesim.model import (
    ForwardAction,
    HeaderMatcher,
    HostRewriteKind,
    OriginStep,
    PathKind,
    PathMatcher,
    QueryMatcher,
    ResourceKey,
    Route,
    Severity,
    ValueKind,
)
from tests.dialects.scenes import TO_ECHO, UPSTREAM, Outcome, route, run
from tests.dialects.tables import API, BY_REF, VS, bodies, says, table

TABLE = ResourceKey("RouteTable", "default", "a")
OK = "directResponseAction: {status: 200, body: ok}\n"


def below(parent: str, child: str, *others: str) -> Outcome:
    """Translate a virtual service whose one route delegates to a table with one route."""
    return run(route(parent + BY_REF), table(child), UPSTREAM, *others)


def forward(each: Route) -> ForwardAction:
    assert isinstance(each.action, ForwardAction)
    return each.action


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


# --- options (section 5.6) --------------------------------------------------------------------------


def test_a_parents_option_reaches_the_child() -> None:
    """Also through a table in between; the route knows which options it inherited, and from where."""
    middle = "options: {prefixRewrite: /x}\ndelegateAction: {ref: {name: b, namespace: default}}\n"
    outcome = below("options: {timeout: 7s}\n", middle, table(TO_ECHO, name="b"))
    assert outcome.problems == []
    found = outcome.routes[0]
    assert (forward(found).timeout, forward(found).prefix_rewrite) == (7.0, "/x")
    assert {(each.field, each.step.name, each.step.path) for each in found.inherited} == {
        ("timeout", "echo", ("spec", "virtualHost", "routes", 0, "options", "timeout")),
        ("prefixRewrite", "a", ("spec", "routes", 0, "options", "prefixRewrite")),
    }


def test_the_child_wins_field_by_field() -> None:
    """What the child sets hides the parent's whole field, and nothing inside a field is merged."""
    parent = "options: {timeout: 7s, retries: {retryOn: 5xx, numRetries: 9}}\n"
    found = below(parent, TO_ECHO + "options: {retries: {retryOn: reset}}\n").routes[0]
    assert forward(found).timeout == 7.0
    assert found.policies.retries is not None
    assert (found.policies.retries.retry_on, found.policies.retries.num_retries) == (("reset",), 1)
    assert [each.field for each in found.inherited] == ["timeout"]


@pytest.mark.parametrize(
    ("parent", "child", "timeout", "rewrite"),
    [
        ("{prefixRewrite: /x, timeout: 7s}", "{prefixRewrite: ''}", 7.0, None),
        ("{prefixRewrite: /x, timeout: 7s}", "{timeout: 0s}", 0.0, "/x"),
        ("{prefixRewrite: /x, timeout: 7s}", "{}", 7.0, "/x"),
    ],
)
def test_a_wrapper_counts_as_set_whatever_it_holds(
    parent: str, child: str, timeout: float, rewrite: str | None
) -> None:
    """An empty rewrite or a timeout of 0 hides the parent's."""
    action = forward(below(f"options: {parent}\n", TO_ECHO + f"options: {child}\n").routes[0])
    assert (action.timeout, action.prefix_rewrite) == (timeout, rewrite)


@pytest.mark.parametrize("empty", ["upgrades: []", "envoyMetadata: {}"])
def test_an_empty_list_or_map_is_not_set(empty: str) -> None:
    """It hides nothing."""
    parent = "options: {upgrades: [{websocket: {enabled: false}}], envoyMetadata: {a: {b: c}}}\n"
    found = below(parent, TO_ECHO + f"options: {{{empty}}}\n").routes[0]
    assert {each.field for each in found.inherited} == {"upgrades", "envoyMetadata"}


@pytest.mark.parametrize("own", ["autoHostRewrite: true", "hostRewriteHeader: x", "autoHostRewrite: false"])
def test_a_oneof_counts_as_one_field(own: str) -> None:
    """Any of the four host rewrites hides another of the parent's."""
    found = below("options: {hostRewrite: parent.example}\n", TO_ECHO + f"options: {{{own}}}\n").routes[0]
    rewrite = forward(found).host_rewrite
    assert rewrite is None or rewrite.kind is not HostRewriteKind.LITERAL
    assert found.inherited == ()


def test_a_wrong_option_is_the_problem_of_who_wrote_it() -> None:
    """It is told once, at its place, and the table suffers; a child that hides it is served."""
    hides = "matchers: [{prefix: /h}]\n" + TO_ECHO + "options: {timeout: 1s}\n"
    outcome = run(route("options: {timeout: -1s}\n" + BY_REF), table(TO_ECHO, TO_ECHO, hides), UPSTREAM)
    problem = outcome.only()
    assert (problem.code, problem.resource, problem.affects) == ("ES0229", VS, (TABLE,))
    assert problem.field == "spec.virtualHost.routes[0].options.timeout"
    assert [each.number for each in outcome.routes] == [3]


def test_an_inherited_option_without_effect_gives_no_note() -> None:
    """A timeout for all is nothing to mend because one of them redirects."""
    assert below("options: {timeout: 7s}\n", "redirectAction: {}\n").problems == []
    assert below("", "redirectAction: {}\noptions: {timeout: 7s}\n").codes == ["ES0604"]


# --- options by reference ---------------------------------------------------------------------------


def options(name: str, text: str, kind: str = "RouteOption") -> str:
    return f"apiVersion: gateway.solo.io/v1\nkind: {kind}\nmetadata: {{name: {name}}}\nspec: {{options: {{{text}}}}}\n"


def refs(*names: str) -> str:
    listed = ", ".join(f"{{name: {name}, namespace: default}}" for name in names)
    return f"optionsConfigRefs: {{delegateOptions: [{listed}]}}\n"


def test_inline_options_win_over_the_first_reference_and_that_over_later_ones() -> None:
    """Field by field; then what is left comes from the parent route."""
    outcome = below(
        "options: {timeout: 9s, idleTimeout: 9s, prefixRewrite: /9, appendXForwardedHost: false}\n",
        TO_ECHO + "options: {prefixRewrite: /0}\n" + refs("one", "two"),
        options("one", "prefixRewrite: /1, timeout: 1s"),
        options("two", "prefixRewrite: /2, timeout: 2s, idleTimeout: 2s"),
    )
    assert outcome.problems == []
    found = outcome.routes[0]
    assert (forward(found).prefix_rewrite, forward(found).timeout, found.policies.idle_timeout) == ("/0", 1.0, 2.0)
    steps = {each.field: each.step for each in found.inherited}
    assert steps["timeout"] == OriginStep("RouteOption", "default", "one", "x.yaml", ("spec", "options", "timeout"))
    assert (steps["idleTimeout"].name, steps["appendXForwardedHost"].name) == ("two", "echo")


def test_a_delegating_route_hands_down_referenced_options() -> None:
    """They count as its own."""
    found = below(refs("one"), TO_ECHO, options("one", "timeout: 1s")).routes[0]
    assert forward(found).timeout == 1.0
    assert [(each.field, each.step.kind) for each in found.inherited] == [("timeout", "RouteOption")]


def test_missing_options_are_a_warning() -> None:
    """The route stays without them, and the near name is the hint."""
    outcome = run(route(TO_ECHO + refs("slaw")), options("slow", "timeout: 1s"), UPSTREAM)
    problem = outcome.only()
    assert (problem.code, problem.severity) == ("ES0258", Severity.WARNING)
    assert (problem.message, problem.hint) == ("list did not find routeOption default.slaw", "did you mean `slow`?")
    assert problem.field == "spec.virtualHost.routes[0].optionsConfigRefs.delegateOptions[0]"
    assert len(outcome.routes) == 1


def test_a_wrong_referenced_option_is_the_problem_of_its_object() -> None:
    """Everything that uses it suffers."""
    problem = below("", TO_ECHO + refs("one"), options("one", "timeout: -1s")).only()
    assert (problem.resource, problem.field) == (ResourceKey("RouteOption", "default", "one"), "spec.options.timeout")
    assert problem.affects == (TABLE, VS)


def test_a_virtual_host_takes_options_by_reference() -> None:
    """Inline first, then the first reference; a missing one is a warning, a wrong one its object's problem."""
    host = f"""\
    apiVersion: gateway.solo.io/v1
    kind: VirtualService
    metadata: {{name: echo}}
    spec:
      virtualHost:
        options: {{includeRequestAttemptCount: true}}
        {refs("one", "two", "three").strip()}
        routes: [{{directResponseAction: {{status: 200}}}}]
    """
    outcome = run(
        host,
        options("one", "includeRequestAttemptCount: false, retries: {retryOn: 5xx}", "VirtualHostOption"),
        options("two", "retries: {retryOn: reset}, cors: {}", "VirtualHostOption"),
    )
    missing, cors = outcome.problems
    assert missing.message == "list did not find virtualHostOption default.three"
    assert (cors.resource, cors.field) == (ResourceKey("VirtualHostOption", "default", "two"), "spec.options.cors")
    assert cors.affects == (VS,)
    policies = outcome.hosts[0].policies
    assert policies.include_attempt_count
    assert policies.retries is not None
    assert policies.retries.retry_on == ("5xx",)


def test_exposed_headers_of_the_virtual_host_join_those_of_a_tables_route() -> None:
    """`corsPolicyMergeSettings` reaches delegated routes too."""
    cors = "{allowOrigin: ['*'], exposeHeaders: [%s]}"
    host = f"options: {{corsPolicyMergeSettings: {{exposeHeaders: UNION}}, cors: {cors % 'a'}}}"
    text = route(BY_REF).replace("    domains:", f"    {host}\n    domains:")
    outcome = run(text, table(TO_ECHO + f"options: {{cors: {cors % 'b'}}}\n"), UPSTREAM)
    found = outcome.routes[0].policies.cors
    assert found is not None
    assert set(found.expose_headers.split(",")) == {"a", "b"}

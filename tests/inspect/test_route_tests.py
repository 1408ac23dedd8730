"""Route tests decided and compared."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgesim.config.route_tests import read_tests
from edgesim.inspect import Tables, run_route_tests
from edgesim.inspect.comparisons import header_holds
from edgesim.inspect.coverage import Coverage
from edgesim.inspect.route_tests import Case
from edgesim.inspect.steps import own_name
from edgesim.model import (
    FALLBACK_CLUSTER,
    Certificate,
    Cluster,
    ClusterType,
    Destination,
    DirectResponseAction,
    DownstreamTls,
    ForwardAction,
    HeaderMatcher,
    HeaderMutations,
    HeaderValue,
    HostRewrite,
    HostRewriteKind,
    Model,
    OriginStep,
    PathKind,
    PathMatcher,
    Position,
    RedirectAction,
    Route,
    RouteMatch,
    ValueKind,
    VirtualHost,
    WeightedCluster,
)
from edgesim.model.policies import StringMatch, StringMatchKind
from edgesim.model.route_tests import HeaderTest
from edgesim.routing import compile_table, decide
from tests.routing.strategies import heads, numbered_hosts


def cluster(name: str, **more: Any) -> Cluster:
    return Cluster(
        f"{name}_team", ClusterType.EDS, origin=(OriginStep("Upstream", "team", name, "up.yaml", (3,)),), **more
    )


def prefix(path: str, *headers: HeaderMatcher) -> RouteMatch:
    return RouteMatch(PathMatcher(PathKind.PREFIX, path), headers)


STAGE = HeaderMatcher("stage", ValueKind.EXACT, "canary")
V1, V2 = (("version", "v1"),), (("version", "v2"),)
ECHO = Destination("echo_team")
ROUTES = (
    Route((prefix("/canary", STAGE), prefix("/beta")), ForwardAction(Destination("echo_team", V2)), name="canary"),
    Route(
        (prefix("/split"),),
        ForwardAction(
            weighted=(
                WeightedCluster(
                    Destination("echo_team", V1), 90, HeaderMutations(request_add=(HeaderValue("x-arm", "1"),))
                ),
                WeightedCluster(
                    Destination("echo_team", V2), 10, HeaderMutations(request_add=(HeaderValue("x-arm", "2"),))
                ),
                WeightedCluster(Destination("foxtrot_team"), 0),
            )
        ),
    ),
    Route(
        (prefix("/rewrite"),),
        ForwardAction(
            ECHO, prefix_rewrite="/new", host_rewrite=HostRewrite(HostRewriteKind.LITERAL, "inner"), timeout=3.0
        ),
        HeaderMutations(
            request_add=(HeaderValue("x-team", "echo"), HeaderValue("x-was", "%REQ(:PATH)%")),
            request_remove=("x-gone",),
            response_add=(HeaderValue("x-served", "by %UPSTREAM_CLUSTER%"),),
        ),
    ),
    Route((prefix("/moved"),), RedirectAction(302, host="new.example", path="/there")),
    Route((prefix("/fixed"),), DirectResponseAction(418, "teapot")),
    Route((prefix("/broken"),), ForwardAction(Destination(FALLBACK_CLUSTER))),
    Route((prefix("/gone"),), ForwardAction(Destination("gone_team"))),
)
HOST = VirtualHost(
    "team_vs",
    ("echo.example",),
    tuple(
        Route(
            route.matches,
            route.action,
            route.headers,
            route.name,
            number,
            (
                OriginStep("VirtualService", "team", "vs", "vs.yaml", (7,)),
                OriginStep("RouteTable", "a", "b", "rt.yaml", (number,)),
            ),
        )
        for number, route in enumerate(ROUTES, 1)
    ),
    origin=(OriginStep("VirtualService", "team", "vs", "vs.yaml", (1,)),),
)
TLS_HOST = VirtualHost(
    "tls",
    ("echo.example",),
    (Route((prefix("/"),), DirectResponseAction(200, "tls"), number=1),),
    tls=DownstreamTls(Certificate("", "")),
)
CLUSTERS = (
    cluster("echo"),
    cluster("foxtrot"),
    Cluster(FALLBACK_CLUSTER, ClusterType.DIRECT_RESPONSE, response=DirectResponseAction(404, "Gloo says no")),
)
MODEL = Model((HOST,), CLUSTERS)


def place(step: OriginStep) -> Position:
    return Position(step.file, step.path[0] if step.path and isinstance(step.path[0], int) else 1, 1)


def run(text: str, model: Model = MODEL) -> tuple[Case, ...]:
    tests, problems = read_tests(text, "a.test.yaml")
    assert not problems
    return run_route_tests(tests, Tables(model), place).cases


def short(request: str, expect: str) -> tuple[Case, ...]:
    return run(f"routes:\n- name: one\n  request: {{host: echo.example, {request}}}\n  expect: {{{expect}}}\n")


def envoy(given_input: str, validate: str, model: Model = MODEL) -> tuple[Case, ...]:
    return run(
        f"tests:\n- test_name: one\n  input: {{authority: echo.example, method: GET, {given_input}}}\n"
        f"  validate: {{{validate}}}\n",
        model,
    )


def told(cases: tuple[Case, ...]) -> list[tuple[str, str, str]]:
    return [(failed.name, failed.expected, failed.actual) for case in cases for failed in case.failed]


HOLDS = [
    ("path: /canary, headers: {stage: canary}", "upstream: echo, subset: {version: v2}, route: canary, table: a/b"),
    ("path: /canary, headers: {stage: canary}", "virtualHost: team_vs, split: {v2: 100%}, timeout: 15s"),
    ("path: /split", "upstream: team/echo, split: {v1: 90%, v2: 10%, foxtrot: 0}"),
    ("path: /split, random: [0, 89, 100]", "subset: {version: v1}, requestHeaders: {x-arm: '1'}"),
    ("path: /split, random: [90, 99]", "subset: {version: v2}, requestHeaders: {x-arm: '2'}"),
    ("path: /rewrite/a?b=c", "rewrite: /new/a?b=c, host: inner, timeout: 3s"),
    (
        "path: /rewrite/a?b=c, headers: {x-gone: x}",
        "requestHeaders: {x-team: echo, x-was: '/rewrite/a?b=c', x-gone: null}",
    ),
    ("path: /rewrite", "responseHeaders: {x-served: by echo_team, server: null}"),
    ("path: /moved", "status: 302, redirect: 'http://new.example/there'"),
    ("path: /fixed", "status: 418, body: teapot, responseHeaders: {content-type: text/plain}"),
    ("path: /broken", "status: 404, body: Gloo says no"),
    ("path: /gone", "status: 503"),
    ("path: /nothing", "status: 404, virtualHost: team_vs"),
]


@pytest.mark.parametrize(("request_", "expect"), HOLDS)
def test_what_holds(request_: str, expect: str) -> None:
    """Every expectation of the short form holds where the decision is so."""
    assert told(short(request_, expect)) == []


@pytest.mark.parametrize(
    ("request_", "expect", "failed"),
    [
        ("path: /canary", "upstream: echo", ("upstream", "echo", "no route")),
        ("path: /beta", "upstream: foxtrot", ("upstream", "foxtrot", "team/echo")),
        ("path: /beta", "subset: {version: v1}", ("subset", "version=v1", "version=v2")),
        ("path: /split", "subset: {version: v1}", ("subset", "version=v1", "version=v2 for 10%")),
        ("path: /split", "split: {v1: 50%, v2: 50%}",
         ("split", "v1: 50%, v2: 50%", "team/echo:version=v1: 90%, team/echo:version=v2: 10%")),
        ("path: /split, random: 90", "requestHeaders: {x-arm: '1'}", ("requestHeaders x-arm", "1", "2")),
        ("path: /rewrite", "timeout: 5s", ("timeout", "5 s", "3 s")),
        ("path: /rewrite", "status: 200", ("status", "200", "the upstream's own")),
        ("path: /rewrite", "requestHeaders: {x-team: null}", ("requestHeaders x-team", "absent", "echo")),
        ("path: /moved", "redirect: 'https://new.example/there'",
         ("redirect", "https://new.example/there", "http://new.example/there")),
        ("path: /fixed", "upstream: echo", ("upstream", "echo", "nothing is forwarded")),
        ("path: /%00", "upstream: echo",
         ("request", "one that can be decided", "'/%00' is no path a proxy would route (it answers 400)")),
        ("path: /, listener: gone", "status: 404",
         ("request", "one that can be decided",
          "there is no listener 'gone'; there are: listener-::-8080, listener-::-8443")),
    ],
)  # fmt: skip
def test_what_does_not_hold(request_: str, expect: str, failed: tuple[str, str, str]) -> None:
    """A failure tells what was expected and what came instead."""
    assert told(short(request_, expect)) == [failed]


def test_a_failure_names_both_places_and_what_was_meant() -> None:
    """The test's own line, every resource on the way to the route that took the request, and the nearest name."""
    (case,) = short("path: /beta", "upstream: ecoh")
    assert (case.file, case.line, case.column) == ("a.test.yaml", 2, 3)
    assert (case.virtual_host, case.route, case.route_name) == ("team_vs", 1, "canary")
    assert [str(step) for step in case.origin] == ["vs.yaml:7 (VirtualService team/vs)", "rt.yaml:1 (RouteTable a/b)"]
    assert case.failed[0].hint == "did you mean `echo`?"
    assert case.request == "GET http://echo.example/beta"


@pytest.mark.parametrize(
    ("given_input", "validate"),
    [
        ("path: /split, random_value: 189", "cluster_name: echo_team, virtual_host_name: team_vs"),
        ("path: /rewrite/a?b=c", "path_rewrite: '/new/a?b=c', host_rewrite: inner, timeout: 3s, path_redirect: ''"),
        ("path: /beta", "path_rewrite: /beta, host_rewrite: echo.example, code_redirect: 0"),
        ("path: /moved", "path_redirect: 'http://new.example/there', code_redirect: 302, cluster_name: ''"),
        ("path: /moved", "virtual_host_name: '', path_rewrite: '', host_rewrite: ''"),
        ("path: /fixed", "path_redirect: 'http://echo.example/fixed', virtual_host_name: '', code_redirect: 418"),
        ("path: /fixed", "response_header_matches: [{name: content-length, exact_match: '6'}]"),
        ("path: /nothing", "cluster_name: '', virtual_host_name: '', path_redirect: '', code_redirect: 0"),
        ("path: /beta", "request_header_matches: [{name: ':path', exact_match: /beta}, {name: ':method', exact_match: GET}]"),
        ("path: /rewrite", "request_header_matches: [{name: ':authority', exact_match: inner}]"),
        ("path: /rewrite", "request_header_matches: [{name: x-envoy-original-path, exact_match: /rewrite}]"),
        ("path: /beta, ssl: true", "request_header_matches: [{name: x-forwarded-proto, exact_match: https}]"),
        ("path: /beta, internal: true", "request_header_fields: [{key: x-envoy-internal, value: 'true'}, {key: x}]"),
        ("path: /beta, additional_response_headers: [{key: x, value: y}]",
         "response_header_matches: [{name: x, string_match: {exact: Y, ignore_case: true}}]"),
    ],
)  # fmt: skip
def test_envoys_form_sees_what_envoys_tool_sees(given_input: str, validate: str) -> None:
    """The facets of Envoy's tool: empty where nothing is forwarded, the rewritten request, the answer's headers."""
    assert told(envoy(given_input, validate)) == []


def test_ssl_goes_to_the_tls_listener_where_it_serves_something() -> None:
    """Otherwise the client is one that an outer proxy says came over TLS."""
    both = Model((HOST, TLS_HOST), CLUSTERS)
    assert told(envoy("path: /fixed, ssl: true", "code_redirect: 418")) == []
    assert told(envoy("path: /fixed, ssl: true", "code_redirect: 200", both)) == []
    assert told(envoy("path: /moved, ssl: true", "path_redirect: 'https://new.example/there'")) == []


def test_coverage_counts_every_matcher() -> None:
    """A matcher is reached by a request it took, also one whose expectation failed; misses have their places."""
    tests, _ = read_tests(
        "routes:\n- {name: one, request: {host: echo.example, path: /beta}, expect: {status: 1e2}}\n", "a"
    )
    assert not tests  # a status is a whole number
    text = "routes:\n- {name: one, request: {host: echo.example, path: [/beta, /split]}, expect: {status: 404}}\n"
    tests, _ = read_tests(text, "a")
    report = run_route_tests(tests, Tables(MODEL), place).coverage
    assert (report.matchers, report.reached, report.percent) == (8, 2, 25.0)
    first = report.missed[0]
    assert (first.route, first.matcher, first.matchers, first.name) == (1, 1, 2, "canary")
    assert first.conditions == "prefix /canary, header stage is canary"
    assert [str(step) for step in first.origin][-1] == "rt.yaml:1 (RouteTable a/b)"
    few = run_route_tests(tests, Tables(MODEL), place, most_missed=2).coverage
    assert (len(few.missed), few.others) == (2, 4)


@given(numbered_hosts, st.lists(heads(), max_size=8))
def test_coverage_is_what_was_decided(host: VirtualHost, asked: list[Any]) -> None:
    """The matchers reached are exactly those that decisions name."""
    coverage, table = Coverage(Model((host,))), compile_table((host,))
    decisions = [decision for head in asked if (decision := decide(table, head, 0)) is not None]
    for decision in decisions:
        coverage.reach(decision)
    missed = {(each.route, each.matcher) for each in coverage.report(place).missed}
    reached = {
        (decision.route.number, index)
        for decision in decisions
        for index, match in enumerate(decision.route.matches, 1)
        if match is decision.match
    }
    everything = {(route.number, index) for route in host.routes for index in range(1, len(route.matches) + 1)}
    assert missed == everything - reached


@pytest.mark.parametrize(
    ("name", "own"),
    [
        ("canary", "canary"),
        ("vs:gw_proxy_a_b_route:<unnamed-0>_rt:c_d_route:canary", "canary"),
        ("vs:gw_proxy_a_b_route:one_rt:c_d_route:<unnamed-1>", ""),
    ],
)
def test_a_delegated_route_goes_by_its_own_name(name: str, own: str) -> None:
    """Of the name Gloo makes of a named branch the last level is the author's."""
    assert own_name(name) == own


EXACT = StringMatch(StringMatchKind.EXACT, "v")


@pytest.mark.parametrize(
    ("test", "lines", "holds"),
    [
        (HeaderTest("x"), ["v"], True),
        (HeaderTest("x"), [], False),
        (HeaderTest("x", invert=True), [], True),
        (HeaderTest("x", absent=True), [], True),
        (HeaderTest("x", absent=True, invert=True), [], False),
        (HeaderTest("x", EXACT), ["w", "v"], True),
        (HeaderTest("x", EXACT, invert=True), ["w"], True),
        (HeaderTest("x", EXACT, invert=True), [], False),
        (HeaderTest("x", EXACT, invert=True, missing_is_empty=True), [], True),
        (HeaderTest("x", within=(1, 5)), ["4"], True),
        (HeaderTest("x", within=(1, 5)), ["5"], False),
        (HeaderTest("x", within=(1, 5)), ["x"], False),
        (HeaderTest("x", contains="b"), ["abc"], True),
        (HeaderTest("x", StringMatch(StringMatchKind.REGEX, "a.*")), ["abc"], True),
        (HeaderTest("x", StringMatch(StringMatchKind.REGEX, "a")), ["abc"], False),
        (HeaderTest("x", StringMatch(StringMatchKind.SUFFIX, "C", ignore_case=True)), ["abc"], True),
        (HeaderTest("x", equals=""), [], True),
        (HeaderTest("x", equals="a,b"), ["a", "b"], True),
    ],
)
def test_header_conditions_are_envoys(test: HeaderTest, lines: list[str], holds: bool) -> None:
    """An absent header passes no condition on a value, any line may match, a regex matches the whole."""
    assert header_holds(test, lines) is holds

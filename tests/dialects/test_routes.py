from __future__ import annotations

import pytest

from edgesim.model import (
    HeaderMatcher,
    HeaderMutations,
    HeaderValue,
    HostRewrite,
    HostRewriteKind,
    PathKind,
    PathMatcher,
    QueryMatcher,
    RegexRewrite,
    RouteMatch,
    ValueKind,
)
from tests.dialects.forwards import forward
from tests.dialects.scenes import (
    TO_ECHO,
    UPSTREAM,
    Outcome,
    route,
    routed,
    run,
    upstream,
    virtual_host,
)


def test_no_matcher_means_any_path() -> None:
    """A route without matchers has the prefix /."""
    outcome = run(routed(TO_ECHO))
    assert outcome.problems == []
    assert outcome.routes[0].matches == (RouteMatch(PathMatcher(PathKind.PREFIX, "/")),)


def test_matchers_are_read_whole() -> None:
    """Path, headers, query parameters and methods of several matchers all reach the model, in order."""
    outcome = run(
        routed(
            """\
            matchers:
            - prefix: /a
              caseSensitive: false
              headers:
              - {name: Stage, value: canary}
              - {name: x, regex: true}
              - {name: ":authority", value: 'a.*', regex: true, invertMatch: true}
              queryParameters: [{name: q}, {name: r, value: '1'}, {name: s, value: 'a+', regex: true}]
              methods: [GET, POST]
            - {exact: /b}
            - {regex: /c.*, caseSensitive: false}
            """
            + TO_ECHO
        )
    )
    assert outcome.problems == []
    assert outcome.routes[0].matches == (
        RouteMatch(
            PathMatcher(PathKind.PREFIX, "/a", case_sensitive=False),
            (
                HeaderMatcher("stage", ValueKind.EXACT, "canary"),
                HeaderMatcher("x", ValueKind.PRESENT),
                HeaderMatcher(":authority", ValueKind.REGEX, "a.*", invert=True),
            ),
            (
                QueryMatcher("q", ValueKind.PRESENT),
                QueryMatcher("r", ValueKind.EXACT, "1"),
                QueryMatcher("s", ValueKind.REGEX, "a+"),
            ),
            ("GET", "POST"),
        ),
        RouteMatch(PathMatcher(PathKind.EXACT, "/b")),
        RouteMatch(PathMatcher(PathKind.REGEX, "/c.*")),
    )


@pytest.mark.parametrize(
    ("matcher", "code", "field"),
    [
        ("{headers: [{name: a}]}", "ES0205", ""),
        ("{prefix: '/a b'}", "ES0206", ".prefix"),
        ("{exact: /a/../b}", "ES0206", ".exact"),
        ("{exact: /a/..}", "ES0206", ".exact"),
        ("{prefix: /%2Fa}", "ES0206", ".prefix"),
        ("{prefix: '/%4'}", "ES0206", ".prefix"),
        ("{prefix: '/a#b'}", "ES0206", ".prefix"),
        ("{regex: '(?=x)'}", "ES0208", ".regex"),
        ("{regex: ''}", "ES0208", ".regex"),
        ("{prefix: /, headers: [{name: a, value: '(', regex: true}]}", "ES0208", ".headers[0].value"),
        ("{prefix: /, queryParameters: [{name: a, value: '(', regex: true}]}", "ES0208", ".queryParameters[0].value"),
        ("{prefix: /, queryParameters: [{value: a}]}", "ES0227", ".queryParameters[0].name"),
        ("{prefix: /, headers: [{value: a}]}", "ES0227", ".headers[0].name"),
        ("{prefix: /, methods: ['GET POST']}", "ES0227", ".methods[0]"),
        ("{connectMatcher: {}}", "ES0226", ".connectMatcher"),
    ],
)
def test_a_bad_matcher_takes_its_route_out(matcher: str, code: str, field: str) -> None:
    """Each fault has its code and place; the route is left out, and the one after it stays."""
    good = "- directResponseAction: {status: 200}\n"
    host = f"routes:\n- matchers: [{matcher}]\n  {TO_ECHO}{good}"
    outcome = run(virtual_host(host), UPSTREAM)
    problem = outcome.only()
    assert (problem.code, problem.field) == (code, f"spec.virtualHost.routes[0].matchers[0]{field}")
    assert [each.number for each in outcome.routes] == [2]


def test_the_regex_limit_comes_from_settings() -> None:
    """`gloo.regexMaxProgramSize` of the Settings named default raises or lowers the limit."""
    settings = "apiVersion: gloo.solo.io/v1\nkind: Settings\nmetadata: {name: %s, namespace: gloo-system}\nspec: {gloo: {regexMaxProgramSize: 5}}\n"
    regex = routed("matchers: [{regex: '/[a-z]{20}'}]\n" + TO_ECHO)
    assert run(regex).problems == []
    assert run(regex, settings % "other").codes == ["ES0610"]
    assert run(regex, settings % "default").only().code == "ES0209"


def test_every_route_knows_where_it_is_written() -> None:
    """The origin of a route is its own line, however far down the file."""
    host = virtual_host("routes:\n- directResponseAction: {status: 200}\n- directResponseAction: {status: 201}\n")
    outcome = run(UPSTREAM, host)
    lines = [str(outcome.translation.where(each.origin[0])) for each in outcome.routes]
    assert lines == ["x.yaml:15:7", "x.yaml:16:7"]
    (step,) = outcome.routes[1].origin
    assert (step.kind, step.namespace, step.name, step.file) == ("VirtualService", "default", "echo", "x.yaml")
    assert step.path == ("spec", "virtualHost", "routes", 1)


def test_the_origin_of_a_gone_resource_is_its_file() -> None:
    """An origin whose resource the translation does not know has the top of its file as position."""
    (step,) = run(virtual_host("routes: [{directResponseAction: {status: 200}}]\n")).routes[0].origin
    assert str(run(UPSTREAM).translation.where(step)) == "x.yaml:1:1"


# --- options


def options(text: str) -> Outcome:
    return run(routed(f"{TO_ECHO}options: {{{text}}}\n"))


@pytest.mark.parametrize(
    ("text", "rewrite"),
    [
        ("hostRewrite: a.example", HostRewrite(HostRewriteKind.LITERAL, "a.example")),
        ("autoHostRewrite: true", HostRewrite(HostRewriteKind.AUTO)),
        ("autoHostRewrite: false", None),
        ("hostRewriteHeader: X-Host", HostRewrite(HostRewriteKind.HEADER, "x-host")),
        (
            "hostRewritePathRegex: {pattern: {regex: '/(.*)'}, substitution: '\\1'}",
            HostRewrite(HostRewriteKind.PATH_REGEX, "", RegexRewrite("/(.*)", "\\1")),
        ),
    ],
)
def test_host_rewrites_are_read(text: str, rewrite: HostRewrite | None) -> None:
    """Each of the four ways to rewrite the host reaches the model."""
    outcome = options(text)
    assert outcome.problems == []
    assert forward(outcome).host_rewrite == rewrite


def test_path_rewrites_and_timeouts_are_read() -> None:
    """A prefix, a regex, a timeout; an empty prefix is none, a timeout of 0 is not."""
    assert forward(options("prefixRewrite: '/a?b#c', timeout: 1m1.5s")).prefix_rewrite == "/a?b#c"
    assert forward(options("timeout: 1m1.5s")).timeout == 61.5
    assert forward(options("timeout: 0s")).timeout == 0
    assert forward(options("prefixRewrite: ''")).prefix_rewrite is None
    regex = forward(options("regexRewrite: {pattern: {regex: a}, substitution: 'x\\0y\\\\'}"))
    assert regex.regex_rewrite == RegexRewrite("a", "x\\0y\\\\")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("hostRewriteHeader: 'a b'", "ES0221"),
        ("regexRewrite: {}", "ES0208"),
        ("regexRewrite: {pattern: {regex: a}, substitution: '\\1'}", "ES0232"),
        ("regexRewrite: {pattern: {regex: a}, substitution: '\\'}", "ES0232"),
        ("regexRewrite: {pattern: {regex: a}, substitution: '\\x'}", "ES0232"),
        ("hostRewritePathRegex: {pattern: {regex: (}}", "ES0208"),
        ("headerManipulation: {requestHeadersToAdd: [{header: {key: Host, value: a}}]}", "ES0221"),
        ("headerManipulation: {requestHeadersToAdd: [{}]}", "ES0221"),
        ("headerManipulation: {responseHeadersToAdd: [{header: {key: host}}]}", "ES0221"),
        ("headerManipulation: {responseHeadersToAdd: [{header: {key: ':status'}}]}", "ES0221"),
        ("headerManipulation: {responseHeadersToAdd: [{header: {value: a}}]}", "ES0221"),
        ("headerManipulation: {responseHeadersToRemove: [':status']}", "ES0221"),
    ],
)
def test_bad_options_take_the_route_out(text: str, code: str) -> None:
    """An option that Gloo or Envoy refuses is an error of the route."""
    outcome = options(text)
    assert outcome.codes == [code]
    assert outcome.routes == ()


def test_headers_are_changed_at_three_levels() -> None:
    """Virtual host and route each have their changes; append is on unless it is turned off."""
    change = (
        "headerManipulation: {requestHeadersToAdd: [{header: {key: X-A, value: '1'}, append: false}], "
        "requestHeadersToRemove: [X-B], responseHeadersToAdd: [{header: {key: x-c, value: '2'}}], "
        "responseHeadersToRemove: [x-d]}"
    )
    host = f"options: {{{change}}}\nroutes:\n- {TO_ECHO}  options: {{{change}}}\n"
    outcome = run(virtual_host(host), UPSTREAM)
    assert outcome.problems == []
    wanted = HeaderMutations((HeaderValue("x-a", "1", append=False),), ("x-b",), (HeaderValue("x-c", "2"),), ("x-d",))
    assert outcome.hosts[0].headers == wanted
    assert outcome.routes[0].headers == wanted


def test_a_header_from_a_secret_is_noted_and_left_out() -> None:
    """HeaderSecretRef is not simulated: one note, no header, no error."""
    outcome = options("headerManipulation: {requestHeadersToAdd: [{headerSecretRef: {name: a, namespace: b}}]}")
    assert outcome.codes == ["ES0601"]
    assert not outcome.routes[0].headers


def test_forwarding_options_elsewhere_are_noted() -> None:
    """On a direct response a timeout and a rewrite have no effect, even a wrong one; each gives a note."""
    outcome = run(route("directResponseAction: {status: 200}\noptions: {timeout: -1s, prefixRewrite: a b}\n"))
    assert outcome.codes == ["ES0604", "ES0604"]
    assert len(outcome.routes) == 1


def test_route_names_and_numbers_are_kept() -> None:
    """The name a user gave a route is the model's."""
    (found,) = run(routed("name: main\n" + TO_ECHO)).routes
    assert (found.name, found.number) == ("main", 1)


def test_other_upstream_types_have_no_cluster() -> None:
    """A route to an upstream of a type that is not simulated stays, without a cluster."""
    outcome = run(route(TO_ECHO), upstream("aws: {region: x}\n"))
    assert outcome.codes == ["ES0305"]
    assert outcome.clusters == ()
    assert len(outcome.routes) == 1


def test_settings_without_a_limit_change_nothing() -> None:
    """Settings that say nothing of regexes leave the default limit."""
    settings = "apiVersion: gloo.solo.io/v1\nkind: Settings\nmetadata: {name: default, namespace: gloo-system}\nspec: {gloo: {}}\n"
    assert run(routed("matchers: [{regex: '/[a-z]{20}'}]\n" + TO_ECHO), settings).problems == []

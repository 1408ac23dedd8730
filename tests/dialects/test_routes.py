from __future__ import annotations

import pytest

from edgesim.model import (
    Destination,
    DirectResponseAction,
    ForwardAction,
    HeaderMatcher,
    HeaderMutations,
    HeaderValue,
    HostRewrite,
    HostRewriteKind,
    PathKind,
    PathMatcher,
    QueryMatcher,
    RedirectAction,
    RegexRewrite,
    RouteMatch,
    Severity,
    ValueKind,
)
from tests.dialects.scenes import (
    SERVICE,
    TO_ECHO,
    UPSTREAM,
    Outcome,
    route,
    routed,
    run,
    subset_upstream,
    upstream,
    virtual_host,
)

ECHO = Destination("echo_default")


def forward(outcome: Outcome) -> ForwardAction:
    """Return the action of the only route, which forwards."""
    action = outcome.routes[0].action
    assert isinstance(action, ForwardAction)
    return action


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


# --- destinations


def test_an_upstream_is_by_default_in_the_owners_namespace() -> None:
    """An upstream without namespace is that of the VirtualService; one with it is taken as written."""
    there = UPSTREAM.replace("{name: echo}", "{name: echo, namespace: other}")
    outcome = run(routed("routeAction: {single: {upstream: {name: echo, namespace: other}}}\n"), there)
    assert outcome.problems == []
    assert forward(outcome).destination == Destination("echo_other")
    assert forward(run(routed(TO_ECHO))).destination == ECHO


def test_a_missing_upstream_is_a_warning_and_the_route_stays() -> None:
    """The route points at a cluster that is not there, and the message is Gloo's."""
    outcome = run(route("routeAction: {single: {upstream: {name: ecko, namespace: x}}}\n"), UPSTREAM)
    problem = outcome.only()
    assert problem.severity is Severity.WARNING
    assert problem.message == "*v1.Upstream { x.ecko } not found"
    assert forward(outcome).destination == Destination("ecko_x")


@pytest.mark.parametrize(
    ("ref", "hint"),
    [
        ("{name: ecko}", "did you mean `echo`?"),
        ("{name: echo, namespace: elsewhere}", "did you mean `echo` in the namespace `default`?"),
        ("{name: ecko, namespace: defult}", "did you mean `echo` in the namespace `default`?"),
        ("{name: unlike-anything}", ""),
        ("{name: xxxxo, namespace: default}", ""),
    ],
)
def test_the_missing_upstream_is_guessed(ref: str, hint: str) -> None:
    """A like name here, the same name elsewhere, or a like name elsewhere is proposed."""
    assert run(routed(f"routeAction: {{single: {{upstream: {ref}}}}}\n")).only().hint == hint


def test_a_split_keeps_its_weights() -> None:
    """Weights need not add up to 100, a missing one is 0, and each arm may change headers."""
    outcome = run(
        routed(
            """\
            routeAction:
              multi:
                destinations:
                - {destination: {upstream: {name: echo}}, weight: 3}
                - destination: {upstream: {name: echo}}
                - destination: {upstream: {name: echo}}
                  weight: 4
                  options: {headerManipulation: {responseHeadersToAdd: [{header: {key: X-Arm, value: b}}]}}
            """
        )
    )
    assert outcome.problems == []
    arms = forward(outcome).weighted
    assert [(arm.destination, arm.weight) for arm in arms] == [(ECHO, 3), (ECHO, 0), (ECHO, 4)]
    assert arms[2].headers.response_add == (HeaderValue("x-arm", "b"),)


def test_a_missing_arm_is_a_warning_and_stays() -> None:
    """Only the share of the missing upstream is lost."""
    arms = "[{destination: {upstream: {name: echo}}, weight: 1}, {destination: {upstream: {name: none}}, weight: 1}]"
    outcome = run(routed(f"routeAction: {{multi: {{destinations: {arms}}}}}\n"))
    problem = outcome.only()
    assert (
        problem.message == "invalid destination in weighted destination list: *v1.Upstream { default.none } not found"
    )
    assert problem.field == "spec.virtualHost.routes[0].routeAction.multi.destinations[1].destination.upstream"
    assert [arm.destination.cluster for arm in forward(outcome).weighted] == ["echo_default", "none_default"]


@pytest.mark.parametrize(
    "arm", ["{weight: 1}", "{destination: {}, weight: 1}", "{destination: {consul: {serviceName: a}}, weight: 1}"]
)
def test_an_arm_without_destination_takes_the_route_out(arm: str) -> None:
    """An arm that goes nowhere is no route."""
    assert run(route(f"routeAction: {{multi: {{destinations: [{arm}]}}}}\n")).routes == ()


GROUP = """\
apiVersion: gloo.solo.io/v1
kind: UpstreamGroup
metadata: {name: both, namespace: there}
spec:
  destinations:
  - {destination: {upstream: {name: echo}}, weight: 1}
  - {destination: {upstream: {name: echo, namespace: default}}, weight: 2}
"""
TO_GROUP = route("routeAction: {upstreamGroup: {name: both, namespace: there}}\n")
THERE = UPSTREAM.replace("{name: echo}", "{name: echo, namespace: there}")


def test_a_group_defaults_to_its_own_namespace() -> None:
    """An upstream of a group without namespace is in the group's, not in the route's."""
    outcome = run(TO_GROUP, GROUP, UPSTREAM, THERE)
    assert outcome.problems == []
    assert [arm.destination.cluster for arm in forward(outcome).weighted] == ["echo_there", "echo_default"]


def test_a_missing_member_of_a_group_is_the_groups_error_and_the_routes_warning() -> None:
    """The group is told with the number of the destination, the route that it suffers."""
    outcome = run(TO_GROUP, GROUP, UPSTREAM)
    group, route_ = outcome.problems
    assert (group.code, group.severity) == ("ES0306", Severity.ERROR)
    assert group.message == "destination # 1: upstream not found: list did not find upstream there.echo"
    assert group.hint == "did you mean `echo` in the namespace `default`?"
    assert (route_.code, route_.severity) == ("ES0214", Severity.WARNING)
    assert route_.hint == "in UpstreamGroup there.both, spec.destinations[0].destination.upstream"
    assert len(forward(outcome).weighted) == 2


def test_a_missing_group_is_a_warning() -> None:
    """The route stays and points at no cluster; the namespace of a group has no default."""
    outcome = run(route("routeAction: {upstreamGroup: {name: both}}\n"), GROUP, UPSTREAM, THERE)
    assert outcome.only().message == "*v1.UpstreamGroup { .both } not found"
    assert outcome.only().hint == "did you mean `both` in the namespace `there`?"
    assert forward(outcome).destination == Destination("")


def test_an_empty_group_takes_the_route_out() -> None:
    """A group without destinations serves nobody."""
    empty = "apiVersion: gloo.solo.io/v1\nkind: UpstreamGroup\nmetadata: {name: both, namespace: there}\nspec: {}\n"
    outcome = run(TO_GROUP, empty)
    assert outcome.only().code == "ES0212"
    assert outcome.routes == ()


def test_a_cluster_header_is_kept_in_lower_case() -> None:
    """ClusterHeader names the header that names the cluster."""
    assert forward(run(route("routeAction: {clusterHeader: X-Cluster}\n"))).cluster_header == "x-cluster"


def test_a_kube_destination_is_an_upstream_in_memory() -> None:
    """A Service named by a route becomes an EDS cluster, once."""
    kube = "routeAction: {single: {kube: {ref: {name: echo, namespace: default}, port: 80}}}\n"
    outcome = run(virtual_host(f"routes:\n- {kube}- {kube}"), SERVICE)
    assert outcome.problems == []
    (cluster,) = outcome.clusters
    assert cluster.name == "kube-svc:default-echo-80_default"
    assert forward(outcome).destination == Destination(cluster.name)


def test_a_missing_kube_destination_is_a_warning() -> None:
    """A Service that is not there is reported as the upstream Gloo would make of it."""
    outcome = run(route("routeAction: {single: {kube: {ref: {name: ecko, namespace: default}, port: 80}}}\n"), SERVICE)
    assert outcome.only().message == "*v1.Upstream { default.kube-svc:default-ecko-80 } not found"
    assert outcome.only().hint == "did you mean `echo`?"
    assert run(route("routeAction: {single: {kube: {port: 80}}}\n")).only().code == "ES0214"
    consul = run(route("routeAction: {single: {consul: {serviceName: echo}}}\n"))
    assert (consul.only().code, consul.routes) == ("ES0226", ())


def subset(values: str) -> str:
    return route(f"routeAction: {{single: {{upstream: {{name: echo}}, subset: {{values: {values}}}}}}}\n")


def test_a_subset_is_sorted_and_compared_by_keys() -> None:
    """The key set counts, in any order; values are never checked."""
    outcome = run(subset("{version: v1, stage: x}"), subset_upstream("stage", "version"))
    assert outcome.problems == []
    assert forward(outcome).destination == Destination("echo_default", (("stage", "x"), ("version", "v1")))


def test_a_subset_of_other_keys_is_an_error() -> None:
    """One key too few is as wrong as one too many, and the hint lists the upstream's."""
    outcome = run(subset("{version: v1}"), subset_upstream("stage", "version"))
    problem = outcome.only()
    assert (problem.code, problem.hint) == ("ES0219", "the upstream's subset keys are [stage, version]")
    assert outcome.routes == ()


def test_an_empty_subset_is_none() -> None:
    """`subset: {values: {}}` asks for nothing, so nothing is wrong with it."""
    outcome = run(subset("{}"), UPSTREAM)
    assert outcome.problems == []
    assert forward(outcome).destination == ECHO


def test_a_subset_of_a_static_upstream_is_a_warning() -> None:
    """The route stays and asks for the subset that is not there; any endpoint serves it."""
    outcome = run(subset("{version: v1}"), UPSTREAM)
    assert outcome.only().message == "route has a subset config, but the upstream does not"
    assert len(outcome.routes) == 1


# --- actions


def test_a_redirect_is_read_whole() -> None:
    """Every field of a redirect reaches the model; a number is as good as the name of a code."""
    outcome = run(
        route(
            "redirectAction: {hostRedirect: b.example, pathRedirect: /x, responseCode: 3, httpsRedirect: true, "
            "stripQuery: true, portRedirect: 8443}\n"
        )
    )
    assert outcome.problems == []
    assert outcome.routes[0].action == RedirectAction(307, "b.example", "/x", port=8443, https=True, strip_query=True)


def test_a_redirect_defaults_to_301_and_keeps_the_url() -> None:
    """What a redirect does not set stays."""
    assert run(route("redirectAction: {httpsRedirect: true}\n")).routes[0].action == RedirectAction(https=True)
    rewritten = run(route("redirectAction: {regexRewrite: {pattern: {regex: /a}, substitution: /b}}\n"))
    assert rewritten.routes[0].action == RedirectAction(regex_rewrite=RegexRewrite("/a", "/b"))
    prefixed = run(route("redirectAction: {prefixRewrite: /b, responseCode: FOUND}\n"))
    assert prefixed.routes[0].action == RedirectAction(302, prefix_rewrite="/b")


@pytest.mark.parametrize("field", ["hostRedirect: 'a b'", "pathRedirect: '/a?b'", "prefixRewrite: /a//b"])
def test_the_parts_of_a_redirect_are_checked(field: str) -> None:
    """Host and path of a redirect obey the rules of a path."""
    outcome = run(route(f"redirectAction: {{{field}}}\n"))
    assert outcome.only().code in {"ES0206", "ES0207"}
    assert outcome.routes == ()


def test_a_direct_response_is_read() -> None:
    """Status and body reach the model; the limit of the body counts bytes."""
    assert run(route("directResponseAction: {status: 418, body: hi}\n")).routes[0].action == DirectResponseAction(
        418, "hi"
    )
    assert run(route(f"directResponseAction: {{status: 200, body: {'é' * 2049}}}\n")).only().code == "ES0224"
    assert run(route("directResponseAction: {}\n")).only().code == "ES0223"


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

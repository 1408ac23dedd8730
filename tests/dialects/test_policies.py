from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgesim.dialects.gloo.fractions import millionths
from edgesim.model import NO_POLICIES, ForwardAction, HeaderValue, Policies
from edgesim.model.policies import (
    BufferLimit,
    Cors,
    Csrf,
    Fault,
    HashKind,
    HashPolicy,
    LocalRateLimit,
    Mirror,
    RetryPolicy,
    StringMatch,
    StringMatchKind,
)
from tests.dialects.scenes import TO_ECHO, UPSTREAM, Outcome, gateway, route, routed, run, virtual_host

ELSEWHERE = ("directResponseAction: {status: 200}", "redirectAction: {hostRedirect: example.com}")


BUFFERED = gateway("httpGateway: {options: {buffer: {maxRequestBytes: 1000}}}\n")
"""A listener with the buffer filter, without which the limits of a level have no effect."""


def options(text: str, action: str = TO_ECHO, listener: str = BUFFERED) -> Outcome:
    """Translate a route with options."""
    return run(routed(f"{action.rstrip()}\noptions: {{{text}}}\n"), listener)


def policies(text: str) -> Policies:
    """Return the policies of a route whose options are clean."""
    outcome = options(text)
    assert outcome.problems == []
    return outcome.routes[0].policies


def host_options(text: str) -> Outcome:
    """Translate a virtual host with options."""
    return run(virtual_host(f"options: {{{text}}}\nroutes:\n- {TO_ECHO}"), UPSTREAM, BUFFERED)


def refused(outcome: Outcome) -> tuple[str, str]:
    """Return code and field (below the options) of the only problem of a route, which is left out."""
    problem = outcome.only()
    assert outcome.routes == ()
    return problem.code, problem.field.partition(".options.")[2]


# --- retries ----------------------------------------------------------------------------------------


def test_retries_are_read_whole() -> None:
    """Every field of a retry policy reaches the model."""
    text = (
        "retries: {retryOn: ' 5xx, retriable-status-codes', numRetries: 3, perTryTimeout: 500ms, "
        "retryBackOff: {baseInterval: 10ms, maxInterval: 1s}, retriableStatusCodes: [404, 409]}"
    )
    wanted = RetryPolicy(("5xx", "retriable-status-codes"), 3, 0.5, 0.01, 1.0, (404, 409))
    assert policies(text).retries == wanted


@pytest.mark.parametrize("number", ["", ", numRetries: 0", ", numRetries: 1"])
def test_no_retries_cannot_be_said(number: str) -> None:
    """NumRetries missing, 0 and 1 are all 1, and the intervals are Envoy's."""
    wanted = RetryPolicy(("5xx",), 1, None, 0.025, None, ())
    assert policies(f"retries: {{retryOn: 5xx{number}, perTryTimeout: 0s}}").retries == wanted


def test_a_virtual_host_has_retries_of_its_own() -> None:
    """A virtual host's policy stays apart from its routes': levels are not merged here."""
    outcome = host_options("retries: {retryOn: reset}, includeRequestAttemptCount: true")
    assert outcome.problems == []
    assert outcome.hosts[0].policies == Policies(retries=RetryPolicy(("reset",)), include_attempt_count=True)
    assert outcome.routes[0].policies == NO_POLICIES


@pytest.mark.parametrize(
    ("text", "field", "message"),
    [
        ("{maxInterval: 1s}", "", "max interval was defined, but the base interval was not"),
        ("{baseInterval: 2s, maxInterval: 1s}", ".maxInterval", "base interval: 2000 is > max interval: 1000"),
        ("{baseInterval: 0.5ms}", ".baseInterval", "base interval for retry backoff was <= than 0 | you provided: 0"),
        ("{baseInterval: -1s}", ".baseInterval", "base interval for retry backoff was <= than 0 | you provided: -1000"),
        (
            "{baseInterval: 1s, maxInterval: 0s}",
            ".maxInterval",
            "max interval for retry backoff was <= than 0 | you provided: 0",
        ),
    ],
)
def test_a_back_off_that_cannot_be_is_an_error(text: str, field: str, message: str) -> None:
    """Gloo's rules, in milliseconds, with Gloo's words."""
    outcome = options(f"retries: {{retryOn: 5xx, retryBackOff: {text}}}")
    assert refused(outcome) == ("ES0233", f"retries.retryBackOff{field}")
    assert outcome.only().message == message


def test_an_empty_back_off_is_the_default() -> None:
    """An empty mapping says nothing."""
    assert policies("retries: {retryOn: 5xx, retryBackOff: {}}").retries == RetryPolicy(("5xx",))


@pytest.mark.parametrize(
    ("text", "code", "field"),
    [
        ("{retryOn: '5xx,gateway-eror'}", "ES0606", ".retryOn"),
        ("{numRetries: 3}", "ES0604", ""),
        ("{retryOn: ','}", "ES0604", ".retryOn"),
        ("{retryOn: 5xx, retriableStatusCodes: [404]}", "ES0604", ".retriableStatusCodes"),
        ("{retryOn: 5xx, previousPriorities: {}}", "ES0601", ".previousPriorities"),
    ],
)
def test_what_retries_cannot_do_is_noted(text: str, code: str, field: str) -> None:
    """Words Envoy ignores, and fields without effect, give a note; the route stays."""
    outcome = options(f"retries: {text}")
    problem = outcome.only()
    assert (problem.code, problem.field) == (code, f"spec.virtualHost.routes[0].options.retries{field}")
    assert len(outcome.routes) == 1


def test_a_negative_per_try_timeout_is_refused() -> None:
    """As any timeout."""
    assert refused(options("retries: {retryOn: 5xx, perTryTimeout: -1s}")) == ("ES0229", "retries.perTryTimeout")


# --- faults and shadowing ---------------------------------------------------------------------------


def test_faults_are_read_whole() -> None:
    """Delay and abort, their percentages in millionths."""
    text = "faults: {delay: {percentage: 12.5, fixedDelay: 1.5s}, abort: {percentage: 0.0001, httpStatus: 503}}"
    assert policies(text).fault == Fault(125_000, 1.5, 1, 503)


def test_a_fault_without_percentage_never_happens() -> None:
    """A missing percentage is 0."""
    assert policies("faults: {abort: {httpStatus: 503}}").fault == Fault(abort_status=503)
    assert policies("faults: {delay: {fixedDelay: 2s}}").fault == Fault(delay=2.0)


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("delay: {fixedDelay: 500ms}", ".delay.fixedDelay"),
        ("delay: {fixedDelay: -2s}", ".delay.fixedDelay"),
        ("delay: {percentage: 10}", ".delay"),
        ("abort: {percentage: 10}", ".abort"),
        ("abort: {httpStatus: 199}", ".abort.httpStatus"),
        ("abort: {httpStatus: 600}", ".abort.httpStatus"),
        ("abort: {httpStatus: 503, percentage: 101}", ".abort.percentage"),
        ("delay: {fixedDelay: 1s, percentage: -1}", ".delay.percentage"),
    ],
)
def test_an_invalid_fault_is_an_error(text: str, field: str) -> None:
    """Whole seconds above 0, a status of 200 to 599, a percentage that is one."""
    assert refused(options(f"faults: {{{text}}}")) == ("ES0234", f"faults{field}")


@pytest.mark.parametrize("action", [*ELSEWHERE, "routeAction: {clusterHeader: x-cluster}"])
def test_faults_without_an_upstream_are_noted(action: str) -> None:
    """Even wrong ones: Gloo validates them only where they act."""
    outcome = options("faults: {abort: {percentage: 10}}", action)
    assert outcome.codes == ["ES0604"]
    assert outcome.routes[0].policies.fault is None


def test_other_options_act_without_an_upstream() -> None:
    """Where a header names the cluster, only faults are ignored."""
    found = options("idleTimeout: 1s", "routeAction: {clusterHeader: x-cluster}")
    assert found.problems == []
    assert found.routes[0].policies == Policies(idle_timeout=1.0)


def test_shadowing_is_read_whole() -> None:
    """Cluster, share, and what becomes of the Host."""
    ref = "upstream: {name: echo, namespace: default}"
    assert policies(f"shadowing: {{{ref}, percentage: 1.5}}").mirror == Mirror("echo_default", 15_000)
    text = f"shadowing: {{{ref}, disableShadowHostSuffixAppend: true, hostRewriteLiteral: shadow.example}}"
    assert policies(text).mirror == Mirror("echo_default", 0, append_suffix=False, host="shadow.example")


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("percentage: 10", ""),
        ("upstream: {name: echo, namespace: default}, percentage: 100.1", ".percentage"),
        ("upstream: {name: echo, namespace: default}, percentage: -0.1", ".percentage"),
    ],
)
def test_invalid_shadowing_is_an_error(text: str, field: str) -> None:
    """It needs an upstream and a percentage."""
    assert refused(options(f"shadowing: {{{text}}}")) == ("ES0236", f"shadowing{field}")


def test_a_missing_shadow_upstream_is_noted() -> None:
    """The namespace is not defaulted, and the hint says which one was meant."""
    outcome = options("shadowing: {upstream: {name: echo}, percentage: 10}")
    problem = outcome.only()
    assert (problem.code, problem.hint) == ("ES0607", "did you mean `echo` in the namespace `default`?")
    assert outcome.routes[0].policies.mirror == Mirror("echo", 100_000)


@pytest.mark.parametrize(
    ("percentage", "wanted"), [(0, 0), (100, 1_000_000), (0.00005, 0), (33.3, 333_000), (0.29, 2_900), (1.1, 11_000)]
)
def test_percentages_become_millionths(percentage: float, wanted: int) -> None:
    """In the arithmetic of 32-bit floats, cut off."""
    assert millionths(percentage) == wanted


@given(st.floats(0, 100))
def test_millionths_are_within_one_of_the_truth(percentage: float) -> None:
    """Whatever the percentage, the share is between none and all, and as near as 32 bits can be."""
    assert 0 <= millionths(percentage) <= 1_000_000
    assert abs(millionths(percentage) - percentage * 10_000) <= 1.1


# --- cors and csrf ----------------------------------------------------------------------------------

CORS = (
    "cors: {allowOrigin: ['https://a.example'], allowOriginRegex: ['https://.*'], allowMethods: [GET, POST], "
    "allowHeaders: [x-a, x-b], exposeHeaders: [x-c], maxAge: '600', allowCredentials: true}"
)
WANTED = Cors(("https://a.example",), ("https://.*",), "GET,POST", "x-a,x-b", "x-c", "600", allow_credentials=True)


def test_cors_is_read_whole() -> None:
    """On a route and on a virtual host; lists are joined by commas."""
    assert policies(CORS).cors == WANTED
    assert host_options(CORS).hosts[0].policies.cors == WANTED


@pytest.mark.parametrize(
    ("setting", "own", "wanted"),
    [
        ("exposeHeaders: UNION", "exposeHeaders: [b, c], ", "a,b,c"),
        ("exposeHeaders: 1", "", ""),
        ("exposeHeaders: DEFAULT", "exposeHeaders: [b, c], ", "b,c"),
        ("", "exposeHeaders: [b, c], ", "b,c"),
    ],
)
def test_exposed_headers_may_be_joined(setting: str, own: str, wanted: str) -> None:
    """With the virtual host's, if it asks for that and both have some."""
    host = f"corsPolicyMergeSettings: {{{setting}}}, cors: {{allowOrigin: ['*'], exposeHeaders: [a, b]}}"
    route = f"{TO_ECHO}  options: {{cors: {{{own}allowOrigin: [x]}}}}\n"
    outcome = run(virtual_host(f"options: {{{host}}}\nroutes:\n- {route}"), UPSTREAM)
    assert outcome.problems == []
    assert outcome.routes[0].policies.cors == Cors(("x",), expose_headers=wanted)


def test_cors_may_be_switched_off_on_a_route_only() -> None:
    """DisableForRoute is a route's; on a virtual host it is noted."""
    text = "cors: {allowOrigin: ['*'], disableForRoute: true}"
    assert policies(text).cors == Cors(("*",), disabled=True)
    outcome = host_options(text)
    assert outcome.codes == ["ES0604"]
    assert outcome.hosts[0].policies.cors == Cors(("*",))


def test_cors_without_origin_is_an_error() -> None:
    """Even to switch it off."""
    assert refused(options("cors: {disableForRoute: true}")) == ("ES0235", "cors")
    problem = host_options("cors: {}").only()
    assert problem.message == "invalid cors config: must provide at least one of AllowOrigin or AllowOriginRegex"


def test_a_bad_origin_regex_is_an_error() -> None:
    """It is compiled as any other."""
    assert refused(options("cors: {allowOriginRegex: ['(']}")) == ("ES0208", "cors.allowOriginRegex[0]")


def test_cors_on_a_direct_response_is_headers() -> None:
    """Gloo adds what a cross-origin answer would carry, without those that are empty."""
    text = "cors: {allowOrigin: [a, b, a], allowOriginRegex: [b], allowMethods: [GET], maxAge: '50%'}"
    outcome = options(text, ELSEWHERE[0])
    assert outcome.problems == []
    assert outcome.routes[0].policies.cors is None
    assert outcome.routes[0].headers.response_add == (
        HeaderValue("access-control-allow-origin", "a,b"),
        HeaderValue("access-control-allow-methods", "GET"),
        HeaderValue("access-control-max-age", "50%%"),
        HeaderValue("access-control-allow-credentials", "false"),
    )
    credentials = options("cors: {allowCredentials: true}", ELSEWHERE[0]).routes[0].headers.response_add
    assert credentials == (HeaderValue("access-control-allow-credentials", "true"),)


@pytest.mark.parametrize(
    ("text", "action", "code"),
    [
        ("cors: {allowOrigin: ['*']}", ELSEWHERE[1], "ES0235"),
        ("cors: {allowOrigin: ['*'], disableForRoute: true}", ELSEWHERE[0], "ES0235"),
        ("shadowing: {percentage: 1}", ELSEWHERE[0], "ES0236"),
        ("lbHash: {}", ELSEWHERE[1], "ES0237"),
    ],
)
def test_some_options_are_refused_where_nothing_is_forwarded(text: str, action: str, code: str) -> None:
    """Gloo says so in these words."""
    outcome = options(text, action)
    assert refused(outcome)[0] == code
    assert "plugin on non-Route_Route route actions" in outcome.only().message


def test_csrf_is_read_whole() -> None:
    """Fractions of each denominator in millionths, and every way to match an origin."""
    text = (
        "csrf: {filterEnabled: {defaultValue: {numerator: 50}, runtimeKey: x}, "
        "shadowEnabled: {defaultValue: {numerator: 20000, denominator: TEN_THOUSAND}}, additionalOrigins: ["
        "{exact: a}, {prefix: b, ignoreCase: true}, {suffix: c}, {safeRegex: {regex: 'd.*'}}]}"
    )
    origins = (
        StringMatch(StringMatchKind.EXACT, "a"),
        StringMatch(StringMatchKind.PREFIX, "b", ignore_case=True),
        StringMatch(StringMatchKind.SUFFIX, "c"),
        StringMatch(StringMatchKind.REGEX, "d.*"),
    )
    assert policies(text).csrf == Csrf(500_000, 1_000_000, origins)
    small = "csrf: {filterEnabled: {defaultValue: {numerator: 7, denominator: 2}}, shadowEnabled: {}}"
    assert host_options(small).hosts[0].policies.csrf == Csrf(7)


@pytest.mark.parametrize("matcher", ["{}", "{prefix: ''}"])
def test_an_origin_without_pattern_is_an_error(matcher: str) -> None:
    """Envoy refuses it."""
    assert refused(options(f"csrf: {{additionalOrigins: [{matcher}]}}")) == ("ES0240", "csrf.additionalOrigins[0]")


# --- hashing ----------------------------------------------------------------------------------------


def test_hash_policies_are_read_in_order() -> None:
    """Headers in lower case, cookies with and without a ttl, the source address; what hashes nothing is gone."""
    text = (
        "lbHash: {hashPolicies: [{header: X-User, terminal: true}, {cookie: {name: s}}, "
        "{cookie: {name: t, ttl: 0s, path: /}}, {sourceIp: true}, {sourceIp: false}]}"
    )
    assert policies(text).hash_policies == (
        HashPolicy(HashKind.HEADER, "x-user", terminal=True),
        HashPolicy(HashKind.COOKIE, "s"),
        HashPolicy(HashKind.COOKIE, "t", 0.0, "/"),
        HashPolicy(HashKind.SOURCE_IP),
    )


@pytest.mark.parametrize(
    ("policy", "field"),
    [
        ("{}", ""),
        ("{header: ''}", ".header"),
        ("{cookie: {}}", ".cookie"),
        ("{cookie: {name: 'a b'}}", ".cookie.name"),
        ("{cookie: {name: a, ttl: -1s}}", ".cookie.ttl"),
    ],
)
def test_an_invalid_hash_policy_is_an_error(policy: str, field: str) -> None:
    """Each names something to hash."""
    assert refused(options(f"lbHash: {{hashPolicies: [{policy}]}}")) == ("ES0237", f"lbHash.hashPolicies[0]{field}")


STICKY = "envoyMetadata: {edgesim.io: {stickyWeights: true}, envoy.lb: {a: b}}"
HASH = "lbHash: {hashPolicies: [{header: x-user}]}"
SPLIT = "routeAction: {multi: {destinations: [{destination: {upstream: {name: echo}}, weight: 1}]}}"


def test_sticky_weights_are_asked_for_in_metadata() -> None:
    """Beside a hash and on a split; other namespaces are none of ours."""
    outcome = options(f"{STICKY}, {HASH}", SPLIT)
    assert outcome.problems == []
    assert outcome.routes[0].policies.sticky_weights
    assert not policies("envoyMetadata: {envoy.lb: {stickyWeight: 1}, edgesim.io: {}}").sticky_weights


def test_a_group_is_a_split_too() -> None:
    """Sticky weights on an UpstreamGroup, and the arms' own policies from it."""
    group = """\
        apiVersion: gloo.solo.io/v1
        kind: UpstreamGroup
        metadata: {name: both}
        spec: {destinations: [{destination: {upstream: {name: echo}}, weight: 1, options: {csrf: {}}}]}
        """
    text = f"routeAction: {{upstreamGroup: {{name: both, namespace: default}}}}\noptions: {{{STICKY}, {HASH}}}\n"
    outcome = run(routed(text), group)
    assert outcome.problems == []
    action = outcome.routes[0].action
    assert isinstance(action, ForwardAction)
    assert action.weighted[0].policies == Policies(csrf=Csrf())
    assert outcome.routes[0].policies.sticky_weights


@pytest.mark.parametrize(("text", "action"), [(STICKY, SPLIT), (f"{STICKY}, {HASH}", TO_ECHO)])
def test_sticky_weights_with_nothing_to_do_are_noted(text: str, action: str) -> None:
    """They need a hash and a split."""
    assert options(text, action).codes == ["ES0604"]


@pytest.mark.parametrize(
    ("own", "code", "field"),
    [
        ("[]", "ES0104", ""),
        ("{stickyWeight: true}", "ES0243", ".stickyWeight"),
        ("{stickyWeights: 'yes'}", "ES0104", ".stickyWeights"),
    ],
)
def test_wrong_metadata_of_our_own_is_an_error(own: str, code: str, field: str) -> None:
    """A key that does not exist has the nearest real one in its hint."""
    outcome = options(f"envoyMetadata: {{edgesim.io: {own}}}")
    assert refused(outcome) == (code, f"envoyMetadata['edgesim.io']{field}")
    assert code != "ES0243" or outcome.only().hint == "did you mean `stickyWeights`?"


# --- limits -----------------------------------------------------------------------------------------


def test_limits_of_a_route_are_read() -> None:
    """Timeouts, buffers, token buckets and upgrades reach the model."""
    found = policies(
        "idleTimeout: 0s, maxStreamDuration: {maxStreamDuration: 1m}, bufferPerRoute: {buffer: {maxRequestBytes: 9}}, "
        "ratelimit: {localRatelimit: {maxTokens: 5, tokensPerFill: 2, fillInterval: 50ms}}, "
        "upgrades: [{websocket: {enabled: false}}, {connect: {}}]"
    )
    assert found == Policies(
        idle_timeout=0.0,
        max_stream_duration=60.0,
        buffer=BufferLimit(9),
        local_rate_limit=LocalRateLimit(5, 2, 0.05),
        upgrades=(("websocket", False), ("connect", True)),
    )


def test_limits_of_other_levels_are_read() -> None:
    """A virtual host and an arm of a split have buffers of their own."""
    outcome = host_options(
        "bufferPerRoute: {disabled: true}, ratelimitEarly: {localRatelimit: {maxTokens: 5}}, "
        "includeAttemptCountInResponse: true"
    )
    assert outcome.problems == []
    assert outcome.hosts[0].policies == Policies(
        buffer=BufferLimit(None), local_rate_limit=LocalRateLimit(5), include_attempt_count_in_response=True
    )
    arm = "{destination: {upstream: {name: echo}}, weight: 1, options: {bufferPerRoute: {disabled: true}, csrf: {}}}"
    action = run(routed(f"routeAction: {{multi: {{destinations: [{arm}]}}}}\n"), BUFFERED).routes[0].action
    assert isinstance(action, ForwardAction)
    assert action.weighted[0].policies == Policies(buffer=BufferLimit(None), csrf=Csrf())


@pytest.mark.parametrize(
    ("text", "code", "field"),
    [
        ("idleTimeout: -1s", "ES0229", "idleTimeout"),
        ("maxStreamDuration: {maxStreamDuration: -1s}", "ES0229", "maxStreamDuration.maxStreamDuration"),
        ("bufferPerRoute: {}", "ES0244", "bufferPerRoute"),
        ("bufferPerRoute: {disabled: false}", "ES0244", "bufferPerRoute.disabled"),
        ("bufferPerRoute: {buffer: {}}", "ES0244", "bufferPerRoute.buffer"),
        ("bufferPerRoute: {buffer: {maxRequestBytes: 0}}", "ES0244", "bufferPerRoute.buffer.maxRequestBytes"),
        ("ratelimit: {localRatelimit: {}}", "ES0241", "ratelimit.localRatelimit"),
        (
            "ratelimit: {localRatelimit: {maxTokens: 1, tokensPerFill: 0}}",
            "ES0241",
            "ratelimit.localRatelimit.tokensPerFill",
        ),
        (
            "ratelimit: {localRatelimit: {maxTokens: 1, fillInterval: 49ms}}",
            "ES0241",
            "ratelimit.localRatelimit.fillInterval",
        ),
        (
            "ratelimit: {localRatelimit: {maxTokens: 1}}, ratelimitEarly: {localRatelimit: {maxTokens: 1}}",
            "ES0241",
            "ratelimitEarly.localRatelimit",
        ),
        ("upgrades: [{}]", "ES0239", "upgrades[0]"),
        ("upgrades: [{websocket: {}}, {websocket: {}}]", "ES0239", "upgrades[1].websocket"),
    ],
)
def test_an_invalid_limit_is_an_error(text: str, code: str, field: str) -> None:
    """Each at the field that is wrong, or at its owner where it is missing."""
    assert refused(options(text)) == (code, field)


def test_a_buffer_without_the_listeners_filter_is_noted() -> None:
    """Envoy's per-route limit needs the filter itself, which a Gateway brings."""
    outcome = options("bufferPerRoute: {disabled: true}", listener=gateway("httpGateway: {}\n"))
    assert outcome.codes == ["ES0604"]
    assert outcome.routes[0].policies.buffer == BufferLimit(None)


def test_the_former_host_is_kept_beside_a_rewrite_only() -> None:
    """AppendXForwardedHost alone has no effect, and is noted."""
    assert policies("appendXForwardedHost: true, hostRewrite: a.example").append_x_forwarded_host
    assert not policies("appendXForwardedHost: false").append_x_forwarded_host
    outcome = options("appendXForwardedHost: true")
    assert outcome.codes == ["ES0604"]
    assert not outcome.routes[0].policies.append_x_forwarded_host


def test_forwarding_options_are_ignored_elsewhere() -> None:
    """Retries, timeouts, upgrades and faults on a direct response give a note each, and no policy."""
    text = "retries: {}, idleTimeout: -1s, maxStreamDuration: {}, upgrades: [], faults: {}, csrf: {}"
    outcome = options(text, ELSEWHERE[0])
    assert outcome.codes == ["ES0604"] * 5
    assert outcome.routes[0].policies == Policies(csrf=Csrf())


def test_options_without_an_action_are_the_smaller_problem() -> None:
    """A route without action has that error."""
    assert "ES0204" in run(route("options: {timeout: 1s}\n")).codes


# --- header values ----------------------------------------------------------------------------------


def test_a_header_value_may_hold_commands() -> None:
    """Envoy's command operators, and a percent sign written twice."""
    value = "%DOWNSTREAM_REMOTE_ADDRESS% %REQ(x-a)% 100%%"
    text = f"headerManipulation: {{responseHeadersToAdd: [{{header: {{key: a, value: '{value}'}}}}]}}"
    assert options(text).problems == []


@pytest.mark.parametrize("value", ["%NO_SUCH%", "50% off", "%REQ%", "%"])
def test_another_percent_sign_is_an_error(value: str) -> None:
    """Envoy would refuse the whole route configuration."""
    text = f"headerManipulation: {{requestHeadersToAdd: [{{header: {{key: a, value: '{value}'}}}}]}}"
    assert refused(options(text)) == ("ES0238", "headerManipulation.requestHeadersToAdd[0].header.value")

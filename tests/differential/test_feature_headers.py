"""Header manipulation, rewrites and forwarded headers, beside Envoy."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from edgesim.model import (
    DEFAULT_LISTENER,
    Destination,
    DirectResponseAction,
    ForwardAction,
    HeaderMutations,
    HeaderValue,
    HostRewrite,
    HostRewriteKind,
    ListenerOptions,
    Policies,
    RedirectAction,
    RegexRewrite,
    WeightedCluster,
)
from edgesim.model.policies import RetryPolicy
from tests.differential.features import Both, Case, both

LISTENERS = {
    "plain": DEFAULT_LISTENER,
    "specific": ListenerOptions(most_specific_mutations_win=True),
    "edge": ListenerOptions(use_remote_address=True),
    "edge-hops": ListenerOptions(use_remote_address=True, xff_trusted_hops=1),
    "edge-internal": ListenerOptions(use_remote_address=True, internal_addresses=("127.0.0.0/8", "10.0.0.0/8")),
    "edge-quiet": ListenerOptions(use_remote_address=True, skip_xff_append=True, preserve_external_request_id=True),
    "hops": ListenerOptions(xff_trusted_hops=1),
    "internal": ListenerOptions(internal_addresses=("10.0.0.0/8",)),
    "no-ids": ListenerOptions(generate_request_id=False),
    "named": ListenerOptions(server_name="shop"),
    "silent": ListenerOptions(suppress_envoy_headers=True),
}


def mutations(**options: object) -> HeaderMutations:
    """Return mutations; additions are written `name: value`, with `=` in front to overwrite."""
    made: dict[str, object] = {}
    for name, given in options.items():
        values = given if isinstance(given, tuple) else (given,)
        made[name] = tuple(map(_value, values)) if name.endswith("add") else values
    return HeaderMutations(**made)  # type: ignore[arg-type]


def _value(text: str) -> HeaderValue:
    name, _, value = text.removeprefix("=").partition(": ")
    return HeaderValue(name, value, append=not text.startswith("="))


def added(text: str, **options: object) -> HeaderMutations:
    """Add the same header to requests and answers."""
    return mutations(request_add=text, response_add=text, **options)


def weighted(headers: HeaderMutations) -> ForwardAction:
    """One arm with all the weight."""
    return ForwardAction(weighted=(WeightedCluster(Destination("up"), 1, headers),))


def operators(*texts: str) -> HeaderMutations:
    """Return every text as a header of its own, both ways."""
    values = tuple(HeaderValue(f"x-{number}", text) for number, text in enumerate(texts))
    return HeaderMutations(request_add=values, response_add=values)


REGEX = RegexRewrite("^/a/([a-z]+)/(.*)$", r"/\2/\1")
LITERAL = HostRewrite(HostRewriteKind.LITERAL, "other.test:99")
BY_HEADER = HostRewrite(HostRewriteKind.HEADER, "x-wanted")
BY_PATH = HostRewrite(HostRewriteKind.PATH_REGEX, regex=RegexRewrite("^/([a-z]+)/.*$", r"\1.test"))
ANSWERS = ("x-answer", "x-up: one|x-up: two|X-Mixed: Case|server: upstream|x-powered-by: php")

MUTATIONS = [
    Case("add", headers=added("x-new: value"), sends=(("x-new", "sent"), ("x-answer", "x-new: answered"))),
    Case(
        "overwrite",
        headers=added("=x-new: value"),
        sends=(("x-new", "a"), ("x-new", "b"), ("x-answer", "x-new: a|x-new: b")),
    ),
    Case("overwrite-absent", headers=added("=x-new: value")),
    Case("twice", headers=mutations(request_add=("x-a: 1", "x-a: 2"), response_add=("x-a: 1", "x-a: 2"))),
    Case("overwrite-twice", headers=mutations(request_add=("=x-a: 1", "=x-a: 2"), response_add=("=x-a: 1", "=x-a: 2"))),
    Case(
        "append-then-overwrite",
        headers=mutations(request_add=("x-a: 1", "=x-a: 2"), response_add=("x-a: 1", "=x-a: 2")),
    ),
    Case(
        "remove",
        headers=mutations(request_remove="x-old", response_remove="x-up"),
        sends=(("x-old", "1"), ("X-Old", "2"), ANSWERS),
    ),
    Case(
        "remove-then-add",
        headers=added("x-up: three", request_remove=("x-up",), response_remove=("x-up",)),
        sends=(("x-up", "0"), ANSWERS),
    ),
    Case(
        "remove-by-other-case",
        headers=mutations(request_remove="X-OLD", response_remove="X-MIXED"),
        sends=(("x-old", "1"), ANSWERS),
    ),
    Case("remove-server", headers=mutations(response_remove=("server", "date", "x-envoy-upstream-service-time"))),
    Case(
        "remove-content-type",
        headers=mutations(response_remove="content-type"),
        sends=(("x-answer", "content-type: text/html"),),
    ),
    Case("add-server", headers=mutations(response_add=("server: mine", "date: today"))),
    Case("overwrite-server", headers=mutations(response_add=("=server: mine", "=x-envoy-upstream-service-time: 5"))),
    Case(
        "remove-router",
        headers=mutations(request_remove=("x-request-id", "x-forwarded-proto", "x-envoy-expected-rq-timeout-ms")),
    ),
    Case(
        "overwrite-router",
        headers=mutations(
            request_add=("=x-request-id: mine", "=x-forwarded-proto: gopher", "=x-envoy-expected-rq-timeout-ms: 3")
        ),
    ),
    Case("append-router", headers=mutations(request_add=("x-request-id: mine", "x-forwarded-proto: gopher"))),
    Case(
        "append-user-agent",
        headers=mutations(request_add=("user-agent: edge", "x-forwarded-for: 9.9.9.9", "cookie: a=b")),
        sends=(("user-agent", "me"), ("cookie", "c=d")),
    ),
    Case(
        "append-content-type",
        headers=mutations(response_add=("content-type: a/b", "set-cookie: a=b")),
        sends=(("x-answer", "content-type: c/d|set-cookie: c=d"),),
    ),
    Case("case-of-name", headers=added("X-New: Value")),
    Case("percent", headers=added("x-new: 100%% and %%REQ(x-case)%%")),
    Case("empty-value", headers=added("x-new: ")),
    Case("order", action=weighted(added("=x-a: arm")), headers=added("=x-a: route"), host_headers=added("=x-a: host")),
    Case(
        "order-append", action=weighted(added("x-a: arm")), headers=added("x-a: route"), host_headers=added("x-a: host")
    ),
    Case(
        "order-specific",
        action=weighted(added("=x-a: arm")),
        headers=added("=x-a: route"),
        host_headers=added("=x-a: host"),
        listener="specific",
    ),
    Case(
        "order-specific-append",
        action=weighted(added("x-a: arm")),
        headers=added("x-a: route"),
        host_headers=added("x-a: host"),
        listener="specific",
    ),
    Case(
        "order-remove", headers=added("x-a: route"), host_headers=mutations(request_remove="x-a", response_remove="x-a")
    ),
    Case(
        "order-remove-specific",
        headers=mutations(request_remove="x-a", response_remove="x-a"),
        host_headers=added("x-a: host"),
        listener="specific",
    ),
    Case(
        "direct",
        action=DirectResponseAction(200, "direct"),
        headers=added("x-a: %REQ(x-case)%"),
        host_headers=added("=x-b: host", response_remove=("content-type",)),
    ),
    Case(
        "direct-overwrites",
        action=DirectResponseAction(200, "{}"),
        headers=mutations(response_add=("=content-type: application/json", "=server: mine")),
    ),
    Case("direct-empty", action=DirectResponseAction(204), headers=added("x-a: b")),
    Case("direct-empty-200", action=DirectResponseAction(200), headers=added("x-a: b")),
    Case(
        "redirect",
        action=RedirectAction(host="other.test"),
        headers=added("x-a: %REQ(x-case)%"),
        host_headers=added("=location: elsewhere"),
    ),
    Case(
        "redirect-rewritten",
        action=RedirectAction(prefix_rewrite="/new"),
        headers=added("x-a: %REQ(:PATH)% %REQ(X-ENVOY-ORIGINAL-PATH)%"),
    ),
    Case("refused", cluster="refused", headers=added("x-a: b", response_remove=("content-type",))),
    Case("no-endpoint", cluster="empty", headers=added("x-a: b"), host_headers=added("x-c: d")),
    Case(
        "no-endpoint-changed", cluster="empty", headers=mutations(request_add="=x-a: b", response_add="x-c: %REQ(x-a)%")
    ),
    Case(
        "no-endpoint-host",
        cluster="empty",
        options={"host_rewrite": LITERAL},
        headers=mutations(response_add="x-c: %REQ(:AUTHORITY)%"),
    ),
    Case("no-cluster", cluster="nowhere", headers=added("x-a: b")),
    Case("timeout", "hang", options={"timeout": 0.2}, headers=added("x-a: b")),
    Case("close", "close", headers=added("x-a: %RESPONSE_FLAGS% %RESPONSE_CODE%")),
    Case(
        "operators-request",
        headers=operators(
            "%DOWNSTREAM_REMOTE_ADDRESS%",
            "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
            "%DOWNSTREAM_LOCAL_ADDRESS%",
            "%REQ(x-case)%",
            "%REQ(x-none?x-do)%",
            "%REQ(x-none)%",
            "%REQ(:method)% %REQ(:path)% %REQ(:authority)%",
            "%REQ(x-case):3%",
            "a %REQ(x-none)% b",
            "%PROTOCOL%",
            "%ROUTE_NAME%",
            "%REQ(x-request-id)%",
            "%PATH(WQ)%",
            "%PATH(NQ)%",
            "%QUERY_PARAM(a)%",
            "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%",
            "%REQ(x-envoy-original-path?:path)%",
            "%REQ(:scheme)%",
            "%REQ(x-forwarded-proto)%",
            "%REQ(user-agent)%",
            "%REQ(host)%",
        ),
        path="/p?a=1&b=2",
        route_name="the-route",
    ),
    Case(
        "operators-process",
        headers=operators(
            "%HOSTNAME%",
            "%ENVIRONMENT(NOT_SET)%",
            "%ENVIRONMENT(PATH):4%",
            "%START_TIME_LOCAL(%z)%",
            "%REQUESTED_SERVER_NAME(HOST_FIRST)%",
            "%DOWNSTREAM_TLS_VERSION%",
            "%DOWNSTREAM_PEER_DNS_SAN%",
            "%DOWNSTREAM_DIRECT_LOCAL_ADDRESS_WITHOUT_PORT%",
        ),
    ),
    Case(
        "operators-cluster",
        headers=operators(
            "%UPSTREAM_CLUSTER%",
            "%UPSTREAM_HOST%",
            "%UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
            "%RESPONSE_CODE%",
            "%RESPONSE_FLAGS%",
            "%UPSTREAM_REQUEST_ATTEMPT_COUNT%",
            "%BYTES_RECEIVED%",
        ),
        method="POST",
        body=b"12345",
    ),
    Case(
        "operators-response",
        headers=mutations(
            response_add=tuple(
                f"x-{number}: {text}"
                for number, text in enumerate(
                    (
                        "%RESP(x-up)%",
                        "%RESP(x-none)%",
                        "%RESPONSE_CODE%",
                        "%UPSTREAM_HOST%",
                        "%UPSTREAM_CLUSTER%",
                        "%REQ(x-case)%",
                        "%RESP(content-length)%",
                        "%RESPONSE_CODE_DETAILS%",
                        "%UPSTREAM_PROTOCOL%",
                        "%RESP(server)%",
                    )
                )
            )
        ),
        sends=(ANSWERS,),
    ),
    Case(
        "operators-rewritten",
        headers=operators(
            "%REQ(:path)%", "%REQ(x-envoy-original-path)%", "%PATH(WQ:ORIG)%", "%PATH(NQ:PATH)%", "%REQ(:authority)%"
        ),
        options={"prefix_rewrite": "/new", "host_rewrite": LITERAL},
        match="/old",
        path="/old/x?q=1",
    ),
    Case(
        "retried",
        "503;200",
        Policies(retries=RetryPolicy(("5xx",), base_interval=0.001)),
        headers=added("x-a: %UPSTREAM_REQUEST_ATTEMPT_COUNT%"),
        host_headers=mutations(request_add="x-b: c"),
    ),
]
REWRITES = [
    Case("prefix", options={"prefix_rewrite": "/new"}, match="/old", path="/old/x?q=1"),
    Case("prefix-empty", options={"prefix_rewrite": ""}, match="/old", path="/old/x"),
    Case("prefix-empty-whole", options={"prefix_rewrite": ""}, match="/old", path="/old"),
    Case("prefix-slash", options={"prefix_rewrite": "/"}, match="/old", path="/old/x"),
    Case("prefix-same", options={"prefix_rewrite": "/old"}, match="/old", path="/old/x"),
    Case("original-path-sent", sends=(("x-envoy-original-path", "/mine"),)),
    Case(
        "original-path-replaced",
        options={"prefix_rewrite": "/new"},
        sends=(("x-envoy-original-path", "/mine"),),
        path="/a",
    ),
    Case("regex", options={"regex_rewrite": REGEX}, path="/a/abc/def?x=/a/b/c"),
    Case("regex-unmatched", options={"regex_rewrite": REGEX}, path="/b/abc/def"),
    Case("host", options={"host_rewrite": LITERAL}),
    Case("host-by-header", options={"host_rewrite": BY_HEADER}, sends=(("x-wanted", "wanted.test"),)),
    Case("host-by-header-absent", options={"host_rewrite": BY_HEADER}),
    Case("host-by-added-header", options={"host_rewrite": BY_HEADER}, headers=added("x-wanted: added.test")),
    Case(
        "host-by-more-headers",
        options={"host_rewrite": BY_HEADER},
        headers=added("x-wanted: added.test"),
        sends=(("x-wanted", "wanted.test"),),
    ),
    Case(
        "host-by-removed-header",
        options={"host_rewrite": BY_HEADER},
        headers=mutations(request_remove=("x-wanted",)),
        sends=(("x-wanted", "wanted.test"),),
    ),
    Case("host-by-path", options={"host_rewrite": BY_PATH}, path="/abc/def?x"),
    Case("host-by-path-unmatched", options={"host_rewrite": BY_PATH}, path="/ABC"),
    Case("forwarded-host", policies=Policies(append_x_forwarded_host=True), options={"host_rewrite": LITERAL}),
    Case(
        "forwarded-host-again",
        policies=Policies(append_x_forwarded_host=True),
        options={"host_rewrite": LITERAL},
        sends=(("x-forwarded-host", "first.test"),),
    ),
    Case("forwarded-host-absent", policies=Policies(append_x_forwarded_host=True), options={"host_rewrite": BY_HEADER}),
    Case(
        "forwarded-host-same",
        policies=Policies(append_x_forwarded_host=True),
        options={"host_rewrite": HostRewrite(HostRewriteKind.LITERAL, "forwarded-host-same.test")},
    ),
    Case("original-host-sent", options={"host_rewrite": LITERAL}, sends=(("x-envoy-original-host", "mine"),)),
]
SENT = (
    ("x-forwarded-for", "1.2.3.4, 10.1.1.1"),
    ("x-forwarded-proto", "https"),
    ("x-request-id", "mine"),
    ("x-envoy-external-address", "8.8.8.8"),
    ("x-envoy-internal", "true"),
    ("x-envoy-downstream-service-cluster", "c"),
    ("x-envoy-downstream-service-node", "n"),
    ("x-envoy-original-host", "h"),
    ("x-envoy-decorator-operation", "o"),
    ("x-envoy-ip-tags", "t"),
    ("x-envoy-original-url", "u"),
    ("x-envoy-force-trace", "yes"),
    ("x-forwarded-client-cert", "c"),
    ("x-forwarded-host", "f"),
    ("x-forwarded-port", "1"),
    ("x-envoy-anything", "else"),
    ("x-envoy-hedge-on-per-try-timeout", "true"),
    ("x-envoy-upstream-alt-stat-name", "s"),
    ("x-client-trace-id", "abc"),
    ("te", "trailers"),
    ("via", "1.1 v"),
)
OPERATED = operators(
    "%DOWNSTREAM_REMOTE_ADDRESS%",
    "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
    "%REQ(x-forwarded-for)%",
    "%REQ(x-request-id)%",
)
IDENTITY = [
    case
    for listener in LISTENERS
    for case in (
        Case(f"{listener}-nothing", listener=listener, headers=OPERATED),
        Case(f"{listener}-everything", listener=listener, sends=SENT, headers=OPERATED),
        Case(f"{listener}-one-address", listener=listener, sends=(("x-forwarded-for", "10.9.9.9"),), headers=OPERATED),
        Case(f"{listener}-no-address", listener=listener, sends=(("x-forwarded-for", "unknown"),), headers=OPERATED),
        Case(
            f"{listener}-two-lines",
            listener=listener,
            sends=(("x-forwarded-for", "1.1.1.1"), ("x-forwarded-for", "2.2.2.2")),
        ),
        Case(f"{listener}-uuid", listener=listener, sends=(("x-request-id", "8f14e45f-ceea-467f-a3f5-3b5a8b2c9d10"),)),
        Case(f"{listener}-proto", listener=listener, sends=(("x-forwarded-proto", "gopher"),)),
        Case(f"{listener}-404", listener=listener, sends=(("host", "nobody.test"),)),
        Case(f"{listener}-refused", listener=listener, cluster="refused"),
        Case(f"{listener}-direct", listener=listener, action=DirectResponseAction(200, "direct")),
        Case(f"{listener}-rewritten", listener=listener, options={"prefix_rewrite": "/x"}),
        Case(
            f"{listener}-counted",
            listener=listener,
            host_policies=Policies(include_attempt_count=True, include_attempt_count_in_response=True),
        ),
        Case(
            f"{listener}-upstream-says",
            listener=listener,
            sends=(
                (
                    "x-answer",
                    "x-envoy-upstream-service-time: 1|x-envoy-anything: 2|x-envoy-attempt-count: 3|x-envoy-overloaded: true|x-envoy-decorator-operation: o|via: 1.1 v",
                ),
            ),
        ),
    )
]
CASES = [*MUTATIONS, *REWRITES, *IDENTITY]


@pytest.fixture(scope="module")
def proxies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    """Both proxies, with a virtual host for each case."""
    with both(CASES, tmp_path_factory.mktemp("headers"), LISTENERS) as made:
        yield made


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_headers_are_envoys(proxies: Both, case: Case) -> None:
    """The fields that reach the upstream and the client are those that Envoy sends."""
    proxies.agree(case)

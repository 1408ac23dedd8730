"""Access log lines, beside Envoy: the default format, and every operator that has a value here."""

from __future__ import annotations

import re
import socket
import struct
from collections.abc import Iterator

import pytest

from edgesim.model import (
    DEFAULT_LISTENER,
    DirectResponseAction,
    HeaderMutations,
    HeaderValue,
    HostRewrite,
    HostRewriteKind,
    ListenerOptions,
    Policies,
    RedirectAction,
)
from edgesim.model.policies import BufferLimit, Cors, Csrf, Fault, LocalRateLimit, RetryPolicy
from tests.differential.features import Both, Case, Side, both, exchange, wait_until
from tests.differential.test_feature_upgrades import CASES as UPGRADES

ALL = 1_000_000
LISTENERS = {
    "plain": DEFAULT_LISTENER,
    "edge": ListenerOptions(use_remote_address=True),
    "buffered": ListenerOptions(buffer_bytes=100),
    "inside": ListenerOptions(internal_addresses=("10.0.0.0/8",)),
}
AGAIN = RetryPolicy(("5xx",), base_interval=0.001)
OPERATORS = (
    "%REQ(USER-AGENT)%", "%START_TIME%", "%PROTOCOL%", "%UPSTREAM_PROTOCOL%", "%RESPONSE_CODE%", "%RESPONSE_CODE_DETAILS%",
    "%RESPONSE_FLAGS%", "%RESPONSE_FLAGS_LONG%", "%CONNECTION_TERMINATION_DETAILS%", "%BYTES_RECEIVED%", "%BYTES_SENT%",
    "%DURATION%", "%REQUEST_DURATION%", "%REQUEST_TX_DURATION%", "%RESPONSE_DURATION%", "%RESPONSE_TX_DURATION%",
    "%REQ(:METHOD)%", "%REQ(:PATH)%", "%REQ(:AUTHORITY)%", "%REQ(:SCHEME)%", "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%",
    "%REQ(X-REQUEST-ID)%", "%REQ(X-FORWARDED-FOR)%", "%REQ(X-FORWARDED-PROTO)%", "%REQ(X-ADDED)%", "%REQ(X-NONE)%",
    "%REQ(X-ENVOY-EXPECTED-RQ-TIMEOUT-MS)%", "%REQ(X-DO):2%",
    "%RESP(X-UP)%", "%RESP(SERVER)%", "%RESP(CONTENT-TYPE)%", "%RESP(CONTENT-LENGTH)%", "%RESP(X-ADDED)%", "%RESP(LOCATION)%",
    "%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)%", "%RESP(:STATUS)%", "%RESP(CONNECTION)%", "%RESP(DATE)%", "%RESP(X-NONE?SERVER)%",
    "%RESP(TRANSFER-ENCODING)%", "%RESP(X-ENVOY-RATELIMITED)%", "%RESP(ACCESS-CONTROL-ALLOW-ORIGIN)%", "%RESP(UPGRADE)%",
    "%PATH(WQ)%", "%PATH(NQ)%", "%PATH(NQ:ORIG)%", "%PATH(WQ:PATH)%", "%QUERY_PARAM(a)%", "%QUERY_PARAMS(ORIG)%",
    "%LOCAL_REPLY_BODY%", "%UPSTREAM_HOST%", "%UPSTREAM_CLUSTER%", "%UPSTREAM_CLUSTER_RAW%", "%UPSTREAM_REMOTE_ADDRESS%",
    "%UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%", "%UPSTREAM_REMOTE_PORT%", "%UPSTREAM_LOCAL_ADDRESS%",
    "%UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT%", "%UPSTREAM_LOCAL_PORT%", "%UPSTREAM_TRANSPORT_FAILURE_REASON%",
    "%UPSTREAM_REQUEST_ATTEMPT_COUNT%", "%DOWNSTREAM_REMOTE_ADDRESS%", "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
    "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS%", "%DOWNSTREAM_LOCAL_ADDRESS%", "%DOWNSTREAM_LOCAL_PORT%", "%REQUESTED_SERVER_NAME%",
    "%ROUTE_NAME%", "%CONNECTION_ID%", "%STREAM_ID%", "%ACCESS_LOG_TYPE%", "%UPSTREAM_HOST_NAME%",
)  # fmt: skip
NUMBERS = frozenset(
    ("%DURATION%", "%REQUEST_DURATION%", "%REQUEST_TX_DURATION%", "%RESPONSE_DURATION%", "%RESPONSE_TX_DURATION%",
     "%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)%", "%UPSTREAM_REMOTE_PORT%", "%UPSTREAM_LOCAL_PORT%", "%CONNECTION_ID%", "%DOWNSTREAM_LOCAL_PORT%")
)  # fmt: skip
"""Operators whose values differ from run to run: only that there is a number counts."""
NOT_COMPARED = frozenset(
    ("%REQUEST_DURATION%", "%REQUEST_TX_DURATION%", "%RESPONSE_DURATION%", "%RESPONSE_TX_DURATION%",
     "%UPSTREAM_LOCAL_ADDRESS%", "%UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT%", "%UPSTREAM_LOCAL_PORT%",
     "%REQ(X-ENVOY-EXPECTED-RQ-TIMEOUT-MS)%", "%REQ(X-ADDED)%", "%QUERY_PARAMS(ORIG)%")
)  # fmt: skip
"""What edgesim leaves out of a line: durations of parts, its side of the upstream's connection, and fields that
it adds itself to a request of which nothing else changes."""
UP = ("x-answer", "x-up: one|x-up: two|content-type: text/html|server: mine")
ADDED = HeaderMutations(
    request_add=(HeaderValue("x-added", "by the route"),), response_add=(HeaderValue("x-added", "by the route"),)
)


def fault(**options: object) -> Policies:
    """Return policies with a fault."""
    return Policies(fault=Fault(**options))  # type: ignore[arg-type]


CASES = [
    Case("fine", sends=(UP,), path="/a?a=1&b=2", route_name="the-route"),
    Case("post", method="POST", body=b"12345"),
    Case("post-chunked", method="POST", body=b"12345", chunked=True),
    Case("head", method="HEAD"),
    Case("no-content", "204"),
    Case("upstream-500", "500"),
    Case("added", headers=ADDED),
    Case("rewritten", options={"prefix_rewrite": "/new", "host_rewrite": HostRewrite(HostRewriteKind.LITERAL, "b.test")}, match="/old", path="/old/x?a=1"),
    Case("forwarded", sends=(("x-forwarded-for", "1.2.3.4, 5.6.7.8"), ("x-request-id", "mine"), ("x-forwarded-proto", "https"))),
    Case("forwarded-edge", sends=(("x-forwarded-for", "1.2.3.4, 5.6.7.8"), ("x-request-id", "mine")), listener="edge"),
    Case("edge", listener="edge"),
    Case("unknown-host", sends=(("host", "nobody.test"),)),
    Case("unknown-route", match="/there", path="/here"),
    Case("direct", action=DirectResponseAction(200, "direct"), headers=ADDED),
    Case("direct-empty", action=DirectResponseAction(404)),
    Case("redirect", action=RedirectAction(host="b.test")),
    Case("redirect-rewritten", action=RedirectAction(prefix_rewrite="/new"), match="/old", path="/old/x?a=1"),
    Case("redirect-rewritten-added", action=RedirectAction(prefix_rewrite="/new", strip_query=True), match="/old", path="/old/x?a=1", headers=ADDED),
    Case("redirect-path", action=RedirectAction(path="/new"), match="/old", path="/old/x?a=1", headers=ADDED),
    Case("no-cluster", cluster="nowhere"),
    Case("no-endpoint", cluster="empty"),
    Case("no-endpoint-rewritten", cluster="empty", options={"prefix_rewrite": "/new"}, headers=ADDED),
    Case("refused", cluster="refused"),
    Case("refused-retried", policies=Policies(retries=AGAIN), cluster="refused"),
    Case("unreachable", cluster="unreachable"),
    Case("unreachable-retried", policies=Policies(retries=AGAIN), cluster="unreachable"),
    Case("close", "close"),
    Case("reset", "reset"),
    Case("garbage", "garbage"),
    Case("half", "half"),
    Case("retried", "503;200", Policies(retries=AGAIN)),
    Case("retried-in-vain", "503", Policies(retries=AGAIN)),
    Case("retried-close", "close", Policies(retries=AGAIN)),
    Case("no-budget", "503", Policies(retries=AGAIN), cluster="budget"),
    Case("timeout", "hang", options={"timeout": 0.2}),
    Case("timeout-post", "hang", options={"timeout": 0.2}, method="POST", body=b"12345"),
    Case("timeout-stalled", "stall", options={"timeout": 0.2}),
    Case("per-try", "hang", Policies(retries=RetryPolicy(("5xx",), per_try_timeout=0.2))),
    Case("per-try-once", "hang", Policies(retries=RetryPolicy(("retriable-4xx",), per_try_timeout=0.2))),
    Case("idle", "hang", Policies(idle_timeout=0.2)),
    Case("idle-stalled", "stall", Policies(idle_timeout=0.2)),
    Case("longest", "hang", Policies(max_stream_duration=0.2)),
    Case("longest-stalled", "stall", Policies(max_stream_duration=0.2)),
    Case("longest-said", "hang", sends=(("x-forwarded-for", "10.1.1.1"), ("x-envoy-upstream-stream-duration-ms", "200")), listener="inside"),
    Case("alternative", "hang", sends=(("x-forwarded-for", "10.1.1.1"), ("x-envoy-upstream-rq-timeout-ms", "200"), ("x-envoy-upstream-rq-timeout-alt-response", "1")), listener="inside"),
    Case("slow", cluster="slow", options={"timeout": 0.2}),
    Case("slow-longest", cluster="slow", policies=Policies(max_stream_duration=0.2)),
    Case("slow-per-try", cluster="slow", policies=Policies(retries=RetryPolicy(("retriable-4xx",), per_try_timeout=0.2))),
    Case("delayed", policies=fault(delay_millionths=ALL, delay=0.1)),
    Case("aborted", policies=fault(abort_millionths=ALL, abort_status=418)),
    Case("delayed-aborted", policies=fault(delay_millionths=ALL, delay=0.1, abort_millionths=ALL, abort_status=418)),
    Case("limited", policies=Policies(local_rate_limit=LocalRateLimit(1, 1, 3600.0))),
    Case("foreign", method="POST", policies=Policies(csrf=Csrf(ALL)), sends=(("origin", "http://evil.test"),)),
    Case("preflight", method="OPTIONS", policies=Policies(cors=Cors(("http://a.test",), allow_methods="GET")), sends=(("origin", "http://a.test"), ("access-control-request-method", "GET"))),
    Case("cors", policies=Policies(cors=Cors(("http://a.test",))), sends=(("origin", "http://a.test"),)),
    Case("too-large", method="POST", body=b"x" * 150, listener="buffered"),
    Case("too-large-route", method="POST", body=b"x" * 50, policies=Policies(buffer=BufferLimit(10)), listener="buffered"),
    *UPGRADES,
    Case("gone", "hang"),
    Case("gone-stalled", "stall"),
    Case("gone-slow", cluster="slow"),
    Case("gone-switched", "switch", sends=(("connection", "upgrade"), ("upgrade", "websocket"), ("x-answer", "upgrade: websocket"))),
    Case("gone-delayed", policies=fault(delay_millionths=ALL, delay=20.0)),
    Case("gone-uploading", method="POST", sends=(("content-length", "100"),)),
]  # fmt: skip


def line_of(side: Side, case: Case) -> str:
    """Have a case's request sent, and return the line it leaves."""
    before = len(side.log())
    request = case.request().replace(b"\r\n\r\n", b"\r\nuser-agent: %b\r\n\r\n" % case.name.encode(), 1)
    port = side.ports[case.listener]
    if case.name.startswith("gone"):
        go_away(side, case, request)
    else:
        exchange(port, request)
    assert wait_until(lambda: len(side.log()) > before), f"{side.name} logged nothing for {case.name}"
    (line,) = side.log()[before:]
    return line


def go_away(side: Side, case: Case, request: bytes) -> None:
    """Reset the connection once the request is where it should be."""
    with socket.create_connection(("127.0.0.1", side.ports[case.listener]), timeout=20) as client:
        client.sendall(request)
        if case.name in {"gone-stalled", "gone-switched"}:
            client.recv(1)
        elif case.name == "gone":
            wait_until(lambda: side.up.seen.get(case.name))
        else:
            wait_until(lambda: False, 0.1)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@pytest.fixture(scope="module")
def by_default(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    """Both proxies, writing their default lines."""
    with both(CASES, tmp_path_factory.mktemp("log"), LISTENERS, "") as made:
        yield made


@pytest.fixture(scope="module")
def by_format(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    """Both proxies, writing every operator's value."""
    with both(CASES, tmp_path_factory.mktemp("log"), LISTENERS, "\t".join(OPERATORS) + "\n") as made:
        yield made


_DEFAULT = re.compile(r'\[[^]]+\] (".*" \d+ \S+ \d+ \d+) (\d+) (\d+|-) (.*)')
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_PORT = re.compile(r"127\.0\.0\.1:\d+")
_DATE = re.compile(r"\w{3}, [^\t]* GMT")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_default_lines_are_envoys(by_default: Both, case: Case) -> None:
    """A line says what Envoy's says, but for the time, durations, ports and ids."""

    def masked(line: str) -> tuple[str, ...]:
        found = _DEFAULT.fullmatch(line)
        assert found, line
        rest = _PORT.sub("ADDRESS", _UUID.sub("UUID", found[4]))
        return found[1], "-" if found[3] == "-" else "N", rest

    assert masked(line_of(by_default.edgesim, case)) == masked(line_of(by_default.envoy, case))


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_operators_are_envoys(by_format: Both, case: Case) -> None:
    """Every operator that edgesim fills has Envoy's value, above all the response flags."""

    def masked(line: str) -> dict[str, str]:
        values = dict(zip(OPERATORS, _DATE.sub("DATE", line).split("\t"), strict=True))
        for name, value in values.items():
            shown = "N" if name in NUMBERS and value.isdigit() else value
            values[name] = _TIME.sub("TIME", _PORT.sub("ADDRESS", _UUID.sub("UUID", shown)))
        return values

    envoy, edgesim = masked(line_of(by_format.envoy, case)), masked(line_of(by_format.edgesim, case))
    compared = [name for name in OPERATORS if name not in NOT_COMPARED]
    differing = [
        f"{each}: envoy {envoy[each]}, edgesim {edgesim[each]}" for each in compared if envoy[each] != edgesim[each]
    ]
    assert not differing, "\n".join((case.name, *differing))

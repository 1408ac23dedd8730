"""Faults, CORS, CSRF, rate limits and buffering, beside Envoy."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from edgesim.model import (
    DEFAULT_LISTENER,
    NO_POLICIES,
    Destination,
    DirectResponseAction,
    ForwardAction,
    HeaderMutations,
    HeaderValue,
    ListenerOptions,
    Policies,
    RedirectAction,
    WeightedCluster,
)
from edgesim.model.policies import (
    BufferLimit,
    Cors,
    Csrf,
    Fault,
    LocalRateLimit,
    RetryPolicy,
    StringMatch,
    StringMatchKind,
)
from tests.differential.features import Both, Case, both

ALL = 1_000_000
ONE_TOKEN = LocalRateLimit(1, 1, 3600.0)
LISTENERS = {
    "plain": DEFAULT_LISTENER,
    "buffered": ListenerOptions(buffer_bytes=100),
    "limited": ListenerOptions(local_rate_limit=LocalRateLimit(2, 1, 3600.0)),
    "guarded": ListenerOptions(csrf=Csrf(ALL)),
}
MARKED = HeaderMutations(response_add=(HeaderValue("x-mark", "yes"),))


def fault(**options: object) -> Policies:
    """Return policies with a fault."""
    return Policies(fault=Fault(**options))  # type: ignore[arg-type]


def by_header(name: str, *sends: tuple[str, str], policies: Policies = NO_POLICIES, **more: Any) -> Case:
    """A case whose request asks for a fault, where the route lets it."""
    return Case(
        f"header-{name}",
        sends=tuple((f"x-envoy-fault-{key}", value) for key, value in sends),
        policies=replace(policies, faults_by_header=True),
        **more,
    )


FAULTS = [
    Case("abort", policies=fault(abort_millionths=ALL, abort_status=503)),
    Case("abort-200", policies=fault(abort_millionths=ALL, abort_status=200)),
    Case("abort-418", policies=fault(abort_millionths=ALL, abort_status=418), method="HEAD"),
    Case("abort-599", policies=fault(abort_millionths=ALL, abort_status=599), method="POST", body=b"body"),
    Case("abort-never", policies=fault(abort_millionths=0, abort_status=503)),
    Case("abort-marked", policies=fault(abort_millionths=ALL, abort_status=503), headers=MARKED),
    Case(
        "abort-retried",
        policies=Policies(fault=Fault(abort_millionths=ALL, abort_status=503), retries=RetryPolicy(("5xx",))),
    ),
    Case(
        "abort-counted",
        policies=fault(abort_millionths=ALL, abort_status=503),
        host_policies=Policies(include_attempt_count_in_response=True),
    ),
    Case("delay", policies=fault(delay_millionths=ALL, delay=0.2)),
    Case("delay-post", policies=fault(delay_millionths=ALL, delay=0.2), method="POST", body=b"body"),
    Case("delay-chunked", policies=fault(delay_millionths=ALL, delay=0.2), method="POST", body=b"body", chunked=True),
    Case("delay-then-abort", policies=fault(delay_millionths=ALL, delay=0.2, abort_millionths=ALL, abort_status=404)),
    Case("delay-and-timeout", "200+0.2", fault(delay_millionths=ALL, delay=0.4), options={"timeout": 0.3}),
    Case(
        "delay-direct",
        policies=fault(abort_millionths=ALL, abort_status=503),
        action=DirectResponseAction(200, "direct"),
    ),
    Case("abort-no-cluster", policies=fault(abort_millionths=ALL, abort_status=503), cluster="nowhere"),
    Case("abort-no-endpoint", policies=fault(abort_millionths=ALL, abort_status=404), cluster="empty"),
    Case("not-by-header", sends=(("x-envoy-fault-abort-request", "503"),)),
    by_header("abort", ("abort-request", "503")),
    by_header("abort-0", ("abort-request", "503"), ("abort-request-percentage", "0")),
    by_header("abort-bad", ("abort-request", "99")),
    by_header("delay", ("delay-request", "150")),
    by_header("both", ("delay-request", "150"), ("abort-request", "418")),
    by_header("route-wins", ("abort-request", "418"), policies=fault(abort_millionths=ALL, abort_status=500)),
    by_header("direct", ("abort-request", "418"), action=DirectResponseAction(200, "direct")),
    by_header("redirect", ("abort-request", "418"), action=RedirectAction(host="b.test")),
]

SHOP = "https://shop.test"
OPEN = Cors((SHOP,), (r"https://.*\.shop\.test",), "GET,PUT", "x-one,x-two", "x-shown", "600", allow_credentials=True)
ANY = Cors(("*",), allow_methods="*", allow_headers="*")
ANY_CREDENTIALS = Cors(("*",), allow_methods="*", allow_headers="*", allow_credentials=True)
ORIGIN = ("origin", SHOP)
ASKS = (("access-control-request-method", "PUT"), ("access-control-request-headers", "x-one"))


def cors(name: str, policy: Cors | None, *sends: tuple[str, str], host: Cors | None = None, **more: object) -> Case:
    """A case with a CORS policy on its route, on its host, or both."""
    return Case(f"cors-{name}", policies=Policies(cors=policy), host_policies=Policies(cors=host), sends=sends, **more)  # type: ignore[arg-type]


def preflight(name: str, policy: Cors | None, *sends: tuple[str, str], **more: object) -> Case:
    """The same, asked beforehand."""
    return cors(f"preflight-{name}", policy, *sends, method="OPTIONS", **more)  # type: ignore[arg-type]


CORS = [
    cors("simple", OPEN, ORIGIN),
    cors("no-origin", OPEN),
    cors("other-origin", OPEN, ("origin", "https://evil.test")),
    cors("regex", OPEN, ("origin", "https://a.shop.test")),
    cors(
        "upstream-says",
        OPEN,
        ORIGIN,
        ("x-answer", "access-control-allow-origin: *|access-control-expose-headers: own|vary: accept"),
    ),
    cors("upstream-says-other", OPEN, ("origin", "https://evil.test"), ("x-answer", "access-control-allow-origin: *")),
    cors("any", ANY, ORIGIN),
    cors("disabled", Cors((SHOP,), disabled=True), ORIGIN, host=OPEN),
    cors("host", None, ORIGIN, host=OPEN),
    cors("route-over-host", Cors(("https://b.test",)), ORIGIN, host=OPEN),
    cors("route-adds-to-host", Cors((), (), allow_methods="POST"), ORIGIN, host=OPEN),
    cors("direct", OPEN, ORIGIN, action=DirectResponseAction(200, "direct")),
    cors("redirect", OPEN, ORIGIN, action=RedirectAction(host="b.test")),
    cors(
        "marked",
        OPEN,
        ORIGIN,
        headers=HeaderMutations(response_add=(HeaderValue("access-control-allow-origin", "added"),)),
    ),
    cors("refused", OPEN, ORIGIN, cluster="refused"),
    cors("timeout", OPEN, ORIGIN, do="hang", options={"timeout": 0.2}),
    preflight("allowed", OPEN, ORIGIN, *ASKS),
    preflight("other-origin", OPEN, ("origin", "https://evil.test"), *ASKS),
    preflight("without-method", OPEN, ORIGIN),
    preflight("any", ANY, ORIGIN, *ASKS),
    preflight("any-but-origin", Cors((SHOP,), allow_methods="*", allow_headers="*"), ORIGIN, *ASKS),
    preflight("any-without-headers", ANY, ORIGIN, ASKS[0]),
    preflight("any-headers-only", Cors((SHOP,), allow_methods="GET", allow_headers="*"), ORIGIN, *ASKS),
    preflight("any-credentials-without-headers", ANY_CREDENTIALS, ORIGIN, ASKS[0]),
    preflight("any-credentials", ANY_CREDENTIALS, ORIGIN, *ASKS),
    preflight("marked", OPEN, ORIGIN, *ASKS, headers=MARKED),
    preflight("no-cluster", OPEN, ORIGIN, *ASKS, cluster="nowhere"),
    preflight("direct", OPEN, ORIGIN, *ASKS, action=DirectResponseAction(200, "direct")),
    preflight("none", None, ORIGIN, *ASKS),
    preflight("host", None, ORIGIN, *ASKS, host=OPEN),
]


def csrf(name: str, *sends: tuple[str, str], policy: Csrf | None = None, method: str = "POST", **more: object) -> Case:
    """A case with a CSRF policy on its route."""
    chosen = Policies(csrf=policy or Csrf(ALL))
    return Case(f"csrf-{name}", policies=chosen, method=method, sends=sends, **more)  # type: ignore[arg-type]


EXTRA = Csrf(
    ALL,
    0,
    (StringMatch(StringMatchKind.SUFFIX, ".FRIEND.test", ignore_case=True), StringMatch(StringMatchKind.REGEX, "a+b")),
)
CSRF = [
    csrf("no-origin"),
    csrf("get", method="GET"),
    csrf("own", ("origin", "http://csrf-own.test")),
    csrf("foreign", ("origin", "http://evil.test")),
    csrf("foreign-marked", ("origin", "http://evil.test"), headers=MARKED),
    csrf("foreign-redirect", ("origin", "http://evil.test"), action=RedirectAction(host="b.test"), headers=MARKED),
    csrf("foreign-direct", ("origin", "http://evil.test"), action=DirectResponseAction(200, "a"), headers=MARKED),
    csrf("foreign-nowhere", ("origin", "http://evil.test"), cluster="nowhere", headers=MARKED),
    csrf("referer", ("referer", "http://csrf-referer.test/page?x")),
    csrf("null", ("origin", "null")),
    csrf("extra", ("origin", "https://a.friend.test"), policy=EXTRA),
    csrf("extra-regex", ("origin", "https://aab"), policy=EXTRA),
    csrf("extra-not", ("origin", "https://friend.test"), policy=EXTRA),
    csrf("shadow-only", ("origin", "http://evil.test"), policy=Csrf(0, ALL)),
    csrf("delete", ("origin", "http://evil.test"), method="DELETE"),
    csrf("marked", ("origin", "http://evil.test"), headers=MARKED),
    csrf("body", ("origin", "http://evil.test"), body=b"body"),
    csrf("direct", ("origin", "http://evil.test"), action=DirectResponseAction(200, "direct")),
    Case("csrf-listener", method="POST", sends=(("origin", "http://evil.test"),), listener="guarded"),
    Case(
        "csrf-route-off",
        policies=Policies(csrf=Csrf(0)),
        method="POST",
        sends=(("origin", "http://evil.test"),),
        listener="guarded",
    ),
    Case("csrf-host", host_policies=Policies(csrf=Csrf(ALL)), method="POST", sends=(("origin", "http://evil.test"),)),
]


def buffered(name: str, body: bytes, limit: int | None = 0, **more: object) -> Case:
    """A case that sends a body where bodies are taken whole; a limit of 0 leaves the listener's."""
    chosen = Policies() if limit == 0 else Policies(buffer=BufferLimit(limit))
    more = {"listener": "buffered", **more}
    return Case(f"buffer-{name}", policies=chosen, method="POST", body=body, **more)  # type: ignore[arg-type]


BUFFER = [
    buffered("fits", b"x" * 100),
    buffered("fits-chunked", b"x" * 100, chunked=True),
    buffered("empty-chunked", b"", chunked=True),
    buffered("too-large", b"x" * 101),
    buffered("too-large-chunked", b"x" * 101, chunked=True),
    buffered("route-larger", b"x" * 150, 200),
    buffered("route-smaller", b"x" * 60, 50),
    buffered("disabled", b"x" * 150, None),
    buffered("disabled-chunked", b"x" * 150, None, chunked=True),
    buffered("without-listener", b"x" * 150, 50, listener="plain"),
    buffered("direct", b"x" * 150, action=DirectResponseAction(200, "direct")),
    buffered("marked", b"x" * 150, headers=MARKED),
    Case("buffer-get", listener="buffered"),
    Case(
        "buffer-retried",
        "503;200",
        Policies(retries=RetryPolicy(("5xx",))),
        method="POST",
        body=b"x" * 50,
        chunked=True,
        listener="buffered",
    ),
]
CASES = [*FAULTS, *CORS, *CSRF, *BUFFER]
LIMITS = [
    Case("limit-route", policies=Policies(local_rate_limit=ONE_TOKEN)),
    Case("limit-host", host_policies=Policies(local_rate_limit=ONE_TOKEN)),
    Case("limit-marked", policies=Policies(local_rate_limit=ONE_TOKEN), headers=MARKED),
    Case("limit-direct", policies=Policies(local_rate_limit=ONE_TOKEN), action=DirectResponseAction(200, "direct")),
    Case("limit-redirect", policies=Policies(local_rate_limit=ONE_TOKEN), action=RedirectAction(host="b.test")),
    Case("limit-no-cluster", policies=Policies(local_rate_limit=ONE_TOKEN), cluster="nowhere"),
    Case("limit-head", policies=Policies(local_rate_limit=ONE_TOKEN), method="HEAD"),
    Case(
        "limit-arm",
        action=ForwardAction(
            weighted=(WeightedCluster(Destination("up"), 1, policies=Policies(local_rate_limit=ONE_TOKEN)),)
        ),
    ),
    Case("limit-listener", listener="limited"),
]
SHARED = [
    (Case("limit-shared", host_policies=Policies(local_rate_limit=ONE_TOKEN), also="/also"), [200, 429, 429, 429]),
    (Case("limit-own", policies=Policies(local_rate_limit=ONE_TOKEN), also="/also"), [200, 200, 429, 429]),
]


@pytest.fixture(scope="module")
def proxies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    """Both proxies, with a virtual host for each case."""
    with both([*CASES, *LIMITS, *(case for case, _ in SHARED)], tmp_path_factory.mktemp("filters"), LISTENERS) as made:
        yield made


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_filters_are_envoys(proxies: Both, case: Case) -> None:
    """What a filter answers, marks or lets pass is what Envoy's does."""
    proxies.agree(case)


@pytest.mark.slow
@pytest.mark.parametrize("case", LIMITS, ids=lambda case: case.name)
def test_rate_limits_are_envoys(proxies: Both, case: Case) -> None:
    """Of four requests, those above the limit are refused, with Envoy's answer."""
    statuses = [proxies.agree(case).status for _ in range(4)]
    assert statuses[-2:] == [429, 429]


@pytest.mark.slow
@pytest.mark.parametrize(("case", "expected"), SHARED, ids=["host", "route"])
def test_shared_rate_limits_are_envoys(proxies: Both, case: Case, expected: list[int]) -> None:
    """Two routes of a virtual host take tokens from its bucket, and each from its own."""
    paths = ("/also", "/", "/also", "/")
    assert [proxies.agree(replace(case, path=path)).status for path in paths] == expected

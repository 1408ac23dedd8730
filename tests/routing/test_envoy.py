"""The same requests decided by edgesim and by real Envoy."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from edgesim.http1.target import split_target
from edgesim.model import (
    DirectResponseAction,
    ForwardAction,
    HeaderMatcher,
    Model,
    PathKind,
    PathMatcher,
    QueryMatcher,
    RedirectAction,
    RegexRewrite,
    RequestHead,
    Route,
    RouteMatch,
    ValueKind,
    VirtualHost,
)
from edgesim.routing import Decision, compile_table, decide, redirect_location
from tests import envoy

pytestmark = pytest.mark.slow

Lines = tuple[tuple[str, str], ...]
Asked = tuple[str, str, str, Lines]
"""Host, method, target, headers."""

PREFIX, EXACT, REGEX = PathKind.PREFIX, PathKind.EXACT, PathKind.REGEX
CANARY = HeaderMatcher("stage", ValueKind.EXACT, "canary")


def match(path: str, kind: PathKind = PREFIX, *, case_sensitive: bool = True, **conditions: object) -> RouteMatch:
    return RouteMatch(PathMatcher(kind, path, case_sensitive), **conditions)  # type: ignore[arg-type]


def header(path: str, name: str, kind: ValueKind, value: str = "", *, invert: bool = False) -> RouteMatch:
    return match(path, headers=(HeaderMatcher(name, kind, value, invert),))


def query(path: str, name: str, kind: ValueKind, value: str = "") -> RouteMatch:
    return match(path, query=(QueryMatcher(name, kind, value),))


MATCHES = (
    match("/exact", EXACT),
    match("/CaSe", EXACT, case_sensitive=False),
    match("/FoLd/", case_sensitive=False),
    match("/regex/[0-9]+", REGEX),
    match("/any/(a|ab)", REGEX),
    match("/dot/.", REGEX),
    match("/methods", methods=("GET", "PUT")),
    header("/h/exact", "stage", ValueKind.EXACT, "canary"),
    header("/h/not", "stage", ValueKind.EXACT, "canary", invert=True),
    header("/h/regex", "stage", ValueKind.REGEX, "can.*|x"),
    header("/h/nregex", "stage", ValueKind.REGEX, "can.*", invert=True),
    header("/h/there", "stage", ValueKind.PRESENT),
    header("/h/absent", "stage", ValueKind.PRESENT, invert=True),
    header("/h/empty", "stage", ValueKind.REGEX, "()"),
    header("/h/host", "host", ValueKind.EXACT, "other.example"),
    header("/h/authority", ":authority", ValueKind.REGEX, ".*example"),
    header("/h/path", ":path", ValueKind.EXACT, "/h/path?a=b"),
    header("/h/method", ":method", ValueKind.EXACT, "GET", invert=True),
    header("/h/scheme", ":scheme", ValueKind.EXACT, "http"),
    header("/h/proto", "x-forwarded-proto", ValueKind.EXACT, "http"),
    header("/h/bytes", "stage", ValueKind.REGEX, ".*"),
    header("/h/onebyte", "stage", ValueKind.REGEX, "."),
    query("/q/exact", "v", ValueKind.EXACT, "1"),
    query("/q/there", "v", ValueKind.PRESENT),
    query("/q/regex", "v", ValueKind.REGEX, "[0-9]+"),
    query("/q/space", "a b", ValueKind.EXACT, "c d"),
    query("/q/escaped", "a%20b", ValueKind.EXACT, "c%20d"),
    match("/two", headers=(CANARY, HeaderMatcher("x", ValueKind.PRESENT))),
    match("/a%2fb", EXACT),
    match("/", headers=(CANARY,)),
)
ROUTES = tuple(
    Route((matcher,), DirectResponseAction(200, str(number)), number=number) for number, matcher in enumerate(MATCHES)
)

DOMAINS = ("*", "exact.example", "*.example", "*.a.example", "pre.*", "pre.a.*", "*-dash.example", "port.test:8080")


def domain_host(domain: str) -> VirtualHost:
    routes = (Route((match("/domain"),), DirectResponseAction(200, domain)),)
    return VirtualHost(domain, (domain,), routes + (ROUTES + REDIRECTS if domain == "*" else ()))


SUB = RegexRewrite("r(.)", r"\1-")
REDIRECTS = tuple(
    Route((matcher,), action)
    for matcher, action in (
        (match("/r/port"), RedirectAction(port=8080)),
        (match("/r/https"), RedirectAction(https=True, status=308)),
        (match("/r/all"), RedirectAction(https=True, host="h", port=444, status=302)),
        (match("/r/host"), RedirectAction(host="h", status=303)),
        (match("/r/with"), RedirectAction(host="h:81", status=307)),
        (match("/r/query"), RedirectAction(path="/x?y=1", strip_query=True)),
        (match("/r/path"), RedirectAction(path="/x")),
        (match("/r/strip"), RedirectAction(strip_query=True)),
        (match("/r/prefix/"), RedirectAction(prefix_rewrite="/z/")),
        (match("/r/bare"), RedirectAction(prefix_rewrite="/")),
        (match("/r/exact", EXACT), RedirectAction(prefix_rewrite="/z")),
        (match("/r/re.*", REGEX), RedirectAction(prefix_rewrite="/z")),
        (match("/r/sub"), RedirectAction(regex_rewrite=SUB)),
    )
)
# An empty table would not show what an unmatched request gets.
MODEL = Model(tuple(map(domain_host, DOMAINS)))

STAGES: tuple[Lines, ...] = (
    (),
    (("stage", "canary"),),
    (("Stage", "Canary"),),
    (("stage", ""),),
    (("stage", "prod"), ("stage", "canary")),
    (("stage", "canary,prod"),),
    (("stage", "é"),),
    (("stage", "\xff\xfe"),),
)
PATHS = (
    *("/exact", "/exact/", "/exact?x", "/exac", "/case", "/CASE", "/fold/x", "/FOLD/", "/fold"),
    *("/regex/1", "/regex/12?x=1", "/regex/1/", "/any/ab", "/any/abc", "/dot/a", "/dot/", "/dot/%41", "/dot/%e9"),
    *("/%65xact", "/./exact", "/a/../exact", "/a%2fb", "/a%2Fb", "//exact", "/two", "/none"),
)
QUERIES = (
    "",
    "?",
    "?v",
    "?v=",
    "?v=1",
    "?v=1&v=2",
    "?v=2&v=1",
    "?V=1",
    "?x=1&v=1",
    "?v=1;x=2",
    "?v=%31",
    "?v=1=2",
    "?&v=1",
)
SPACES = ("?a%20b=c%20d", "?a+b=c+d", "?a%20b=c+d")
HOSTS = (
    *("any", "exact.example", "EXACT.example", "b.example", "b.a.example", ".example", "example", "x-dash.example"),
    *("pre.x", "pre.a.x", "pre.", "pre.x.example", "port.test", "port.test:8080", "exact.example:80", "b.example:80"),
)
ASKED: tuple[Asked, ...] = (
    *(("any", "GET", path, ()) for path in PATHS),
    *(("any", method, "/methods", ()) for method in ("GET", "PUT", "POST", "DELETE")),
    *(
        ("any", "GET", f"/h/{kind}", lines)
        for kind in ("exact", "not", "regex", "nregex", "there", "absent", "empty", "bytes", "onebyte")
        for lines in STAGES
    ),
    *((host, "GET", f"/h/{name}", ()) for name in ("host", "authority") for host in ("any", "other.test", "any.test")),
    ("any", "GET", "/h/path?a=b", ()),
    ("any", "GET", "/h/path", ()),
    ("any", "POST", "/h/method", ()),
    ("any", "GET", "/h/method", ()),
    *(
        ("any", "GET", f"/h/{name}", lines)
        for name in ("scheme", "proto")
        for lines in ((), (("x-forwarded-proto", "https"),), (("x-forwarded-proto", "ftp"),))
    ),
    *(("any", "GET", f"/q/{kind}{text}", ()) for kind in ("exact", "there", "regex") for text in QUERIES),
    *(("any", "GET", f"/q/{kind}{text}", ()) for kind in ("space", "escaped") for text in SPACES),
    ("any", "GET", "/two", (("stage", "canary"), ("x", ""))),
    *((host, "GET", "/domain", ()) for host in HOSTS),
)
REDIRECTED: tuple[Asked, ...] = tuple(
    (host, "GET", path, lines)
    for path in (
        *("/r/port", "/r/https?q", "/r/https?", "/r/all", "/r/host/x?q=1", "/r/with", "/r/query?b=2", "/r/path?b=2"),
        *("/r/strip?b=1", "/r/prefix/a/b?c", "/r/prefix/", "/r/bare", "/r/bare/x", "/r/exact?b", "/r/rex/x?b"),
        *("/r/subrarb?r=r", "/r/./https/%41"),
    )
    for host in ("any", "any:80", "any:443", "any:8081", "any:80.x", "[::1]:80", "[::1]")
    for lines in ((), (("x-forwarded-proto", "https"),), (("x-forwarded-proto", "ftp"),))
)


def head_of(asked: Asked) -> RequestHead:
    """Parse a request as the proxy would."""
    host, method, target, lines = asked
    _, path, found = split_target(target.encode())
    headers: dict[bytes, list[bytes]] = {b"host": [host.encode()]}
    for name, value in lines:
        headers.setdefault(name.lower().encode(), []).append(value.encode("latin-1"))
    repeated = {name: values for name, values in headers.items() if len(values) > 1}
    last = {name: values[-1] for name, values in headers.items()}
    return RequestHead(method.encode(), host.encode(), path, found, last, repeated or None)


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with envoy.running(envoy.bootstrap(MODEL), tmp_path_factory.mktemp("envoy")) as running:
        yield running


def answer(decision: Decision | None, head: RequestHead) -> tuple[int, str]:
    """Return the status, and the body or location, edgesim decides for."""
    if decision is None:
        return 404, ""
    action = decision.action
    assert not isinstance(action, ForwardAction)
    if isinstance(action, DirectResponseAction):
        return action.status, action.body
    return action.status, redirect_location(action, decision.rewrite, head, b"http").decode()


@pytest.mark.parametrize("asked", [ASKED, REDIRECTED], ids=["matched", "redirected"])
def test_envoy_decides_alike(port: int, asked: tuple[Asked, ...]) -> None:
    """Every request of the table gets the same route, and a redirect the same location, from both."""
    table = compile_table(MODEL.virtual_hosts)
    different = []
    for one in asked:
        host, method, target, lines = one
        head = head_of(one)
        ours = answer(decide(table, head, 0), head)
        got = envoy.send(port, envoy.request(method, target, lines, host))
        theirs = (got.status, got.headers.get("location", got.body.decode()))
        if ours != theirs:
            different.append((one, ours, theirs))
    assert different == []

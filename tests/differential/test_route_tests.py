"""What real Envoy does with requests, written down as route tests in Envoy's own form, holds here."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from edgesim.config.route_tests import read_tests
from edgesim.inspect import Tables, run_route_tests
from edgesim.model import (
    Cluster,
    ClusterType,
    Destination,
    DirectResponseAction,
    Endpoint,
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
    QueryMatcher,
    RedirectAction,
    RegexRewrite,
    Route,
    RouteMatch,
    ValueKind,
    VirtualHost,
    WeightedCluster,
)
from tests import envoy

pytestmark = pytest.mark.slow

DRAW = "x-draw"
"""Names the draw to Envoy (WeightedCluster.header_name), so that a weighted choice can be compared exactly."""
PREFIX, EXACT, REGEX = PathKind.PREFIX, PathKind.EXACT, PathKind.REGEX
CANARY = HeaderMatcher("stage", ValueKind.EXACT, "canary")


def match(path: str, kind: PathKind = PREFIX, **conditions: Any) -> RouteMatch:
    return RouteMatch(PathMatcher(kind, path), **conditions)


def to(name: str, **options: Any) -> ForwardAction:
    return ForwardAction(Destination(name), **options)


def arm(name: str, weight: int, team: str = "") -> WeightedCluster:
    headers = HeaderMutations(request_add=(HeaderValue("x-team", team),)) if team else HeaderMutations()
    return WeightedCluster(Destination(name), weight, headers)


SPLIT = ForwardAction(weighted=(arm("one", 90, "first"), arm("two", 0), arm("three", 10, "third")))
ROUTES = (
    Route((match("/api", headers=(CANARY,)), match("/beta", EXACT)), to("two")),
    Route((match("/api", methods=("POST",)),), to("three")),
    Route((match("/api", query=(QueryMatcher("v", ValueKind.REGEX, "[0-9]+"),)),), SPLIT),
    Route((match("/api"),), to("one", prefix_rewrite="/new", timeout=3.0)),
    Route(
        (match("/re/[a-z]+", REGEX),),
        to("one", regex_rewrite=RegexRewrite("/re/(.*)", r"/\1/re")),
        HeaderMutations(request_add=(HeaderValue("x-team", "re"), HeaderValue("x-was", "%REQ(:PATH)%"))),
    ),
    Route((match("/host"),), to("two", host_rewrite=HostRewrite(HostRewriteKind.LITERAL, "inner.example"))),
    Route((match("/moved"),), RedirectAction(302, host="new.example", prefix_rewrite="/there")),
    Route((match("/fixed"),), DirectResponseAction(418, "teapot")),
)
HOSTS = (
    VirtualHost("exact", ("echo.example",), ROUTES),
    VirtualHost("suffix", ("*.example",), (Route((match("/"),), to("two")),)),
    VirtualHost("prefix", ("echo.*",), (Route((match("/only"),), to("three")),)),
)
NAMES = ("one", "two", "three")
AUTHORITIES = ("echo.example", "ECHO.example", "a.example", "echo.local", "other")
TARGETS = (
    "/api",
    "/api/x?v=12",
    "/api?v=x",
    "/beta",
    "/re/abc?q=1",
    "/host/x",
    "/moved/y?z=1",
    "/fixed",
    "/only/x",
    "/",
)
HEADERS: tuple[tuple[tuple[str, str], ...], ...] = ((), (("stage", "canary"),), (("stage", "other"),))
DRAWS = (0, 89, 90, 99, 100, 2**40 + 7)


def model(port: int) -> Model:
    endpoint = Endpoint("127.0.0.1", port)
    return Model(HOSTS, tuple(Cluster(name, ClusterType.STATIC, (endpoint,)) for name in NAMES))


def configured(served: Model) -> dict[str, Any]:
    """Return Envoy's bootstrap for a model, with the draw taken from a header and the cluster told in one."""
    config = envoy.bootstrap(served, DRAW)
    routes = envoy.manager(config)["route_config"]
    routes["response_headers_to_add"] = [{"header": {"key": "x-cluster", "value": "%UPSTREAM_CLUSTER%"}}]
    return config


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Model, int]]:
    with envoy.mirror() as upstream:
        served_model = model(upstream.port)
        with envoy.running(configured(served_model), tmp_path_factory.mktemp("envoy")) as port:
            yield served_model, port


Asked = tuple[str, str, str, tuple[tuple[str, str], ...], int]


def observed(port: int, asked: Asked) -> dict[str, Any]:
    """Ask Envoy, and write what it did as a test of its own form."""
    authority, target, method, headers, draw = asked
    answer = envoy.send(port, envoy.request(method, target, [*headers, (DRAW, str(draw))], authority))
    cluster = answer.headers.get("x-cluster", "")
    validate: dict[str, Any] = {"cluster_name": cluster}
    if cluster:
        seen = envoy.parse(b"HTTP/1.1 200 OK\r\n" + answer.body.partition(b"\r\n")[2])
        validate["path_rewrite"] = answer.body.split(b" ")[1].decode()
        validate["host_rewrite"] = seen.headers["host"]
        validate["request_header_matches"] = [
            {"name": name, **({"exact_match": seen.headers[name]} if name in seen.headers else ABSENT)}
            for name in ("x-team", "x-was", "x-envoy-original-path")
        ]
    elif answer.status != 404:
        validate["code_redirect"] = answer.status
    if "location" in answer.headers:
        validate["path_redirect"] = answer.headers["location"]
    return {
        "test_name": f"{method} {authority}{target} {headers} {draw}",
        "input": {
            "authority": authority,
            "path": target,
            "method": method,
            "random_value": draw,
            "additional_request_headers": [{"key": name, "value": value} for name, value in headers],
        },
        "validate": validate,
    }


ABSENT = {"present_match": True, "invert_match": True}


def test_what_envoy_does_holds_here(served: tuple[Model, int], tmp_path: Path) -> None:
    """Cluster, rewritten path and host, headers, redirects and fixed answers of every sampled request, draws included."""
    served_model, port = served
    sample = product(AUTHORITIES, TARGETS, ("GET", "POST"), HEADERS, DRAWS)
    tests = [observed(port, asked) for asked in sample]
    file = tmp_path / "observed.test.json"
    file.write_text(json.dumps({"tests": tests}))
    read, problems = read_tests(file.read_text(), str(file))
    assert not problems
    report = run_route_tests(read, Tables(served_model), nowhere)
    assert report.failures == ()
    assert {test["validate"]["cluster_name"] for test in tests} == {"", *NAMES}
    split = {
        test["validate"]["cluster_name"]
        for test in tests
        if test["test_name"].startswith("GET echo.example/api/x?v=12 ()")
    }
    assert split == {"one", "three"}
    told = {name: sum(name in test["validate"] for test in tests) for name in ("path_redirect", "code_redirect")}
    assert all(told.values()), told


def nowhere(step: OriginStep) -> Position:
    return Position(step.file, 1, 1)

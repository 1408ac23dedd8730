"""Upstreams that fail, beside Envoy: who is refused, how many are ejected, who is checked and how, where a hash leads."""

from __future__ import annotations

import contextlib
import http.client
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from edgesim.model import (
    BalancerKind,
    CircuitBreakers,
    Cluster,
    ClusterType,
    Destination,
    Endpoint,
    ForwardAction,
    HealthCheck,
    HttpCheck,
    LoadBalancer,
    Model,
    OutlierDetection,
    PathKind,
    PathMatcher,
    Policies,
    Route,
    RouteMatch,
    VirtualHost,
)
from edgesim.model.policies import HashKind, HashPolicy, RetryPolicy
from tests.differential.features import edgesims
from tests.envoy import bootstrap, running

pytestmark = pytest.mark.slow
DEADLINE = 30.0


@dataclass
class Server:
    """An upstream whose behaviour a test changes: the status it answers with, and whether it answers yet."""

    port: int = 0
    status: int = 200
    asked: int = 0
    checks: list[dict[str, str]] = field(default_factory=list)
    go: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.go.set()


@contextlib.contextmanager
def servers(count: int) -> Iterator[list[Server]]:
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(_server()) for _ in range(count)]


@contextlib.contextmanager
def _server() -> Iterator[Server]:
    made = Server()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            if self.path == "/healthz":
                made.checks.append({name.lower(): value for name, value in self.headers.items()})
            else:
                made.asked += 1
                made.go.wait(DEADLINE)
            body = str(made.port).encode()
            self.send_response(made.status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    served = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served.daemon_threads = True
    made.port = served.server_port
    thread = threading.Thread(target=served.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield made
    finally:
        made.go.set()
        served.shutdown()
        served.server_close()
        thread.join(DEADLINE)


def model(ups: Sequence[Server], policies: Policies | None = None, **options: Any) -> Model:
    endpoints = tuple(Endpoint("127.0.0.1", up.port) for up in ups)
    route = Route((RouteMatch(PathMatcher(PathKind.PREFIX, "/")),), ForwardAction(Destination("up")))
    route = route if policies is None else replace(route, policies=policies)
    return Model((VirtualHost("any", ("*",), (route,)),), (Cluster("up", ClusterType.STATIC, endpoints, **options),))


@contextlib.contextmanager
def proxy(name: str, served: Model, folder: Path) -> Iterator[int]:
    if name == "envoy":
        config = bootstrap(served, delayed_close_timeout="0s")  # else a torn answer holds its client up for a second
        for each in config["static_resources"]["clusters"]:  # else Envoy gathers changes of health for a second
            each.setdefault("common_lb_config", {})["update_merge_window"] = "0s"
        with running(config, folder) as port:
            yield port
    else:
        with edgesims({"": served}, folder, None, "") as ports:
            yield ports[""]


PROXIES = pytest.mark.parametrize("name", ["envoy", "edgesim"])
"""Each test says what must come of it, and is run through both."""


def ask(port: int, **headers: str) -> tuple[int, str, dict[str, str]]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE)
    try:
        connection.request("GET", "/", headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode(), dict(answer.getheaders())
    finally:
        connection.close()


def wait_until(condition: Any) -> None:
    end = time.monotonic() + DEADLINE
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    assert condition()


OUTLIER = OutlierDetection(interval=0.2, base_ejection_time=300.0)


@PROXIES
@pytest.mark.parametrize(
    ("hosts", "percent", "ejected"), [(5, 10, 0), (9, 10, 0), (10, 10, 1), (5, 20, 1), (2, 50, 1), (2, 49, 0)]
)
def test_how_many_may_be_ejected(name: str, hosts: int, percent: int, ejected: int, tmp_path: Path) -> None:
    """The share counts the one at hand: of five hosts none is ejected at Envoy's default of 10 per cent."""
    config = replace(OUTLIER, max_ejection_percent=percent)
    with servers(hosts) as ups, proxy(name, model(ups, outlier=config), tmp_path) as port:
        ups[0].status = 500
        for _ in range(5 * hosts):
            ask(port)
        time.sleep(0.3)  # Envoy ejects in another thread
        before = ups[0].asked
        for _ in range(2 * hosts):
            ask(port)
        assert (ups[0].asked == before) == (ejected == 1)


def together(port: int, ups: Sequence[Server], count: int, arrive: int) -> list[tuple[int, str, str | None]]:
    """Send requests at the same time, and let them be answered once `arrive` of them are there."""
    outcomes: list[tuple[int, str, str | None]] = []

    def one() -> None:
        status, body, headers = ask(port)
        outcomes.append((status, "" if status == 200 else body, headers.get("x-envoy-overloaded")))

    threads = []
    for number in range(count):
        threads.append(threading.Thread(target=one))
        threads[-1].start()
        if number < arrive:
            wait_until(lambda wanted=number + 1: sum(up.asked for up in ups) == wanted)
    wait_until(
        lambda: len(outcomes) == count - arrive or all(not each.is_alive() for each in threads) or _still(outcomes)
    )
    for up in ups:
        up.go.set()
    for thread in threads:
        thread.join(DEADLINE)
    return sorted(outcomes, key=str)


def _still(outcomes: list[Any]) -> bool:
    before = len(outcomes)
    time.sleep(0.5)
    return len(outcomes) == before


OK = (200, "", None)
FULL = (503, "upstream connect error or disconnect/reset before headers. reset reason: overflow", "true")


@PROXIES
@pytest.mark.parametrize(
    ("limits", "arrive", "expected"),
    [
        ({"max_requests": 2}, 2, [OK] * 2 + [FULL] * 3),
        ({"max_connections": 1, "max_pending_requests": 1}, 1, [OK] * 2 + [FULL] * 3),
        ({"max_connections": 2, "max_pending_requests": 2}, 2, [OK] * 4 + [FULL]),
        ({"max_connections": 0, "max_pending_requests": 1}, 1, [OK] * 2 + [FULL] * 3),
        ({"max_pending_requests": 0}, 0, [FULL] * 5),
        ({"max_connections": 3}, 3, [OK] * 5),
    ],
)
def test_breakers(name: str, limits: dict[str, int], arrive: int, expected: list[Any], tmp_path: Path) -> None:
    """Of five requests at the same time as many are served as may be under way or wait, the others get Envoy's words."""
    with servers(1) as ups, proxy(name, model(ups, breakers=CircuitBreakers(**limits)), tmp_path) as port:
        ups[0].go.clear()
        assert together(port, ups, 5, arrive) == expected


@PROXIES
@pytest.mark.parametrize(("most", "asked"), [(0, 1), (1, 3), (3, 3)])
def test_the_breaker_of_retries(name: str, most: int, asked: int, tmp_path: Path) -> None:
    """Where no retry may be under way the first answer is the last; one at a time is enough for two of them."""
    again = Policies(retries=RetryPolicy(("5xx",), 2, base_interval=0.001))
    with (
        servers(1) as ups,
        proxy(name, model(ups, again, breakers=CircuitBreakers(max_retries=most)), tmp_path) as port,
    ):
        ups[0].status = 500
        status, _, headers = ask(port)
        assert (status, ups[0].asked, headers.get("x-envoy-overloaded")) == (500, asked, None)


@PROXIES
def test_health_checks(name: str, tmp_path: Path) -> None:
    """The request of a check; an endpoint that answers it with another status is out at once, and back after two passes."""
    check = HealthCheck(2.0, 0.2, 3, 2, HttpCheck("/healthz"), no_traffic_interval=0.2)
    balancer = LoadBalancer(panic_threshold=0.0)
    with servers(2) as ups, proxy(name, model(ups, health_checks=(check,), balancer=balancer), tmp_path) as port:
        wait_until(lambda: {ask(port)[1] for _ in range(4)} == {str(up.port) for up in ups})
        assert ups[0].checks[0] == {"host": "up", "user-agent": "Envoy/HC"}
        seen = len(ups[0].checks)
        ups[0].status = 503
        wait_until(lambda: len(ups[0].checks) > seen + 1)
        time.sleep(0.1)
        before = ups[0].asked
        assert {ask(port)[1] for _ in range(6)} == {str(ups[1].port)}
        assert ups[0].asked == before
        ups[0].status = 200
        seen = len(ups[0].checks)
        wait_until(lambda: {ask(port)[1] for _ in range(4)} == {str(up.port) for up in ups})
        assert len(ups[0].checks) >= seen + 2


@pytest.mark.parametrize("kind", [BalancerKind.RING_HASH, BalancerKind.MAGLEV])
def test_a_hash_leads_to_the_same_endpoint(kind: BalancerKind, tmp_path: Path) -> None:
    """Two hundred users, each where Envoy puts them."""
    policies = Policies(hash_policies=(HashPolicy(HashKind.HEADER, "x-user"),))
    with servers(5) as ups:
        served = model(ups, policies, balancer=LoadBalancer(kind))
        found = {}
        for name in ("envoy", "edgesim"):
            with proxy(name, served, tmp_path) as port:
                found[name] = [ask(port, **{"x-user": f"user-{user}"})[1] for user in range(200)]
        assert found["edgesim"] == found["envoy"]
        assert len(set(found["envoy"])) == 5

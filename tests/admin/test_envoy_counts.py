"""Failures are counted as a real Envoy counts them: the same requests, the same counters."""

from __future__ import annotations

import json
import re
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests import envoy
from tests.running import Gateway, free_port, running, send, wait_until

pytestmark = pytest.mark.slow
COUNTERS = (
    "external.upstream_rq_2xx",
    "external.upstream_rq_503",
    "external.upstream_rq_completed",
    "lb_healthy_panic",
    "membership_healthy",
    "membership_total",
    "lb_subsets_fallback",
    "retry.upstream_rq_500",
    "retry.upstream_rq_5xx",
    "retry.upstream_rq_completed",
    "upstream_cx_connect_fail",
    "upstream_cx_none_healthy",
    "upstream_rq_2xx",
    "upstream_rq_4xx",
    "upstream_rq_5xx",
    "upstream_rq_200",
    "upstream_rq_404",
    "upstream_rq_500",
    "upstream_rq_503",
    "upstream_rq_504",
    "upstream_rq_active",
    "upstream_rq_active_overflow",
    "upstream_rq_completed",
    "upstream_rq_pending_active",
    "upstream_rq_pending_failure_eject",
    "upstream_rq_pending_overflow",
    "upstream_rq_per_try_timeout",
    "upstream_rq_retry",
    "upstream_rq_retry_limit_exceeded",
    "upstream_rq_retry_overflow",
    "upstream_rq_retry_success",
    "upstream_rq_timeout",
    "upstream_rq_total",
)


class _Upstream(BaseHTTPRequestHandler):
    """Answers with the status that the path says; `/hang` waits until the other side is gone."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        word = self.path.rpartition("/")[2]
        if word == "hang":
            self.connection.settimeout(envoy.DEADLINE)
            self.connection.recv(1)
            self.close_connection = True
            return
        self.send_response(int(word))
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_arguments: Any) -> None:
        """Say nothing."""


@contextmanager
def upstream() -> Iterator[int]:
    """Serve, and yield the port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Upstream)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def manifests(port: int) -> str:
    """Return upstreams that answer, refuse and have nobody, with routes to each."""

    def upstream_of(name: str, *ports: int, **more: Any) -> dict[str, Any]:
        hosts = [{"addr": "127.0.0.1", "port": each} for each in ports]
        spec = {"static": {"hosts": hosts}, **more}
        return {"apiVersion": "gloo.solo.io/v1", "kind": "Upstream", "metadata": meta(name), "spec": spec}

    def meta(name: str) -> dict[str, str]:
        return {"name": name, "namespace": "gloo-system"}

    def route(prefix: str, name: str, **options: Any) -> dict[str, Any]:
        single = {"upstream": meta(name)}
        return {"matchers": [{"prefix": prefix}], "options": options, "routeAction": {"single": single}}

    routes = [
        route("/slow", "answers", timeout="0.3s"),
        route("/tries", "answers", timeout="5s", retries={"retryOn": "5xx", "numRetries": 1, "perTryTimeout": "0.3s"}),
        route("/refused", "refuses", retries={"retryOn": "connect-failure", "numRetries": 1}),
        route("/full", "full"),
        route("/busy", "busy"),
        route("/fault", "answers", faults={"abort": {"percentage": 100, "httpStatus": 503}}),
        route("/", "answers"),
    ]
    host = {"domains": ["*"], "routes": routes}
    items = [
        upstream_of("answers", port),
        upstream_of("refuses", free_port()),
        upstream_of("full", port, circuitBreakers={"maxPendingRequests": 0}),
        upstream_of("busy", port, circuitBreakers={"maxRequests": 0}),
        {
            "apiVersion": "gateway.solo.io/v1",
            "kind": "VirtualService",
            "metadata": meta("all"),
            "spec": {"virtualHost": host},
        },
    ]
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": items})


REQUESTS = (
    *("/200", "/404", "/500", "/200"),
    *("/slow/hang", "/slow/200", "/tries/500", "/tries/200", "/tries/hang"),
    *("/refused/200", "/full/200", "/busy/200", "/fault/200"),
)


def counted(admin: str) -> dict[str, int]:
    with urllib.request.urlopen(f"{admin}/stats?format=json&filter=^cluster", timeout=envoy.DEADLINE) as answer:
        found = json.load(answer)["stats"]
    return {each["name"]: each["value"] for each in found if "name" in each}


def hosts(admin: str) -> list[str]:
    """Return what `/clusters` counts of each endpoint."""
    with urllib.request.urlopen(f"{admin}/clusters", timeout=envoy.DEADLINE) as answer:
        return sorted(re.findall(r"(?m)^.*::(?:rq_|cx_connect).*$", answer.read().decode()))


def took(admin: str) -> list[str]:
    """Return how many durations are known of each cluster."""
    with urllib.request.urlopen(f"{admin}/stats/prometheus?filter=upstream_rq_time", timeout=envoy.DEADLINE) as answer:
        found = re.findall(r"(?m)^envoy_cluster_upstream_rq_time_count.* [1-9].*$", answer.read().decode())
    return sorted(found)


def test_failures_are_counted_as_in_envoy(tmp_path: Path) -> None:
    """Timeouts, retries, refused connections, full breakers and faults change the same counters by as much."""
    with upstream() as port, running() as gateway:
        assert gateway.run("apply", "-f", "-", stdin=manifests(port)).code == 0
        with _envoy_beside(gateway, tmp_path) as (proxy, admin):
            for path in REQUESTS:
                ours, theirs = (send(each, "GET", path)[0] for each in (gateway.proxy, proxy))
                assert ours == theirs, path
            ours_counted, theirs_counted = counted(gateway.admin), counted(admin)
            assert hosts(gateway.admin) == hosts(admin)
            wait_until(lambda: took(gateway.admin) == took(admin), "durations of other requests")  # told every 5 s
    names = [
        f"cluster.{name}_gloo-system.{counter}"
        for name in ("answers", "refuses", "full", "busy")
        for counter in COUNTERS
    ]
    assert [(name, ours_counted.get(name, 0)) for name in names] == [
        (name, theirs_counted.get(name, 0)) for name in names
    ]


@contextmanager
def _envoy_beside(gateway: Gateway, folder: Path) -> Iterator[tuple[str, str]]:
    """Run an Envoy with the same configuration, and yield the addresses of its listener and of its admin API."""
    config = gateway.ask("GET", "/config_dump")[1]["configs"][0]["bootstrap"]
    config["admin"]["address"]["socket_address"]["port_value"] = 0
    (listener,) = config["static_resources"]["listeners"]
    listener["address"]["socket_address"] = {"address": "127.0.0.1", "port_value": 0}
    with envoy.running(config, folder) as port:
        yield f"http://127.0.0.1:{port}", f"http://{(folder / 'admin').read_text().strip()}"

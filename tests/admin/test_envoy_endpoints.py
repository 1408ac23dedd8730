"""The admin API as Envoy's, of a running instance; `test_envoy_keys` holds its shapes to those of a real Envoy."""

from __future__ import annotations

import http.client
import json
import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from urllib.parse import urlsplit

import pytest

from tests.proxy.authority import issued
from tests.running import Gateway, canary, free_port, running, send, wait_until

CLUSTER = "echo_gloo-system"


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    """Run two versions, each of which got requests."""
    with running("--workers", "2", *canary("echo", "upstream", "echo-v2", "vs-5")) as started:
        assert {started.get("/", {"stage": stage})[1] for stage in ("canary", *["" for _ in range(20)])}
        yield started


def text(gateway: Gateway, path: str, method: str = "GET") -> tuple[int, str]:
    status, _headers, body = send(gateway.admin, method, path)
    return status, body.decode()


def test_clusters(gateway: Gateway) -> None:
    """Both forms of /clusters tell of each endpoint what was sent there, and that it is healthy."""
    lines = dict(line.rsplit("::", 1) for line in text(gateway, "/clusters")[1].splitlines())
    totals = [int(value) for name, value in lines.items() if name.endswith("::rq_total")]
    assert sum(totals) == 21
    assert {value for name, value in lines.items() if name.endswith("::health_flags")} == {"healthy"}
    assert lines[f"{CLUSTER}::default_priority::max_retries"] == "3"
    (status,) = gateway.ask("GET", f"/clusters?format=json&filter={CLUSTER}")[1]["cluster_statuses"]
    counted = [each for host in status["host_statuses"] for each in host["stats"] if each["name"] == "rq_total"]
    assert sorted(int(each["value"]) for each in counted) == sorted(totals)
    assert gateway.ask("GET", "/clusters?format=json&filter=nobody")[1] == {"cluster_statuses": []}


def test_an_endpoint_that_fails_its_check() -> None:
    """An endpoint whose health check fails is told apart, and counted no more among the healthy ones."""
    upstream = f"""
apiVersion: gloo.solo.io/v1
kind: Upstream
metadata: {{name: gone, namespace: gloo-system}}
spec:
  healthChecks: [{{timeout: 1s, interval: 1s, unhealthyThreshold: 1, healthyThreshold: 1, httpHealthCheck: {{path: /}}}}]
  static: {{hosts: [{{addr: 127.0.0.1, port: {free_port()}}}]}}
---
apiVersion: gateway.solo.io/v1
kind: VirtualService
metadata: {{name: gone, namespace: gloo-system}}
spec:
  virtualHost:
    domains: ["*"]
    routes: [{{matchers: [{{prefix: /}}], routeAction: {{single: {{upstream: {{name: gone, namespace: gloo-system}}}}}}}}]
"""
    with running() as started:
        assert started.run("apply", "-f", "-", stdin=upstream).code == 0
        wait_until(lambda: "health_flags::/failed_active_hc\n" in text(started, "/clusters")[1], "never failed")
        stats = text(started, "/stats?filter=membership_healthy|health_check")[1]
        assert "gone_gloo-system.membership_healthy: 0\n" in stats
        assert "gone_gloo-system.health_check.healthy: 0\n" in stats
        assert re.search(r"gone_gloo-system\.health_check\.network_failure: [1-9]", stats)
        (status,) = started.ask("GET", "/clusters?format=json")[1]["cluster_statuses"]
        assert status["host_statuses"][0]["health_status"]["failed_active_health_check"] is True


def test_what_the_server_is(gateway: Gateway) -> None:
    """/server_info, /listeners, /memory, /runtime and /certs tell of the running instance."""
    info = gateway.ask("GET", "/server_info")[1]
    assert (info["state"], info["command_line_options"]["concurrency"]) == ("LIVE", 2)
    assert text(gateway, "/listeners")[1] == f"listener-::-8080::{urlsplit(gateway.proxy).netloc}\n"
    assert int(gateway.ask("GET", "/memory")[1]["total_physical_bytes"]) > 10_000_000
    assert gateway.ask("GET", "/runtime")[1] == {"entries": {}, "layers": []}
    assert gateway.ask("GET", "/certs")[1] == {"certificates": []}


def test_config_dump(gateway: Gateway) -> None:
    """The dump is what an Envoy would hold; a sort, a whole name and a mask narrow it down; the model is there as well."""
    kinds = [each["@type"].rpartition(".")[2] for each in gateway.ask("GET", "/config_dump")[1]["configs"]]
    assert kinds == [f"{kind}ConfigDump" for kind in ("Bootstrap", "Clusters", "Listeners", "Routes", "Secrets")]
    (found,) = gateway.ask("GET", f"/config_dump?resource=static_clusters&name_regex=^{CLUSTER}$")[1]["configs"]
    assert found["cluster"]["name"] == CLUSTER
    assert len(found["cluster"]["load_assignment"]["endpoints"][0]["lb_endpoints"]) == 2
    assert gateway.ask("GET", "/config_dump?resource=static_clusters&name_regex=echo")[1] == {"configs": []}
    assert gateway.ask("GET", "/config_dump?resource=dynamic_listeners")[1] == {"configs": []}
    (only,) = gateway.ask("GET", "/config_dump?resource=static_clusters&mask=cluster.name,cluster.type")[1]["configs"]
    assert {name: value for name, value in only["cluster"].items() if name != "@type"} == {
        "name": CLUSTER,
        "type": "STATIC",
    }
    (whole,) = gateway.ask("GET", "/config_dump?mask=bootstrap.admin")[1]["configs"]
    assert [*whole["bootstrap"]] == ["admin"]
    (assigned,) = gateway.ask("GET", "/config_dump?resource=static_endpoint_configs&include_eds")[1]["configs"]
    assert assigned["endpoint_config"]["cluster_name"] == CLUSTER
    model = gateway.ask("GET", "/config_dump?format=model")[1]
    assert [each["name"] for each in model["model"]["clusters"]] == [CLUSTER]
    assert len(model["assignments"][CLUSTER]) == 2


def test_resources_there_never_are(gateway: Gateway) -> None:
    """An unknown sort of resource is not found, as in Envoy; the answer lists those there are."""
    status, answer = gateway.ask("GET", "/config_dump?resource=dynamic_routes")
    assert status == 404
    assert "static_clusters" in answer["message"]


def test_json_is_laid_out_as_envoys(gateway: Gateway) -> None:
    """A field stands in a line of its own, where `grep` finds it; `/help` is the page at `/`."""
    for path, line in (
        ("/server_info", ' "state": "LIVE",'),
        ("/clusters?format=json", f'   "name": "{CLUSTER}",'),
        ("/config_dump", f'      "name": "{CLUSTER}",'),
    ):
        assert line in text(gateway, path)[1].splitlines()
    assert text(gateway, "/help") == text(gateway, "/")


@pytest.mark.parametrize(
    ("path", "word"),
    [
        ("/clusters?format=xml", "json"),
        ("/clusters?filter=(", "regular expression"),
        ("/config_dump?resource=static_clusters&mask=cluster.nope", "mask"),
        ("/config_dump?name_regex=[", "regular expression"),
        ("/stats?type=Counter", "Counters"),
        ("/stats?histogram_buckets=detailed", "disjoint"),
        ("/listeners?format=yaml", "json"),
    ],
)
def test_questions_that_make_no_sense(gateway: Gateway, path: str, word: str) -> None:
    """What is asked wrongly is 400, with what would be right."""
    status, answer = gateway.ask("GET", path)
    assert status == 400
    assert word in answer["message"]


@pytest.mark.parametrize(
    "path", ["/healthcheck/fail", "/healthcheck/ok", "/drain_listeners", "/reset_counters", "/logging"]
)
def test_changes_are_post(gateway: Gateway, path: str) -> None:
    """What changes something is not done by GET, nor for a page of somebody else's."""
    status, headers, _ = send(gateway.admin, "GET", path)
    assert (status, headers["allow"]) == (405, "POST")
    assert send(gateway.admin, "POST", path, {"Origin": "http://evil.example"})[0] == 403
    assert send(gateway.admin, "POST", path, {"Host": "evil.example"})[0] == 403
    assert text(gateway, "/ready") == (200, "LIVE\n")


@pytest.mark.parametrize("path", ["/stats/prometheus", "/clusters", "/config_dump", "/server_info", "/certs"])
def test_reads_are_get(gateway: Gateway, path: str) -> None:
    """What only reads answers HEAD as it does GET, and no POST."""
    assert send(gateway.admin, "HEAD", path)[0] == 200
    assert send(gateway.admin, "POST", path)[0] == 405


def test_log_levels(gateway: Gateway) -> None:
    """Levels are set for all loggers or for one; a level or logger that is not there is 400 and changes nothing."""
    assert "  edgesim: error\n" in text(gateway, "/logging?level=error", "POST")[1]
    listed = text(gateway, "/logging?paths=edgesim:debug,asyncio:off", "POST")[1]
    assert listed == "active loggers:\n  aiohttp.server: error\n  asyncio: off\n  edgesim: debug\n"
    for wrong in ("level=loud", "paths=edgesim:info,router:info", "paths=edgesim", "router=info"):
        assert text(gateway, f"/logging?{wrong}", "POST")[0] == 400
    assert text(gateway, "/logging", "POST")[1] == listed
    assert "  edgesim: warning\n" in text(gateway, "/logging?level=warning", "POST")[1]


@contextmanager
def connection(gateway: Gateway) -> Iterator[http.client.HTTPConnection]:
    """Keep a connection to the proxy."""
    client = http.client.HTTPConnection(urlsplit(gateway.proxy).netloc, timeout=60)
    with closing(client):
        yield client


def closes(client: http.client.HTTPConnection) -> bool:
    """Send a request and tell whether the answer ends the connection."""
    client.request("GET", "/")
    answer = client.getresponse()
    answer.read()
    assert answer.status == 200
    return answer.getheader("connection") == "close"


def test_failing_health_checks() -> None:
    """While health checks are made to fail, /ready is 503 and answers end their connections, also after an update."""
    with running(*canary("echo", "upstream", "vs-1")) as started, connection(started) as client:
        assert not closes(client)
        assert text(started, "/healthcheck/fail", "POST") == (200, "OK\n")
        wait_until(lambda: closes(client), "answers never ended connections")
        assert text(started, "/ready") == (503, "DRAINING\n")
        assert started.ask("GET", "/server_info")[1]["state"] == "DRAINING"
        assert started.apply(*canary("echo-v2", "vs-5")).code == 0
        with connection(started) as another:
            assert closes(another)
        assert text(started, "/healthcheck/ok", "POST")[0] == 200
        wait_until(lambda: not closes(client), "answers ended connections for ever")
        assert text(started, "/ready") == (200, "LIVE\n")


def refused(gateway: Gateway) -> bool:
    with connection(gateway) as client:
        try:
            client.connect()
        except ConnectionRefusedError:
            return True
        return False


def test_draining_the_listeners() -> None:
    """Drained listeners take no connections, those there are go on, and changes are served to them."""
    with running(*canary("echo", "upstream", "vs-1")) as started, connection(started) as client:
        assert not closes(client)
        assert text(started, "/drain_listeners?inboundonly", "POST")[0] == 200
        assert not refused(started)
        assert text(started, "/drain_listeners", "POST") == (200, "OK\n")
        assert refused(started)
        assert not closes(client)
        assert started.apply(*canary("echo-v2", "vs-5")).code == 0
        assert refused(started)
        assert {ask(client) for _ in range(30)} == {b"version:v1", b"version:v2"}
        assert text(started, "/listeners") == (200, "")


def ask(client: http.client.HTTPConnection) -> bytes:
    client.request("GET", "/")
    return client.getresponse().read().strip()


@pytest.mark.slow
def test_draining_gracefully() -> None:
    """A graceful drain says so for the grace time first; it is told what makes no sense."""
    with running("--grace", "1", *canary("echo", "upstream", "vs-1")) as started, connection(started) as client:
        assert text(started, "/drain_listeners?skip_exit", "POST")[0] == 400
        assert not closes(client)
        assert text(started, "/drain_listeners?graceful", "POST")[0] == 200
        wait_until(lambda: refused(started), "the listeners were never closed")
        assert closes(client)


@pytest.mark.slow
def test_certificates() -> None:
    """/certs tells whose the certificates are and until when; private keys are in no dump."""
    made = issued("a.example")
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "kubernetes.io/tls",
        "metadata": {"name": "served", "namespace": "gloo-system"},
        "stringData": {"tls.crt": made.chain, "tls.key": made.key},
    }
    host = {
        "apiVersion": "gateway.solo.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": "secret", "namespace": "gloo-system"},
        "spec": {
            "sslConfig": {"secretRef": {"name": "served", "namespace": "gloo-system"}},
            "virtualHost": {"routes": [{"matchers": [{"prefix": "/"}], "directResponseAction": {"status": 200}}]},
        },
    }
    with running("--tls-port", "0") as started:
        given = json.dumps({"apiVersion": "v1", "kind": "List", "items": [secret, host]})
        assert started.run("apply", "-f", "-", stdin=given).code == 0
        (found,) = started.ask("GET", "/certs")[1]["certificates"]
        assert [each["dns"] for each in found["cert_chain"][0]["subject_alt_names"]] == ["a.example"]
        assert int(found["cert_chain"][0]["days_until_expiration"]) > 0
        for form in ("envoy", "model"):
            dumped = text(started, f"/config_dump?format={form}")[1]
            assert "BEGIN CERTIFICATE" in dumped
            assert "PRIVATE KEY" not in dumped

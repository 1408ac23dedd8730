"""What the admin API answers has the names and shapes of a real Envoy's, which serves what `/config_dump` gives."""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from tests import envoy
from tests.prometheus import Sample, samples
from tests.running import canary, running, send

pytestmark = pytest.mark.slow
OWN = ("edgesim_", "envoy_access_logs_")
"""What Envoy has under no such name: the last are there with a log of its own only."""


class Sides:
    """The addresses of both admin APIs."""

    def __init__(self, edgesim: str, real: str) -> None:
        self.edgesim, self.real = edgesim, real

    def text(self, path: str) -> tuple[str, str]:
        """Return what both answer."""
        with urllib.request.urlopen(self.real + path, timeout=envoy.DEADLINE) as answer:
            theirs = answer.read().decode()
        return send(self.edgesim, "GET", path)[2].decode(), theirs

    def json(self, path: str) -> tuple[Any, Any]:
        """Return what both answer, read."""
        ours, theirs = self.text(path)
        return json.loads(ours), json.loads(theirs)


@pytest.fixture(scope="module")
def sides(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sides]:
    """Run both on the same configuration, with the same traffic."""
    folder = tmp_path_factory.mktemp("envoy")
    with running(*canary("echo", "upstream", "echo-v2", "vs-5")) as gateway:
        outliers = (
            '{"spec": {"outlierDetection": {"interval": "10s"}}}'  # Envoy has these stats only where that is configured
        )
        assert (
            gateway.run("patch", "upstream", "echo", "-n", "gloo-system", "--type", "merge", "-p", outliers).code == 0
        )
        config = gateway.ask("GET", "/config_dump")[1]["configs"][0]["bootstrap"]
        with envoy.running(_on_free_ports(config), folder) as port:
            for number in range(20):
                assert gateway.get(f"/{number}")[0] == 200
                assert send(f"http://127.0.0.1:{port}", "GET", f"/{number}")[0] == 200
            yield Sides(gateway.admin, f"http://{(folder / 'admin').read_text().strip()}")


def _on_free_ports(config: Any) -> Any:
    config["admin"]["address"]["socket_address"]["port_value"] = 0
    (listener,) = config["static_resources"]["listeners"]
    listener["address"]["socket_address"] = {"address": "127.0.0.1", "port_value": 0}
    (host,) = envoy.manager(config)["route_config"]["virtual_hosts"]
    never = {"name": ":path", "string_match": {"exact": "/never"}}
    host["virtual_clusters"] = [{"name": "never", "headers": [never]}]  # so that there is one of the others
    return config


def _families(found: list[Sample]) -> dict[str, tuple[str, frozenset[str]]]:
    """Return the type and the label names of each metric."""
    return {each.name: (each.kind, frozenset(label for label, _ in each.labels)) for each in found}


def test_metrics_are_envoys(sides: Sides) -> None:
    """Every metric is one of Envoy's, of the same type and with the same labels."""
    ours, theirs = (_families(samples(text)) for text in sides.text("/stats/prometheus"))
    checked = {name: shape for name, shape in ours.items() if not name.startswith(OWN)}
    assert len(checked) > 50
    assert checked == {name: theirs.get(name) for name in checked}


def test_requests_are_counted_as_in_envoy(sides: Sides) -> None:
    """The same traffic gives the same counts of requests and answers, and the same buckets."""
    ours, theirs = ({(e.name, e.labels): e.value for e in samples(text)} for text in sides.text("/stats/prometheus"))
    cluster = re.compile(
        r"envoy_cluster_(upstream_rq(_total|_completed|_xx|_retry|_timeout)?|membership_(total|healthy))"
    )
    shared = {key for key in ours.keys() & theirs.keys() if cluster.fullmatch(key[0])}
    assert {name for name, _ in shared} >= {"envoy_cluster_upstream_rq", "envoy_cluster_upstream_rq_xx"}
    assert {key: ours[key] for key in shared} == {key: theirs[key] for key in shared}
    bounds = [
        {dict(labels)["le"] for name, labels in found if name == "envoy_cluster_upstream_rq_time_bucket"}
        for found in (ours, theirs)
    ]
    assert bounds[0] == bounds[1]


def test_names_of_stats_are_envoys(sides: Sides) -> None:
    """Every name in `/stats` is one of Envoy's but for the address of the listener and the prefix of its manager."""
    ours, theirs = ({_unnamed(line) for line in text.splitlines()} for text in sides.text("/stats"))
    classes = re.compile(r".*_rq_[1-5]xx")  # Envoy's begin with the first answer of the class
    assert {name for name in ours - theirs if not classes.fullmatch(name)} == {
        "access_logs.access_log_file.write_failed"
    }


def _unnamed(line: str) -> str:
    name = line.partition(": ")[0]
    return re.sub(r"^(http|listener)\.(?!admin)[^:]+?\.(?=downstream)", r"\1.NAME.", name)


def test_clusters_have_envoys_shape(sides: Sides) -> None:
    """Both forms of /clusters have the keys of Envoy's, in its order."""
    ours, theirs = ([line.rpartition("::")[0] for line in text.splitlines()] for text in sides.text("/clusters"))
    assert ours == theirs
    mine, real = (found["cluster_statuses"][0] for found in sides.json("/clusters?format=json"))
    assert mine.keys() - {"added_via_api"} == real.keys()
    for host, other in zip(mine["host_statuses"], real["host_statuses"], strict=True):
        assert host.keys() == other.keys()
        assert host["health_status"] == other["health_status"]
        assert [each["name"] for each in host["stats"]] == [each["name"] for each in other["stats"]]
    assert mine["circuit_breakers"] == real["circuit_breakers"]


def test_the_others_have_envoys_shape(sides: Sides) -> None:
    """Memory, runtime, certificates, listeners and what the server is: no key that Envoy does not have."""
    for path in ("/memory", "/runtime", "/certs", "/listeners?format=json"):
        mine, real = sides.json(path)
        assert mine.keys() == real.keys(), path
    mine, real = sides.json("/server_info")
    assert mine.keys() == real.keys()
    assert mine["command_line_options"].keys() <= real["command_line_options"].keys()
    assert mine["node"].keys() <= real["node"].keys()


def test_config_dumps_have_envoys_shape(sides: Sides) -> None:
    """The dump has Envoy's sections, which hold what they hold there."""
    mine, real = (
        {each["@type"]: each.keys() - {"last_updated"} for each in found["configs"] if "Scoped" not in each["@type"]}
        for found in sides.json("/config_dump")
    )
    assert mine == real


def test_ready_and_quantiles(sides: Sides) -> None:
    """/ready says the same, and a histogram in JSON has the keys and quantiles of Envoy's."""
    assert sides.text("/ready") == ("LIVE\n", "LIVE\n")
    mine, real = (found["stats"][-1]["histograms"] for found in sides.json("/stats?format=json"))
    assert mine.keys() == real.keys()
    assert mine["supported_quantiles"] == real["supported_quantiles"]
    for path in ("/stats?histogram_buckets=disjoint&format=json", "/stats?histogram_buckets=cumulative&format=json"):
        ours, theirs = (found["stats"][-1]["histograms"] for found in sides.json(path))
        assert _keys(ours) == _keys(theirs)


def _keys(histograms: Any) -> Any:
    found: list[Any] = histograms if isinstance(histograms, list) else [histograms]
    return {tuple(sorted(each)) for each in found}


def test_envoy_as_the_engine_answers_itself() -> None:
    """Where Envoy serves, its own admin API is asked: what it counts, what it refuses, and health checks that fail."""
    with running("--engine", "envoy", *canary("echo", "upstream", "echo-v2", "vs-5")) as gateway:
        assert gateway.get()[0] == 200
        _, _, stats = send(gateway.admin, "GET", "/stats?filter=cluster.echo_gloo-system.external.upstream_rq_200")
        assert stats == b"cluster.echo_gloo-system.external.upstream_rq_200: 1\n"
        assert samples(send(gateway.admin, "GET", "/stats/prometheus")[2].decode())
        assert send(gateway.admin, "HEAD", "/clusters")[0] == 200
        assert send(gateway.admin, "GET", "/stats?filter=(")[0] == 400
        assert send(gateway.admin, "POST", "/logging?level=loud")[0] == 400
        assert send(gateway.admin, "POST", "/healthcheck/fail")[0] == 200
        assert send(gateway.admin, "GET", "/ready")[::2] == (503, b"DRAINING\n")
        assert send(gateway.proxy, "GET", "/")[1]["connection"] == "close"

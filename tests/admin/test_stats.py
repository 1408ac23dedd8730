"""What a running instance counted, over its admin API and by `edgesim stats`."""

from __future__ import annotations

import json
import re

from tests.running import canary, running, send

UNRESOLVED = f"""
apiVersion: gloo.solo.io/v1
kind: Upstream
metadata: {{name: named, namespace: gloo-system}}
spec: {{static: {{hosts: [{{addr: {"a" * 70}, port: 80}}]}}}}
"""
"""A label that is too long for a name: nobody is asked for it."""


def test_a_canary_is_counted_by_version() -> None:
    """With two workers every request is counted once, by version, route and pod, in all three shapes; a reset ends it, but for hosts, as in Envoy. Unresolved names are told."""
    with running("--workers", "2", *canary("echo", "upstream", "echo-v2", "vs-5")) as gateway:
        bodies = [gateway.get()[1] for _ in range(40)]
        table = gateway.run("stats").out.splitlines()
        assert table[0].split()[:4] == ["CLUSTER", "SUBSET", "REQUESTS", "2XX"]
        shown = {line.split()[1]: int(line.split()[2]) for line in table[1:]}
        assert shown == {f"version={v}": bodies.count(f"version:{v}") for v in ("v1", "v2")}

        endpoints = json.loads(gateway.run("stats", "--by", "endpoint", "-o", "json").out)["endpoint"]
        assert sum(row["requests"] for row in endpoints) == 40
        assert all(row["pod"].startswith("echo-v") and row["p50_ms"] > 0 for row in endpoints)

        _, _, text = send(gateway.admin, "GET", "/stats?filter=downstream_rq_(total|2xx)")
        assert text.decode() == "http.http.downstream_rq_2xx: 40\nhttp.http.downstream_rq_total: 40\n"
        _, known = gateway.ask("GET", "/stats?format=json&usedonly")
        assert {"name": "cluster.echo_gloo-system.upstream_rq_total", "value": 40} in known["stats"]

        assert gateway.run("apply", "-f", "-", stdin=UNRESOLVED).code == 0
        told = gateway.run("stats")
        assert told.out.splitlines() == table
        assert re.fullmatch(r"the name a+ of upstream named_gloo-system cannot be resolved \(.*\): .*\n", told.err)

        for _ in range(2):
            assert send(gateway.admin, "POST", "/reset_counters")[0] == 200
        assert re.fullmatch(r"CLUSTER .*\n", gateway.run("stats").out)
        hosts = re.findall(r"::rq_total::(\d+)", send(gateway.admin, "GET", "/clusters")[2].decode())
        assert sum(map(int, hosts)) == 40


def test_questions_that_make_no_sense() -> None:
    """Unknown scopes and formats and broken filters are 400 with a reason; a wrong --by is a usage error."""
    with running() as gateway:
        for path, word in (
            ("/edgesim/v1/stats?by=clusters", "cluster"),
            ("/stats?format=xml", "json"),
            ("/stats?filter=(", "("),
        ):
            status, answer = gateway.ask("GET", path)
            assert status == 400
            assert word in answer["message"]
        assert gateway.run("stats", "--by", "pod").code == 2

"""The two-phased release, by kubectl alone, under load."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.e2e.load import Load
from tests.kube.real import binaries
from tests.kube.real.cluster import Cluster
from tests.running import canary

pytestmark = pytest.mark.slow


def shares(kube: Cluster, count: int = 40, **headers: str) -> Counter[str]:
    """Count who answers."""
    return Counter(kube.curl("/", **headers)[1] for _ in range(count))


@pytest.mark.parametrize("version", [binaries.OLDEST, binaries.NEWEST])
def test_the_two_phased_release(kube: Cluster, version: str) -> None:
    """Deploy, canary by header, by weight, all, clean up: each step by `kubectl`, and no request fails."""

    def apply(name: str, said: str) -> None:
        (path,) = canary(name)
        assert kube.says("apply", "-f", str(path), version=version).splitlines()[-1] == said

    for name, said in (
        ("echo", "service/echo created"),
        ("upstream", "upstream.gloo.solo.io/echo created"),
        ("vs-1", "virtualservice.gateway.solo.io/echo created"),
    ):
        apply(name, said)
    kube.says("wait", "-n", "echo", "deploy/echo-v1", "--for=condition=Available", "--timeout=30s", version=version)
    configured = "virtualservice.gateway.solo.io/echo configured"
    with Load(kube.gateway) as load:
        load.every()
        apply("vs-2", configured)
        apply("echo-v2", "deployment.apps/echo-v2 created")
        kube.says("rollout", "status", "-n", "echo", "deploy/echo-v2", version=version)
        assert shares(kube) == {"version:v1": 40}
        apply("vs-3", configured)
        assert (set(shares(kube)), set(shares(kube, stage="canary"))) == ({"version:v1"}, {"version:v2"})
        apply("vs-4", configured)
        assert shares(kube) == {"version:v1": 40}
        apply("vs-5", configured)
        assert set(shares(kube, 100)) == {"version:v1", "version:v2"}
        halves = (
            '[{"op":"replace","path":"/spec/virtualHost/routes/1/routeAction/multi/destinations/0/weight","value":0}]'
        )
        patched = kube.says("patch", "-n", "gloo-system", "vs/echo", "--type=json", "-p", halves, version=version)
        assert patched == "virtualservice.gateway.solo.io/echo patched"
        assert shares(kube) == {"version:v2": 40}
        apply("vs-6", configured)
        apply("vs-7", configured)
        kube.says("delete", "-n", "echo", "deploy/echo-v1", version=version)
        assert shares(kube) == {"version:v2": 40}
        load.every()
    assert load.failures == {}
    kube.says("delete", "namespace", "echo", version=version)
    kube.says("delete", "-n", "gloo-system", "vs/echo", "us/echo", version=version)

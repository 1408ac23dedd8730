"""The tables of real Envoy, which it writes to its log: place by place they are edgesim's."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from pathlib import Path

import pytest

from edgesim.balancing import build
from edgesim.balancing.hashing import plan_of
from edgesim.balancing.priorities import Level
from edgesim.model import BalancerKind, Cluster, ClusterType, Endpoint, LoadBalancer, Model
from tests import envoy

pytestmark = pytest.mark.slow

EQUAL = tuple(Endpoint(f"127.0.0.{number}", 9) for number in range(1, 8))
WEIGHTED = tuple(replace(each, weight=1 + number % 3) for number, each in enumerate(EQUAL))
LAST = "cm init: all clusters initialized"
_PLACE = re.compile(r"ring hash: host=(\S+) hash=(\d+)|maglev: i=\d+ address=(\S+)")


def logged(config: LoadBalancer, hosts: tuple[Endpoint, ...], folder: Path) -> list[tuple[str, int]]:
    """Return whose each place of Envoy's table is, and on a ring where it is, from the last table it made."""
    cluster = Cluster("hashed", ClusterType.STATIC, hosts, balancer=config)
    trace = ("--component-log-level", "upstream:trace")
    with envoy.running(envoy.bootstrap(Model(clusters=(cluster,))), folder, more=trace):
        end = time.monotonic() + envoy.DEADLINE
        while LAST not in (text := (folder / "envoy.log").read_text()) and time.monotonic() < end:
            time.sleep(0.05)
    return [(host or own, int(place or 0)) for host, place, own in _PLACE.findall(text)]


def made(config: LoadBalancer, hosts: tuple[Endpoint, ...]) -> list[tuple[str, int]]:
    """Return the same of edgesim's."""
    _, plan = plan_of(Level(hosts, hosts), hosts, config)
    table = build(plan)
    return [
        (plan.keys[at], place) for at, place in zip(table.owners, table.hashes or [0] * len(table.owners), strict=True)
    ]


@pytest.mark.parametrize(
    "config",
    [
        LoadBalancer(BalancerKind.MAGLEV),
        LoadBalancer(BalancerKind.RING_HASH),
        LoadBalancer(BalancerKind.RING_HASH, minimum_ring_size=9, maximum_ring_size=10),
    ],
    ids=["maglev", "ring", "small ring"],
)
@pytest.mark.parametrize("hosts", [EQUAL, WEIGHTED], ids=["equal", "weighted"])
def test_each_place_is_the_same_endpoints(config: LoadBalancer, hosts: tuple[Endpoint, ...], tmp_path: Path) -> None:
    """Seven endpoints, equal and weighted: nothing in the tables differs, so the same key goes to the same endpoint."""
    wanted = made(config, hosts)
    found = logged(config, hosts, tmp_path)
    assert len(wanted) > 9
    assert found[-len(wanted) :] == wanted
    assert len(found) % len(wanted) == 0

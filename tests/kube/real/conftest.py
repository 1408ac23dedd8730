"""One instance for the tests of a file; each test works in a namespace of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.kube.real import cluster


@pytest.fixture(scope="module")
def kube(tmp_path_factory: pytest.TempPathFactory) -> Iterator[cluster.Cluster]:
    """An empty instance with a Kubernetes API."""
    with cluster.cluster(tmp_path_factory.mktemp("home")) as running:
        yield running


@pytest.fixture
def namespace(kube: cluster.Cluster) -> Iterator[str]:
    """A namespace of the test's own; what is wrong in it afterwards must not hold up the next test."""
    name = kube.namespace()
    yield name
    kube.gateway.ask("DELETE", f"/api/v1/namespaces/{name}")

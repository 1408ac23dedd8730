"""The pytest plugin: the fixtures `edgesim` and `edgesim_factory`, the marker `edgesim`, the ini options.

It imports nothing of edgesim before a test asks for a gateway.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from edgesim.testing.gateways import Gateway, Gateways

_MARKER = (
    "edgesim(*paths, fresh=False, seed=0, **options): the configuration of the `edgesim` fixture, relative to the "
    "root folder; `fresh` asks for an instance that no other test has seen, options are those of `edgesim up`"
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the ini options."""
    parser.addini("edgesim_paths", "manifests and folders that the `edgesim` fixture serves", type="paths", default=[])
    parser.addini("edgesim_seed", "the seed of the `edgesim` fixture's random choices", default="0")


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line("markers", _MARKER)


@pytest.fixture(scope="session")
def edgesim_factory(request: pytest.FixtureRequest) -> Iterator[Gateways]:
    """Return what starts gateways: `edgesim_factory("configs/", seed=7)`; they end with the session.

    For fixtures of a wider scope: the same configuration gives the same instance, until a test has changed it.
    """
    from edgesim.testing.gateways import Gateways  # noqa: PLC0415 - only who uses it pays for it

    config = request.config
    gateways = Gateways(config.rootpath, tuple(config.getini("edgesim_paths")), int(config.getini("edgesim_seed")))
    yield gateways
    gateways.close()


@pytest.fixture
def edgesim(request: pytest.FixtureRequest, edgesim_factory: Gateways) -> Iterator[Gateway]:
    """Return a running gateway with the configuration of the nearest `edgesim` marker, or of `edgesim_paths`.

    Tests of a session share one instance for each configuration, until one of them applies something to it.
    """
    marker = request.node.get_closest_marker("edgesim")
    paths, options = (marker.args, dict(marker.kwargs)) if marker is not None else ((), {})
    fresh = options.pop("fresh", False)
    refused = ""
    try:
        gateway = edgesim_factory(*paths, fresh=fresh, **options)
    except AssertionError as error:  # GatewayError: what is wrong is in the configuration, not in a stack of calls
        refused = str(error)
    if refused:
        pytest.fail(refused, pytrace=False)
    yield gateway
    edgesim_factory.release(gateway, fresh=fresh)

"""The relays of an instance: one for each endpoint of a cluster that is broken, as long as it is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from edgesim.envoy.detours import HOST, Place
from edgesim.envoy.relay import Relay, Way
from edgesim.model import Cluster, ClusterType, Endpoint, Update
from edgesim.model.clusters import endpoints_of
from edgesim.policies.breakage import Breakage
from edgesim.proxy.breakages import breakage_at, breakage_of

_LINGERS = 2.0
"""Seconds for which a relay that Envoy was told to leave still takes connections."""


class Relays:
    """Those there are. A new one is whole until Envoy knows it: then it fails as the endpoint would have."""

    def __init__(self, draw: Callable[[], int]) -> None:
        """Begin without; `draw` returns 64 random bits."""
        self._draw = draw
        self._relays: dict[Place, Relay] = {}
        self._acting: set[Place] = set()
        self._leaving: set[Relay] = set()

    @property
    def places(self) -> set[Place]:
        """The endpoints that have one."""
        return set(self._relays)

    def address(self, place: Place) -> str:
        """Return where the relay of an endpoint listens, as `address:port`."""
        return f"{HOST}:{self._relays[place].port}"

    def tell(self, broken: Mapping[str, Breakage]) -> None:
        """Let those that Envoy knows fail as is said now."""
        for place in self._acting:
            self._relays[place].become(breakage_at(broken, *place))

    def open(self, ways: Mapping[Place, Way]) -> dict[Place, int]:
        """Return the ports of relays for these endpoints, opened where there are none yet. Raises OSError."""
        for place, way in ways.items():
            if place in self._relays:
                self._relays[place].way = way
            else:
                self._relays[place] = Relay(way, self._draw)
        return {place: self._relays[place].port for place in ways}

    def act(self, broken: Mapping[str, Breakage]) -> None:
        """Let all fail as is said."""
        self._acting = self.places
        self.tell(broken)

    def keep(self, places: set[Place]) -> None:
        """Let others go: they are whole, and close when no thread of Envoy's can mean them any more."""
        for place in self.places - places:
            relay = self._relays.pop(place)
            relay.become(None)
            self._leaving.add(relay)
            asyncio.get_running_loop().call_later(_LINGERS, self._close, relay)
        self._acting &= places

    def _close(self, relay: Relay) -> None:
        relay.close()
        if relay.connections:
            asyncio.get_running_loop().call_later(_LINGERS, self._close, relay)
        else:
            self._leaving.discard(relay)

    def abort(self) -> None:
        """End them all."""
        for each in (*self._relays.values(), *self._leaving):
            each.abort()
        self._relays.clear()
        self._leaving.clear()
        self._acting.clear()


def ways(update: Update, broken: Mapping[str, Breakage]) -> dict[Place, Way]:
    """Return the ways to the endpoints of an update that are broken."""
    if not broken:
        return {}
    return {
        (cluster.name, f"{each.address}:{each.port}"): _way(cluster, each)
        for cluster in update.model.clusters
        if cluster.type is not ClusterType.DIRECT_RESPONSE
        for each in endpoints_of(cluster, update.assignments)
        if breakage_of(broken, cluster.name, (each.address, each.port)) is not None
    }


def _way(cluster: Cluster, endpoint: Endpoint) -> Way:
    settings = cluster.connection
    return Way(endpoint.address, endpoint.port, settings.connect_timeout, cluster.tls, endpoint.sni, cluster.http2)

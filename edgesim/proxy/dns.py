"""Names of STRICT_DNS clusters, resolved in the parent: workers get addresses, and requests never wait for a name.

As in Envoy each address of a name is an endpoint; names are resolved anew every `dns_refresh_rate`, and where that fails
the addresses from before stay. The system's resolver tells no ttl, so that `respect_dns_ttl` changes nothing here.
IPv4 only, as Gloo asks of Envoy.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from ipaddress import ip_address

from edgesim.model import Cluster, ClusterType, Endpoint, Model
from edgesim.telemetry import spawn

_FIRST = 5.0
"""Seconds an update waits for names it has not seen before."""
Addresses = tuple[str, ...]
Lookup = Callable[[str], Awaitable[Addresses]]
"""Returns the addresses of a name; raises OSError."""


async def look_up(name: str) -> Addresses:
    """Return the IPv4 addresses of a name, in order. Raises OSError."""
    loop = asyncio.get_running_loop()
    with contextlib.suppress(ValueError):
        return (str(ip_address(name)),)
    try:
        found = await loop.getaddrinfo(name, None, family=socket.AF_INET, type=socket.SOCK_STREAM)
    except UnicodeError as wrong:
        raise OSError(str(wrong)) from None
    return tuple(sorted({str(each[4][0]) for each in found}))


class Names:
    """The addresses of every name that clusters are made of."""

    def __init__(self, changed: Callable[[], Awaitable[None]], lookup: Lookup = look_up) -> None:
        """Take whom to tell when a name has other addresses than before."""
        self._changed = changed
        self._lookup = lookup
        self._known: dict[str, Addresses] = {}
        self._clusters: dict[str, tuple[Cluster, Cluster]] = {}
        self._tasks: dict[tuple[str, float], asyncio.Task[None]] = {}

    async def resolved(self, model: Model) -> Model:
        """Return the model with addresses instead of names, and look those names up from now on. Waits for new ones."""
        wanted = {(name, each.dns_refresh_rate) for each in _by_name(model) for name in _names(each)}
        await self._learn(name for name, _ in wanted)
        for gone in self._tasks.keys() - wanted:
            self._tasks.pop(gone).cancel()
        for new in wanted - self._tasks.keys():
            self._tasks[new] = spawn(self._keep_looking(*new), f"resolve {new[0]}")
        kept = {name for name, _ in wanted}
        self._known = {name: addresses for name, addresses in self._known.items() if name in kept}
        return self.applied(model)

    def applied(self, model: Model) -> Model:
        """Return the model with the addresses known now; clusters without names, and those unchanged, are the same objects."""
        if not any(True for _ in _by_name(model)):
            self._clusters = {}
            return model
        self._clusters = {each.name: (each, self._addressed(each)) for each in _by_name(model)}
        return replace(model, clusters=tuple(self._clusters.get(each.name, (each, each))[1] for each in model.clusters))

    def _addressed(self, cluster: Cluster) -> Cluster:
        endpoints = tuple(dict.fromkeys(made for each in cluster.endpoints for made in self._endpoints(each)))
        before = self._clusters.get(cluster.name)
        if before is not None and before[0] is cluster and before[1].endpoints == endpoints:
            return before[1]
        return replace(cluster, endpoints=endpoints)

    def _endpoints(self, endpoint: Endpoint) -> Iterable[Endpoint]:
        hostname = endpoint.hostname or endpoint.address
        for address in self._known.get(endpoint.address, ()):
            yield replace(endpoint, address=address, hostname=hostname)

    async def _learn(self, names: Iterable[str]) -> None:
        new = [name for name in dict.fromkeys(names) if name not in self._known]
        if new:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_FIRST):
                    await asyncio.gather(*map(self._update, new))

    async def _update(self, name: str) -> bool:
        """Look a name up; return whether it has other addresses than before. One that is not found keeps its own."""
        try:
            found = await self._lookup(name)
        except OSError:
            return False
        if not found or found == self._known.get(name):
            return False
        self._known[name] = found
        return True

    async def _keep_looking(self, name: str, pause: float) -> None:
        while True:
            await asyncio.sleep(max(pause, 0.001))
            if await self._update(name):
                await self._changed()

    def close(self) -> None:
        """Look nothing up any more."""
        for task in self._tasks.values():
            task.cancel()


def _by_name(model: Model) -> Iterable[Cluster]:
    return (each for each in model.clusters if each.type is ClusterType.STRICT_DNS)


def _names(cluster: Cluster) -> Iterable[str]:
    return (endpoint.address for endpoint in cluster.endpoints)

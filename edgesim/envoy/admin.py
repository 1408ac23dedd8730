"""What is asked of a running Envoy, by its admin API on a socket of the file system that is ours alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from aiohttp import ClientError, ClientSession, ClientTimeout, UnixConnector

from edgesim.dialects.envoy import STAT_PREFIX, Kind
from edgesim.envoy.folder import Subscription

_SECONDS = 10.0


_WELL = frozenset(("eds_health_status",))
"""What the status of a host says that is neither failed nor unchecked."""


class AdminError(Exception):
    """Envoy does not answer: it is not there yet, or no more."""


class Admin:
    """The admin API of one Envoy."""

    def __init__(self, path: Path) -> None:
        """Take where it listens."""
        self._path = str(path)
        self._session: ClientSession | None = None

    async def ask(self, target: str, method: str = "GET") -> str:
        """Return an answer's text. Raises AdminError."""
        return (await self.answer(target, method))[1]

    async def answer(self, target: str, method: str) -> tuple[int, str]:
        """Return an answer's status and text. Raises AdminError."""
        if self._session is None:
            self._session = ClientSession(
                connector=UnixConnector(self._path, force_close=True), timeout=ClientTimeout(_SECONDS)
            )
        try:
            async with self._session.request(method, f"http://envoy{target}") as answer:
                return answer.status, await answer.text()
        except (ClientError, OSError, TimeoutError) as error:
            raise AdminError(str(error)) from error

    async def values(self, pattern: str) -> dict[str, str | int]:
        """Return the counters, gauges and texts whose names match. Raises AdminError."""
        found: dict[str, Any] = json.loads(await self.ask(f"/stats?format=json&filter={pattern}"))
        return {each["name"]: each["value"] for each in found["stats"] if "name" in each}

    async def histograms(self, pattern: str) -> list[dict[str, Any]]:
        """Return the histograms whose names match, in detail, up to now. Raises AdminError."""
        await self.flush()
        found = json.loads(await self.ask(f"/stats?format=json&histogram_buckets=detailed&filter={quote(pattern)}"))
        return [each for one in found["stats"] for each in one.get("histograms", {}).get("details", ())]

    async def flush(self) -> None:
        """Let workers add what they counted to histograms: they do when stats are read, which is answered before."""
        await self.ask("/stats?filter=^$")

    async def healthy_hosts(self) -> set[tuple[str, str]]:
        """Return cluster and `address:port` of each host that passes its health checks. Raises AdminError."""
        found: dict[str, Any] = json.loads(await self.ask("/clusters?format=json"))
        return {
            (cluster["name"], _address(host))
            for cluster in found.get("cluster_statuses", ())
            for host in cluster.get("host_statuses", ())
            if host["health_status"].keys() <= _WELL
        }

    async def close(self) -> None:
        """Ask no more."""
        if self._session is not None:
            await self._session.close()
            self._session = None


def scope(of: Subscription) -> str:
    """Return where Envoy counts what became of a subscription; routes are counted below the connection managers' prefix."""
    by_kind = {
        Kind.LISTENER: "listener_manager.lds",
        Kind.CLUSTER: "cluster_manager.cds",
        Kind.ENDPOINTS: f"cluster.{of.name}",
        Kind.SECRET: f"sds.{of.name}",
        Kind.ROUTES: f"http.{STAT_PREFIX}.rds.{of.name}",
    }
    return by_kind[of.kind].replace(":", "_")


def _address(host: Mapping[str, Any]) -> str:
    where = host["address"].get("socket_address", {})
    return f"{where.get('address', '')}:{where.get('port_value', 0)}"

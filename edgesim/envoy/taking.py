"""Waiting until Envoy has taken what was written for it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet

from edgesim.envoy.admin import Admin, AdminError, scope
from edgesim.envoy.folder import Subscription

_PATTERN = r"\.(version_text|update_rejected|update_failure)$"
_FIRST_LOOK, _LONGEST_LOOK = 0.002, 0.05
_PATIENCE = 60.0
"""Seconds Envoy may take for what was written, with every core busy."""
_LISTENS = 10.0
_ANY = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "*": "127.0.0.1", "::": "::1"}


class RefusedError(Exception):
    """Envoy refuses what was written for a subscription."""

    def __init__(self, of: Subscription) -> None:
        """Say which."""
        super().__init__(of.name or of.kind.value)
        self.of = of


class Taking:
    """What Envoy took and refused so far."""

    def __init__(self, admin: Admin, starts: Callable[[], int], now: Callable[[], float]) -> None:
        """Take how often Envoy was started: its counts begin anew each time."""
        self._admin = admin
        self._starts = starts
        self._now = now
        self._refused: dict[str, int] = {}
        self._seen = 0

    async def look(self) -> None:
        """Remember what was refused before something new is written; nothing while Envoy is away."""
        try:
            await self._counts()
        except AdminError:
            self._refused = {}

    async def wait(self, versions: Mapping[Subscription, str]) -> None:
        """Return when Envoy has all versions.

        Raises RefusedError for one it refuses, TimeoutError when nothing comes of it.
        """
        waited = {scope(of): (of, version) for of, version in versions.items()}
        until, pause = self._now() + _PATIENCE, _FIRST_LOOK
        while waited:
            waited = await self._left(waited)
            if waited and self._now() > until:
                raise TimeoutError(next(iter(waited)))
            await asyncio.sleep(pause if waited else 0)
            pause = min(2 * pause, _LONGEST_LOOK)

    async def _left(self, waited: dict[str, tuple[Subscription, str]]) -> dict[str, tuple[Subscription, str]]:
        before = self._refused if self._seen == self._starts() else {}
        try:
            stats = await self._counts()
        except AdminError:
            return waited
        left = {name: each for name, each in waited.items() if stats.get(f"{name}.version_text") != each[1]}
        for name, (of, _version) in left.items():
            if self._refused.get(name, 0) > before.get(name, 0):
                raise RefusedError(of)
        return left

    async def settled(self, gauges: str, seconds: float) -> None:
        """Return when gauges of what warms up are zero, or after so many seconds: it may wait for others."""
        until = self._now() + seconds
        while self._now() < until:
            try:
                if not any((await self._admin.values(gauges)).values()):
                    return
            except AdminError:
                pass
            await asyncio.sleep(_LONGEST_LOOK)

    async def healthy(self, hosts: AbstractSet[tuple[str, str]], seconds: float) -> None:
        """Return when health checks found hosts (cluster and `address:port`) healthy, or after so many seconds."""
        until = self._now() + seconds
        while self._now() < until:
            with contextlib.suppress(AdminError):
                if hosts <= await self._admin.healthy_hosts():
                    return
            await asyncio.sleep(_LONGEST_LOOK)

    async def _counts(self) -> Mapping[str, str | int]:
        self._seen = self._starts()
        stats = await self._admin.values(_PATTERN)
        refused: dict[str, int] = {}
        for name, value in stats.items():
            whole, _, last = name.rpartition(".")
            if last != "version_text":
                refused[whole] = refused.get(whole, 0) + int(value)
        self._refused = refused
        return stats


async def accepting(host: str, port: int, now: Callable[[], float]) -> None:
    """Return when connections are taken at an address: Envoy tells its workers after it says that it has a listener."""
    until = now() + _LISTENS
    while now() < until:
        try:
            _reader, writer = await asyncio.open_connection(_ANY.get(host, host), port)
        except OSError:
            await asyncio.sleep(_LONGEST_LOOK)
        else:
            writer.close()
            return

"""What is broken on purpose, and for how long: kept by whoever tells those that let requests fail."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from edgesim.policies.breakage import Breakage


async def _at_once() -> None:
    """Nothing is waited for."""


class Breaking:
    """Breakages by the name of a cluster or by `ip:port`; `tell` is called with each change of them."""

    def __init__(self, tell: Callable[[], None], reach: Callable[[], Awaitable[None]] = _at_once) -> None:
        """Begin with nothing broken; `reach` returns when requests meet what was told."""
        self._tell = tell
        self.reached = reach
        self._broken: dict[str, Breakage] = {}
        self._mended_at: dict[str, float] = {}
        """By the loop's clock, of what is broken for some time only."""

    @property
    def broken(self) -> dict[str, Breakage]:
        """What is broken, by the name of a cluster or by `ip:port`."""
        return dict(self._broken)

    def break_(self, target: str, breakage: Breakage, seconds: float | None = None) -> None:
        """Let requests to a cluster, or to one endpoint (`ip:port`), fail from now on; with `seconds` for so long."""
        self._broken[target] = breakage
        self._mended_at.pop(target, None)
        self._tell()
        if seconds is not None:
            loop = asyncio.get_running_loop()
            self._mended_at[target] = loop.time() + seconds
            loop.call_later(seconds, self._expire, target, breakage)

    def broken_for(self, target: str) -> float | None:
        """Return the seconds until a target is mended by itself, None where it is not."""
        at = self._mended_at.get(target)
        return None if at is None else max(0.0, at - asyncio.get_running_loop().time())

    def mend(self, target: str | None = None) -> bool:
        """Let requests to a target go through again, or to all that is broken; return whether anything was."""
        gone = [*self._broken] if target is None else [target] if target in self._broken else []
        for each in gone:
            del self._broken[each]
            self._mended_at.pop(each, None)
        if gone:
            self._tell()
        return bool(gone)

    def _expire(self, target: str, breakage: Breakage) -> None:
        if self._broken.get(target) is breakage:
            self.mend(target)

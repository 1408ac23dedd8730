"""The end of an Envoy that serves: no more connections, and what is in progress may finish."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from edgesim.envoy.admin import Admin, AdminError

_ACTIVE = r"^http\..*\.downstream_rq_active$"
_ADMIN = "http.admin."
_LOOK = 0.02


async def drain(admin: Admin, until: float, now: Callable[[], float]) -> None:
    """Close all listeners, and return when no request is in progress any more, or at the moment given."""
    try:
        await admin.ask("/drain_listeners", "POST")
        while now() < until and await _active(admin):  # noqa: ASYNC110 - another process has no event for us
            await asyncio.sleep(_LOOK)
    except AdminError:
        return  # it is not there


async def _active(admin: Admin) -> bool:
    counts = await admin.values(_ACTIVE)
    return any(value for name, value in counts.items() if not name.startswith(_ADMIN))

"""Tables of consistent hashing, made in a thread: Maglev's takes a fifth of a second, in which requests go on.

Until a table is there the one before serves; an update is told to be served when all tables that it asked for are there.
"""

from __future__ import annotations

import asyncio

from edgesim.balancing import TablePlan, build
from edgesim.balancing.hashing import Install
from edgesim.telemetry import spawn


class TableBuilds:
    """The tables that are being made in one worker."""

    def __init__(self) -> None:
        """Begin with none."""
        self._under_way: set[asyncio.Task[None]] = set()

    def begin(self, plan: TablePlan, install: Install) -> None:
        """Make a table, and hand it over when it is there."""
        task = spawn(self._make(plan, install), "make a hash table")
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _make(self, plan: TablePlan, install: Install) -> None:
        install(await asyncio.to_thread(build, plan))

    async def settled(self) -> None:
        """Wait until nothing is being made."""
        while self._under_way:
            await asyncio.wait(self._under_way)

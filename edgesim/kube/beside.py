"""Work on what is large is done in a thread: the embedded pods live on the event loop, and answer meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final, TypeVar

from edgesim.control.reading import are_many
from edgesim.telemetry.collector import sparing_collector

T = TypeVar("T")

LARGE: Final = 64 * 1024
"""Bytes of a body from which on it is read in a thread."""


async def read_beside(data: bytes, read: Callable[[bytes], T]) -> T:
    """Read a body."""
    return read(data) if len(data) < LARGE else await asyncio.to_thread(read, data)


async def beside(work: Callable[[], T], *values: Any) -> T:
    """Do what takes as long as these values are large."""
    if not are_many(*values):
        return work()
    with sparing_collector():
        return await asyncio.to_thread(work)

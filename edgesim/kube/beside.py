"""Work on what is large is done in a thread: the embedded pods live on the event loop, and answer meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, Final, TypeVar

T = TypeVar("T")

LARGE: Final = 64 * 1024
"""Bytes of a body from which on it is read in a thread."""
MANY: Final = 2_000
"""Values inside an object from which on it is judged and merged in a thread: some milliseconds of work."""


async def read_beside(data: bytes, read: Callable[[bytes], T]) -> T:
    """Read a body."""
    return read(data) if len(data) < LARGE else await asyncio.to_thread(read, data)


async def beside(work: Callable[[], T], *values: Any) -> T:
    """Do what takes as long as these values are large."""
    return await asyncio.to_thread(work) if _are_many(values) else work()


def _are_many(values: Any) -> bool:
    return next(islice(_inside(values), MANY, None), None) is not None


def _inside(value: Any) -> Iterator[bool]:
    """Yield something for each value inside one."""
    left = [value]
    while left:
        for each in _parts(left.pop()):
            yield True
            if isinstance(each, dict | list):
                left.append(each)


def _parts(value: Any) -> Any:
    return value.values() if isinstance(value, dict) else value

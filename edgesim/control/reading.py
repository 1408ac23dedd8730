"""Reading the resources to what they mean: at once where that is little, else beside the event loop, on which pods live."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from itertools import islice
from typing import Any, Final

from edgesim.config.files import read_file
from edgesim.control.changes import Put, Write
from edgesim.dialects import Judge, Memo, Resource, Translation, translate
from edgesim.model import Model
from edgesim.telemetry.collector import sparing_collector

LARGE: Final = 500
"""Resources that are many."""
MANY: Final = 2_000
"""Values inside an object, or routes of all, that are many: some milliseconds of work, or some dozens."""

Judging = Callable[[], AbstractContextManager[Judge]]


async def read(resources: list[Resource], memo: Memo, judging: Judging, *, apart: bool) -> Translation:
    """Translate resources; with `apart` in a thread, while the garbage collector does not stop everything again and again."""

    def work() -> Translation:
        with judging() as judge:
            return translate(resources, read_file, memo, judge)

    if not apart:
        return work()
    with sparing_collector():
        return await asyncio.to_thread(work)


def is_much(resources: Sequence[Resource], model: Model) -> bool:
    """Tell whether there is much to read: of resources, or of the routes they had last."""
    return len(resources) >= LARGE or sum(len(host.routes) for host in model.virtual_hosts) >= MANY


def bring_much(writes: Sequence[Write]) -> bool:
    """Tell whether writes bring much to read: a few resources may have many routes."""
    return len(writes) >= LARGE or any(isinstance(each, Put) and are_many(each.resource.manifest) for each in writes)


def are_many(*values: Any) -> bool:
    """Tell whether there are MANY values in these, at any depth."""
    return next(islice(_inside(values), MANY, None), None) is not None


def _inside(value: Iterable[Any]) -> Iterator[bool]:
    """Yield something for each value inside one."""
    left: list[Any] = [value]
    while left:
        for each in _parts(left.pop()):
            yield True
            if isinstance(each, dict | list):
                left.append(each)


def _parts(value: Any) -> Any:
    return value.values() if isinstance(value, dict) else value

"""Who waits for what is written to be served."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import dataclass

from edgesim.config.store import Change

_log = logging.getLogger("edgesim")


@dataclass(slots=True)
class Waiter:
    """Who waits until his writes are served; with `all_steps` until the controllers have nothing left to do at once."""

    changes: list[Change]
    all_steps: bool
    done: asyncio.Future[list[Change]]


def fail(waiting: Iterable[Waiter], error: Exception) -> None:
    """Give an error to those who wait; where nobody does, it is logged."""
    told = [waiter for waiter in waiting if not waiter.done.done()]
    for waiter in told:
        waiter.done.set_exception(error)
    if not told:
        _log.error("serving what was written failed: %s: %s", type(error).__name__, error)

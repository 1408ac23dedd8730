"""The garbage collector, which rests while much is made: it would walk a growing tree of live data again and again."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

MANY: Final = 100_000
"""Objects that the collector walks in some dozens of milliseconds, in which no thread goes on."""


@contextmanager
def resting_collector(*, keep: bool = False) -> Iterator[None]:
    """Let the collector rest (reading a large configuration takes a quarter of the time then).

    With `keep` it never looks at what there is at the end: most of that stays as long as the process.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if keep:
            gc.freeze()
        if enabled:
            gc.enable()


@contextmanager
def sparing_collector() -> Iterator[None]:
    """Let the collector rest while others are served, and never look at what was made by the end, if that is MANY.

    It would stop every thread for as long as it looks. What is garbage by then, and was never collected, is kept with it:
    that is little, since what is young is collected at the beginning.
    """
    gc.collect(1)
    with resting_collector():
        yield
        if gc.get_count()[0] >= MANY:
            gc.freeze()

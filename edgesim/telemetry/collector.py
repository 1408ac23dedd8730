"""The garbage collector, which rests while much is made: it would walk a growing tree of live data again and again."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


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

"""How far it is, for a person at a terminal who has waited for over two seconds."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from edgesim.telemetry.sources import monotonic

_SOON = 2.0
"""Seconds before anything is shown."""
_EVERY = 0.2
"""Seconds between two drawings."""
_WIDTH = 30


@contextmanager
def progress(what: str, now: Callable[[], float] = monotonic) -> Iterator[Callable[[int, int], None]]:
    """Yield what draws a bar on standard error, told how many are done of how many; it is gone at the end."""
    if not sys.stderr.isatty():
        yield lambda _done, _all: None
        return
    due, drawn = now() + _SOON, False

    def draw(done: int, every: int) -> None:
        nonlocal due, drawn
        if now() < due:
            return
        due, drawn = now() + _EVERY, True
        filled = _WIDTH * done // max(every, 1)
        _write(f"\r{what} [{'#' * filled}{'.' * (_WIDTH - filled)}] {done:,} of {every:,}\x1b[K")

    try:
        yield draw
    finally:
        if drawn:
            _write("\r\x1b[K")


def _write(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()

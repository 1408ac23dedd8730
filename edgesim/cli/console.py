"""Where commands write: answers to standard output, everything about them to standard error.

Colour only where a person looks at it, on a terminal without NO_COLOR (https://no-color.org); machines
get plain text.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import IO, Any

import msgspec

STYLES: Mapping[str, str] = {"error": "bold red", "warning": "yellow", "note": "cyan", "ok": "green"}
_ANSI: Mapping[str, str] = {"bold red": "1;31", "yellow": "33", "cyan": "36", "green": "32", "bold": "1", "dim": "2"}

_SOON = 2.0
"""Seconds after which one who waits is told what for."""


def out(text: str = "") -> None:
    """Print a line of the answer."""
    print(text, flush=True)


def err(text: str) -> None:
    """Print a line about the answer."""
    print(text, file=sys.stderr, flush=True)


@contextmanager
def saying_soon(line: str) -> Iterator[None]:
    """Tell a person at a terminal what goes on, if it goes on for over two seconds."""
    timer = threading.Timer(_SOON, err, (line,))
    timer.daemon = True
    if sys.stderr.isatty():
        timer.start()
    try:
        yield
    finally:
        timer.cancel()


def out_json(data: Any) -> None:
    """Print data (dataclasses too) as the JSON a machine asked for."""
    out(json.dumps(msgspec.to_builtins(data), indent=2, ensure_ascii=False))


def paint(text: str, style: str, stream: IO[str]) -> str:
    """Colour text for a terminal, unless NO_COLOR (https://no-color.org) is set."""
    if os.environ.get("NO_COLOR") or not stream.isatty():
        return text
    return f"\x1b[{_ANSI[style]}m{text}\x1b[0m"

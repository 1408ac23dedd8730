"""What is broken on purpose: how requests to an upstream, or to one endpoint, are to fail. The draw is passed in."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

ERROR_STATUS: Final = 500
ERROR_BODY: Final = b"broken on purpose\n"
ERROR_FIELDS: Final = ((b"content-type", b"text/plain"), (b"content-length", b"%d" % len(ERROR_BODY)))
"""What is answered in place of the endpoint."""


class Ending(Enum):
    """What becomes of one request: it goes on, is answered with an error, waits for ever, is reset, or finds nobody."""

    PASS = auto()
    ERROR = auto()
    HANG = auto()
    RESET = auto()
    NOBODY = auto()


@dataclass(frozen=True, slots=True)
class Breakage:
    """How to fail. `latency` is in seconds and comes first, `error_rate` a part of 1; of the others the strongest acts."""

    latency: float = 0.0
    error_rate: float = 0.0
    hang: bool = False
    reset: bool = False
    kill: bool = False


def ending(breakage: Breakage, draw: int) -> Ending:
    """Return what becomes of a request for a draw of 64 bits."""
    if breakage.kill:
        return Ending.NOBODY
    if breakage.hang:
        return Ending.HANG
    if breakage.reset:
        return Ending.RESET
    return Ending.ERROR if draw < breakage.error_rate * 2**64 else Ending.PASS

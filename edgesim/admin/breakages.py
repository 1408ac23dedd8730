"""How something is to be broken, as options and queries say it: `latency=200ms`, `error-rate=5%`, `hang`, `for=30s`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from edgesim.backends.behaviour import parse_duration, parse_rate
from edgesim.dialects import did_you_mean
from edgesim.policies.breakage import Breakage

LONGEST: Final = 86_400.0
"""Seconds that a latency, or a breakage, lasts at most: a day."""
KEYS: Final = ("latency", "error-rate", "hang", "reset", "kill", "for")
_ENDINGS: Final = KEYS[1:5]
_NO: Final = frozenset({"0", "false", "no"})


class NoBreakageError(ValueError):
    """What was said does not say how to break something; `key` is the word at fault, empty for all of them."""

    def __init__(self, key: str, why: str) -> None:
        """Say why."""
        super().__init__(why)
        self.key = key


def read_breakage(said: Mapping[str, str]) -> tuple[Breakage, float | None]:
    """Return how to break something, and for how many seconds where that is said. Raises NoBreakageError."""
    for key in said:
        if key not in KEYS:
            raise NoBreakageError(key, did_you_mean(key, KEYS) or f"there are: {', '.join(KEYS)}")
    found = Breakage(
        _read(said, "latency", parse_duration),
        _read(said, "error-rate", parse_rate),
        *(said.get(key, "no").lower() not in _NO for key in ("hang", "reset", "kill")),
    )
    endings = (found.error_rate > 0, found.hang, found.reset, found.kill)
    if sum(endings) > 1:
        raise NoBreakageError("", f"only one of {', '.join(_ENDINGS)} at a time")
    if not any(endings) and not found.latency:
        raise NoBreakageError("", f"break it how? latency, or one of {', '.join(_ENDINGS)}")
    return found, _span(said)


def _span(said: Mapping[str, str]) -> float | None:
    seconds = _read(said, "for", parse_duration)
    if "for" in said and not seconds:
        raise NoBreakageError("for", "it lasts longer than 0 s")
    return seconds or None


def _read(said: Mapping[str, str], key: str, read: Callable[[str], float]) -> float:
    if key not in said:
        return 0.0
    try:
        value = read(said[key])
    except ValueError as why:
        raise NoBreakageError(key, str(why)) from None
    if value > LONGEST:
        raise NoBreakageError(key, f"{said[key]!r} is longer than a day")
    return value

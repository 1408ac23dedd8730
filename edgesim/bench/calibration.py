"""A fixed amount of plain Python: what a machine and its interpreter are good for at this moment.

A figure divided by what this takes in the same round can be compared across machines, and on a busy one.
"""

from __future__ import annotations

from edgesim.telemetry.sources import cpu_seconds

_WORDS = tuple(f"service-{number}".encode() for number in range(64))
_TURNS = 20


def nanoseconds(turns: int = _TURNS) -> float:
    """Return the processor time of one step: a slice, a lookup, a call and an addition."""
    begun = cpu_seconds()
    for _ in range(turns):
        _turn()
    return (cpu_seconds() - begun) / (turns * len(_WORDS)) * 1e9


def _turn() -> int:
    seen: dict[bytes, int] = {}
    for word in _WORDS:
        begun = word[:9]
        seen[begun] = _more(seen.get(begun, 0), word)
    return len(seen)


def _more(count: int, word: bytes) -> int:
    return count + 1 if word.startswith(b"service") else count

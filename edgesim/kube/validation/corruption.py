"""Where base64 goes wrong, counted as Go's decoder counts: kubectl prints that number."""

from __future__ import annotations

import string
from typing import Final

_ALPHABET: Final = frozenset(string.ascii_letters + string.digits + "+/")


def corrupt_at(text: str) -> int | None:
    """Return the byte at which standard base64 is corrupt, or None if it is sound; line breaks count, and are skipped."""
    data = text.encode()
    kept = [(at, chr(byte)) for at, byte in enumerate(data) if byte not in b"\r\n"]
    for begin in range(0, len(kept), 4):
        quantum = kept[begin : begin + 4]
        wrong = _in_quantum(quantum, kept[begin + 4 :], len(data))
        if wrong is not None or quantum[-1][1] == "=":
            return wrong
    return None


def _in_quantum(quantum: list[tuple[int, str]], rest: list[tuple[int, str]], end: int) -> int | None:
    for index, (at, character) in enumerate(quantum):
        if character in _ALPHABET:
            continue
        if character != "=" or index < 2:
            return at
        return _in_padding(quantum[index + 1 :], rest, at, end, needs=index == 2)
    return None if len(quantum) == 4 else end - len(quantum)


def _in_padding(
    left: list[tuple[int, str]], rest: list[tuple[int, str]], at: int, end: int, *, needs: bool
) -> int | None:
    """Check what follows the first `=` of a quantum: another one where it `needs` one, and then nothing."""
    if needs:
        if not left:
            return end
        if left[0][1] != "=":
            return at
        left = left[1:]
    return next((place for place, _ in (*left, *rest)), None)

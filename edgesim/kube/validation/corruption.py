"""Where base64 goes wrong, counted as Go's decoder counts: kubectl prints that number."""

from __future__ import annotations

import re
from typing import Final

_SOUND: Final = re.compile("(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")
_OTHER: Final = re.compile(rb"[^A-Za-z0-9+/\r\n]")
_WRITTEN: Final = re.compile(rb"[^\r\n]")


def corrupt_at(text: str) -> int | None:
    """Return the byte at which standard base64 is corrupt, or None if it is sound; line breaks count, and are skipped."""
    if _SOUND.fullmatch(text.replace("\n", "").replace("\r", "")):
        return None
    data = text.encode("utf-8", "surrogatepass")
    other = _OTHER.search(data)
    if other is None:
        return len(data) - _letters(data, len(data)) % 4
    at = other.start()
    letters = _letters(data, at) % 4
    if data[at] != ord("=") or letters < 2:
        return at
    return _in_padding(data, at, needed=letters == 2)


def _letters(data: bytes, end: int) -> int:
    """Count what is no line break before a byte."""
    return end - data.count(b"\n", 0, end) - data.count(b"\r", 0, end)


def _in_padding(data: bytes, at: int, *, needed: bool) -> int | None:
    """Look at what follows the first `=` of a quantum: another one where it is needed, and then nothing."""
    after = _WRITTEN.search(data, at + 1)
    if needed:
        if after is None:
            return len(data)
        if after[0] != b"=":
            return at
        after = _WRITTEN.search(data, after.end())
    return None if after is None else after.start()

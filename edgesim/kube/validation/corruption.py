"""Where base64 goes wrong, counted as Go's decoder counts: kubectl prints that number."""

from __future__ import annotations

import re
import string
from typing import Final

_ALPHABET: Final = frozenset((string.ascii_letters + string.digits + "+/").encode())
_SOUND: Final = re.compile("(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")


def corrupt_at(text: str) -> int | None:
    """Return the byte at which standard base64 is corrupt, or None if it is sound; line breaks count, and are skipped."""
    if _SOUND.fullmatch(text.replace("\n", "").replace("\r", "")):
        return None
    data = text.encode("utf-8", "surrogatepass")
    places = [at for at, byte in enumerate(data) if byte not in b"\r\n"]
    first = next((index for index, at in enumerate(places) if data[at] not in _ALPHABET), None)
    if first is None:
        return len(data) - len(places) % 4
    if data[places[first]] != ord("=") or first % 4 < 2:
        return places[first]
    return _in_padding(data, places, first)


def _in_padding(data: bytes, places: list[int], first: int) -> int | None:
    """Look at what follows the first `=` of a quantum: another one where two are needed, and then nothing."""
    rest = places[first + 1 :]
    if first % 4 == 2:
        if not rest:
            return len(data)
        if data[rest[0]] != ord("="):
            return places[first]
        rest = rest[1:]
    return rest[0] if rest else None

"""HTTP/2's frames, as far as they are looked at before h2 reads them (RFC 9113, section 4.1).

h2 takes no frame behind a GOAWAY, where answers may still come; and it waits for all of a frame, however large it says it
is, so that what is no HTTP/2 at all would be waited for, too.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
"""What a client begins with (section 3.4)."""
_HEAD: Final = 9
_GOAWAY: Final = 7
_LARGEST: Final = 1 << 14
"""What may be sent to who did not allow more (section 4.2)."""


def take_frames(received: bytearray) -> Iterator[bytes]:
    """Take whole frames off what was received. Raises ValueError for one that is too large."""
    while len(received) >= _HEAD:
        end = int.from_bytes(received[:3], "big") + _HEAD
        if end > _LARGEST + _HEAD:
            raise ValueError("a frame is larger than was allowed")
        if len(received) < end:
            return
        frame = bytes(received[:end])
        del received[:end]
        yield frame


def goodbye_of(frame: bytes) -> int | None:
    """Return the error code of a GOAWAY; None for any other frame, and for one that is malformed."""
    if frame[3] != _GOAWAY or len(frame) < _HEAD + 8:
        return None
    return int.from_bytes(frame[_HEAD + 4 : _HEAD + 8], "big")


def goodbye(last: int, error: int = 0) -> bytes:
    """Return a GOAWAY: the last stream that is served, and why no other one is."""
    return b"\0\0\x08\x07\0\0\0\0\0" + last.to_bytes(4, "big") + error.to_bytes(4, "big")

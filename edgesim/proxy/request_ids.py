"""Request ids: random UUIDs (version 4), cut from bulk randomness."""

from __future__ import annotations

from collections.abc import Callable, Iterator

_BATCH = 512
_TAIL = 6


def request_ids(random_bytes: Callable[[int], bytes]) -> Iterator[bytes]:
    """Yield ids without end, cut from what `random_bytes` returns. Ids of one batch share their first half; each has 48 random bits of its own."""
    while True:
        front = random_bytes(10).hex()
        head = f"{front[:8]}-{front[8:12]}-4{front[12:15]}-a{front[15:18]}-".encode()
        tails = random_bytes(_TAIL * _BATCH).hex().encode()
        for at in range(0, len(tails), 2 * _TAIL):
            yield head + tails[at : at + 2 * _TAIL]

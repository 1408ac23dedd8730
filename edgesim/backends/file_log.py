"""A log that another process writes to a file: the proxy's access log, as the log of the Pod that stands for it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from edgesim.backends.pod_log import MOST_LINES, LogLine, printable

TAIL: Final = 512 << 10
"""Bytes of the end of the file that are looked at."""
LOOK_AGAIN: Final = 0.2
"""Seconds between two looks at whether lines were added."""
_TIME: Final = re.compile(r"\[(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?)Z\]")


class FileLog:
    """The last lines of a file."""

    __slots__ = ("_clock", "_ended", "_path")

    def __init__(self, path: str, clock: Callable[[], datetime]) -> None:
        """Take the file, which need not be there yet, and the clock (UTC) for lines that tell no time."""
        self._path = Path(path)
        self._clock = clock
        self._ended = False

    def end(self) -> None:
        """Say that nobody is to follow any more."""
        self._ended = True

    def lines(self) -> list[LogLine]:
        """Return the last lines, oldest first; none where the file cannot be read."""
        size = self._size()
        text = self._read(max(0, size - TAIL), size)
        if size > TAIL:
            text = text.partition(b"\n")[2]
        return [self._line(each) for each in text.splitlines()[-MOST_LINES:]]

    def follow(self) -> AsyncIterator[LogLine]:
        """Give what is added from this call on, from its beginning where the file is begun anew."""
        return self._follow(self._size())

    async def _follow(self, seen: int) -> AsyncIterator[LogLine]:
        rest = b""
        while not self._ended:
            size = self._size()
            if size < seen:
                seen, rest = 0, b""
            *whole, rest = (rest + self._read(seen, size)).split(b"\n")
            seen = size
            for each in whole:
                yield self._line(each)
            await asyncio.sleep(LOOK_AGAIN)

    def _size(self) -> int:
        try:
            return self._path.stat().st_size
        except OSError:
            return 0

    def _read(self, start: int, end: int) -> bytes:
        if end <= start:
            return b""
        try:
            with self._path.open("rb") as file:
                file.seek(start)
                return file.read(end - start)
        except OSError:
            return b""

    def _line(self, raw: bytes) -> LogLine:
        text = printable(raw.decode(errors="replace"))
        found = _TIME.match(text)
        return LogLine(datetime.fromisoformat(found[1]).replace(tzinfo=UTC) if found else self._clock(), text)

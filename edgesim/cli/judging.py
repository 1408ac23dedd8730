"""Certificates and keys are judged in a process of their own, which ends when a configuration is read.

The library that knows them holds 9 MB for good in a process that loads it, and the one that serves would ask it once.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from edgesim.dialects import Judge, fault_of

_MOST_KNOWN = 1024


class Apart:
    """Judges for one reading after the other; what was judged before is remembered."""

    def __init__(self) -> None:
        """Begin without a process: most configurations need none."""
        self._known: dict[tuple[str, ...], str] = {}
        self._process: subprocess.Popen[str] | None = None

    @contextmanager
    def __call__(self) -> Iterator[Judge]:
        """Lend a judge; its process, if it needed one, ends with that."""
        try:
            yield self._judge
        finally:
            self._end()

    def _judge(self, *asked: str) -> str:
        if asked not in self._known:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            self._known[asked] = self._fault_of(asked)
        return self._known[asked]

    def _fault_of(self, asked: tuple[str, ...]) -> str:
        try:
            return self._answer(asked)
        except (OSError, ValueError):  # no process to be had, or it ended: then the library is loaded here
            return fault_of(*asked)

    def _answer(self, asked: tuple[str, ...]) -> str:
        if self._process is None:
            command = [sys.executable, "-m", __name__]
            self._process = subprocess.Popen(  # noqa: S603 - this very program
                command, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        return str(json.loads(self._process.stdout.readline()))

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            with suppress(OSError):  # what it did not take any more
                process.communicate()


def _serve() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the one who asks; this one ends with its questions
    for line in sys.stdin:
        sys.stdout.write(json.dumps(fault_of(*json.loads(line))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    _serve()

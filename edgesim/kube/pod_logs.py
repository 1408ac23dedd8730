"""What a pod logged, as whoever runs pods tells it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from typing import Protocol

from edgesim.model import ResourceKey


class Line(Protocol):
    """A line, and when it was written (UTC)."""

    @property
    def time(self) -> datetime:
        """Return when it was written."""

    @property
    def text(self) -> str:
        """Return the line, without its end."""


class PodLog(Protocol):
    """The lines that are kept of one pod."""

    def lines(self) -> Sequence[Line]:
        """Return what was written so far."""

    def follow(self) -> AsyncIterator[Line]:
        """Return what is written from now on, until the pod ends."""


LogsOf = Callable[[ResourceKey], PodLog | None]


def no_logs(_key: ResourceKey) -> PodLog | None:
    """Return nothing of any pod."""
    return None

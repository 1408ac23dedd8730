"""What the node knows of each Pod object: what runs for it, since when, and how it went before."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from edgesim.backends.file_log import FileLog
from edgesim.backends.pod_log import PodLog
from edgesim.backends.pod_status import Ended, Phase, PodFacts
from edgesim.backends.program import Program
from edgesim.backends.runtime import RunningPod
from edgesim.config.store import Entry

FIRST_PAUSE: Final = 10.0
LONGEST_PAUSE: Final = 300.0
"""Seconds between the starts of a container that fails: Kubernetes' CrashLoopBackOff."""


@dataclass(slots=True)
class Placed:
    """A pod on the node.

    `log` is what it writes itself, `file_log` that of the proxy it stands for. `ready_at` and `retry_at` are moments of the monotonic clock. `failure` says why the system does not let it
    listen, `shown` is the status that was written last, and `facts` what it was made of.
    """

    entry: Entry
    program: Program
    started: datetime
    log: PodLog | None = None
    file_log: FileLog | None = None
    running: RunningPod | None = None
    running_since: datetime | None = None
    ready_at: float = 0.0
    restarts: int = 0
    retry_at: float | None = None
    failure: str = ""
    last: Ended | None = None
    ended: Ended | None = None
    begun: bool = False
    task: asyncio.Task[None] | None = None
    facts: PodFacts | None = None
    shown: dict[str, Any] | None = None

    def is_ready(self, now: float) -> bool:
        """Tell whether it serves at a moment of the monotonic clock."""
        return self.running is not None and now >= self.ready_at

    def is_new(self) -> bool:
        """Tell whether its one request is to be made as soon as the proxy serves what came with it."""
        return self.program.fetch is not None and not self.begun

    def pause(self) -> float:
        """Return the seconds to wait before the next start."""
        return min(FIRST_PAUSE * 2.0 ** min(self.restarts, 10), LONGEST_PAUSE)

    def known(self, now: float) -> PodFacts:
        """Return what its status is made of."""
        return PodFacts(
            self._phase(),
            self.started,
            self.running.address if self.running is not None else None,
            self.is_ready(now),
            self.restarts,
            self.running_since,
            self._waiting(),
            self.last,
            self.ended,
        )

    def _phase(self) -> Phase:
        if self.ended is not None:
            return "Succeeded" if self.ended.code == 0 else "Failed"
        # A container that ran once and will again leaves its pod Running, as in Kubernetes.
        return "Running" if self.running_since is not None or self.last is not None else "Pending"

    def _waiting(self) -> tuple[str, str] | None:
        if self.running_since is not None or self.ended is not None:
            return None
        if self.last is not None:
            return (
                "CrashLoopBackOff",
                f"back-off {self.pause():g}s restarting failed container: {self.program.crash or 'it failed'}",
            )
        if self.failure:
            return "RunContainerError", self.failure
        return "ContainerCreating", ""

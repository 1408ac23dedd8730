"""The one place where time and randomness enter: who needs them is given them, so that a test can give others.

A process's root takes them from here: `cli.serving`, `proxy.worker_process`, a command that prints ages.
"""

from __future__ import annotations

import os
import secrets
import time
import uuid
from datetime import UTC, datetime

monotonic = time.monotonic
"""Seconds that never go back."""
wall = time.time
"""Unix seconds."""
stopwatch = time.perf_counter
"""Seconds at the finest there is, to measure how long something takes."""
nanoseconds = time.monotonic_ns
"""Whole nanoseconds on the clock of `monotonic`, which all processes of a machine share."""
cpu_seconds = time.process_time
"""Seconds that this process has been at work."""
random_bytes = os.urandom
"""Return so many bytes that nobody can guess."""
NEVER = float("inf")
"""A moment that does not come."""


def today() -> datetime:
    """Return the moment, in UTC."""
    return datetime.now(UTC)


def new_uid() -> str:
    """Return a random UUID, as Kubernetes gives each object."""
    return str(uuid.uuid4())


def new_seed() -> int:
    """Return a seed for an instance that was given none."""
    return secrets.randbits(63)


def new_token() -> str:
    """Return a token of 24 random bytes for a URL or a header."""
    return secrets.token_urlsafe(24)

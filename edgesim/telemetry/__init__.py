"""What the running proxy tells about itself, and the tasks it runs."""

from __future__ import annotations

from edgesim.telemetry.tasks import spawn

__all__ = ["spawn"]

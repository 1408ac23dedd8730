"""Documents with their positions, the resource store, and what is served of it."""

from __future__ import annotations

from edgesim.config.read import Read, read_text

__all__ = ["Read", "read_text"]

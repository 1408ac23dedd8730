"""The admin API of a running instance: Kubernetes-shaped resources, readiness, check and route.

Here is what both sides of the wire share. The app itself is in `edgesim.admin.app`, apart, because
commands that only talk to it must not wait for aiohttp.
"""

from __future__ import annotations

from edgesim.admin.wire import (
    Broken,
    BrokenTarget,
    File,
    Files,
    History,
    Kept,
    Outcome,
    Result,
    RouteTestOutcome,
    Undone,
)

__all__ = [
    "Broken",
    "BrokenTarget",
    "File",
    "Files",
    "History",
    "Kept",
    "Outcome",
    "Result",
    "RouteTestOutcome",
    "Undone",
]

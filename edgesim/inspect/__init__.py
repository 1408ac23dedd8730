"""Looking at a configuration without serving it: what is wrong with it, where a request would go. Pure.

The reports are plain dataclasses, so that the admin API can send them as JSON and the command line
can read them back: one report, whether it is made offline or by a running instance.
"""

from __future__ import annotations

from edgesim.inspect.checks import CheckReport, Group, check_report
from edgesim.inspect.requests import RequestError, request_head
from edgesim.inspect.routes import Arm, Reply, RouteReport, Step, route_report

__all__ = [
    "Arm",
    "CheckReport",
    "Group",
    "Reply",
    "RequestError",
    "RouteReport",
    "Step",
    "check_report",
    "request_head",
    "route_report",
]

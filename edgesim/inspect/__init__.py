"""Looking at a configuration without serving it: what is wrong with it, where a request would go. Pure.

The reports are plain dataclasses, so that the admin API can send them as JSON and the command line
can read them back: one report, whether it is made offline or by a running instance.
"""

from __future__ import annotations

from edgesim.inspect.arms import Arm, Target
from edgesim.inspect.checks import CheckReport, Group, check_report
from edgesim.inspect.conditions import Failure
from edgesim.inspect.coverage import CoverageReport
from edgesim.inspect.explain import Explanation, RouteTrial
from edgesim.inspect.listeners import Tables, choose_listener
from edgesim.inspect.requests import RequestError, Url, read_url, request_head
from edgesim.inspect.route_tests import Case, RouteTestReport, run_route_tests
from edgesim.inspect.routes import Inherited, Question, Reply, RouteReport, route_report
from edgesim.inspect.steps import Step

__all__ = [
    "Arm",
    "Case",
    "CheckReport",
    "CoverageReport",
    "Explanation",
    "Failure",
    "Group",
    "Inherited",
    "Question",
    "Reply",
    "RequestError",
    "RouteReport",
    "RouteTestReport",
    "RouteTrial",
    "Step",
    "Tables",
    "Target",
    "Url",
    "check_report",
    "choose_listener",
    "read_url",
    "request_head",
    "route_report",
    "run_route_tests",
]

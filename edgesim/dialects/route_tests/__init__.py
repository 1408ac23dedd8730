"""Files of route tests: Envoy's route table check format, and edgesim's own shorter one."""

from __future__ import annotations

from edgesim.dialects.route_tests.read import ReadTests, is_route_tests, read_route_tests

__all__ = ["ReadTests", "is_route_tests", "read_route_tests"]

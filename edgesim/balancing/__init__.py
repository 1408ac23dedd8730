"""Balancing, pure: an immutable endpoint set cut into subsets, and the turn to take."""

from __future__ import annotations

from edgesim.balancing.endpoints import EndpointSet, candidates, endpoint_set, schedule
from edgesim.balancing.round_robin import RoundRobin

__all__ = ["EndpointSet", "RoundRobin", "candidates", "endpoint_set", "schedule"]

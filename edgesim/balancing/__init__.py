"""Balancing, pure: an immutable endpoint set cut into subsets, and the turn to take."""

from __future__ import annotations

from edgesim.balancing.endpoints import EndpointSet, candidates, endpoint_set, schedule
from edgesim.balancing.round_robin import Rotation, pick

__all__ = ["EndpointSet", "Rotation", "candidates", "endpoint_set", "pick", "schedule"]

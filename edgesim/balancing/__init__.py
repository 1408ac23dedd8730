"""Balancing, pure: an immutable endpoint set, a small mutable record of health, and who is picked."""

from __future__ import annotations

from edgesim.balancing.balancer import Balancer
from edgesim.balancing.endpoints import EndpointSet, candidates, endpoint_set
from edgesim.balancing.hashing import build_at_once
from edgesim.balancing.health import Address, Health, HostHealth, address_of
from edgesim.balancing.schedules import schedule
from edgesim.balancing.tables import Table, TablePlan, build

__all__ = [
    "Address",
    "Balancer",
    "EndpointSet",
    "Health",
    "HostHealth",
    "Table",
    "TablePlan",
    "address_of",
    "build",
    "build_at_once",
    "candidates",
    "endpoint_set",
    "schedule",
]

"""Round robin: the only state is a place in each subset's round."""

from __future__ import annotations

from collections.abc import Callable

from edgesim.balancing.endpoints import EndpointSet, candidates
from edgesim.model import Endpoint, Subset

MOST_ROTATIONS = 1024
"""Turns of so many subsets are kept from one set of endpoints to the next."""


class Rotation:
    """A place in a round; it outlives the endpoint sets it turns through."""

    __slots__ = ("turn",)

    def __init__(self, start: int) -> None:
        """Begin at a random place, so that many workers do not all begin at the first endpoint."""
        self.turn = start


class RoundRobin:
    """Picks among the endpoints of one cluster, in each subset by turns."""

    __slots__ = ("endpoints", "rotations", "start")

    def __init__(self, endpoints: EndpointSet, start: Callable[[], int]) -> None:
        """Take the endpoints; `start` draws the place where a rotation begins."""
        self.endpoints = endpoints
        self.start = start
        self.rotations: dict[Subset, Rotation] = {}

    def update(self, endpoints: EndpointSet) -> None:
        """Go on with other endpoints; turns stay."""
        self.endpoints = endpoints
        if len(self.rotations) > MOST_ROTATIONS:
            self.rotations = {}  # of subsets that routes no longer ask for, mostly

    def pick(self, subset: Subset) -> Endpoint | None:
        """Return the endpoint whose turn it is in a subset, or None when there is none."""
        rotation = self.rotations.get(subset)
        if rotation is None:
            rotation = self.rotations[subset] = Rotation(self.start())
        schedule = candidates(self.endpoints, subset)
        if not schedule:
            return None
        rotation.turn = turn = rotation.turn + 1
        return schedule[turn % len(schedule)]

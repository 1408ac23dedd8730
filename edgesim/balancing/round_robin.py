"""Round robin over a schedule: the only state is a place in the round."""

from __future__ import annotations

from edgesim.model import Endpoint


class Rotation:
    """A place in a round; it outlives the endpoint sets it turns through."""

    __slots__ = ("turn",)

    def __init__(self, start: int) -> None:
        """Begin at a random place, so that many workers do not all begin at the first endpoint."""
        self.turn = start


def pick(schedule: tuple[Endpoint, ...], rotation: Rotation) -> Endpoint | None:
    """Return the next endpoint in turn, or None when there is none."""
    if not schedule:
        return None
    rotation.turn = turn = rotation.turn + 1
    return schedule[turn % len(schedule)]

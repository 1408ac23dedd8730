"""How many pods a rolling update may add and take away at a time: Kubernetes' arithmetic, on plain numbers.

Source: Kubernetes' documentation, Deployments, "Max Unavailable" and "Max Surge".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from edgesim.dialects.schema.kubernetes import DeploymentSpec

DEFAULT: Final = "25%"


@dataclass(frozen=True, slots=True)
class Bounds:
    """So many pods more than `replicas`, and so many fewer available ones, there may be."""

    surge: int
    unavailable: int


@dataclass(frozen=True, slots=True)
class Count:
    """A ReplicaSet in numbers: pods it is to have, and those that are available."""

    replicas: int
    available: int


def bounds(spec: DeploymentSpec) -> Bounds:
    """Return the bounds of a Deployment; those of Recreate are zero, though its pods all go at once."""
    strategy = spec.strategy
    if strategy is not None and strategy.type == "Recreate":
        return Bounds(0, 0)
    given = strategy.rolling_update if strategy is not None else None
    surge = _number(given.max_surge if given is not None else None, spec.replicas, up=True)
    unavailable = _number(given.max_unavailable if given is not None else None, spec.replicas, up=False)
    # With neither nothing could ever move.
    return Bounds(surge, unavailable if surge or unavailable else 1)


def _number(value: int | str | None, replicas: int, *, up: bool) -> int:
    """Return a number, or a percentage of the replicas, rounded up or down; what is neither is the default."""
    if isinstance(value, int):
        return max(0, value)
    share = (value if value is not None else DEFAULT).removesuffix("%")
    if not share.isascii() or not share.isdigit():
        share = DEFAULT.removesuffix("%")
    product = replicas * int(share)
    return -(-product // 100) if up else product // 100


def grown(replicas: int, present: int, total: int, allowed: Bounds) -> int:
    """Return how many replicas the present ReplicaSet is to have now; `total` is what all sets have."""
    if present >= replicas:
        return replicas
    room = max(0, replicas + allowed.surge - total)
    return present + min(room, replicas - present)


def shrunk(replicas: int, present: Count, old: Sequence[Count], allowed: Bounds) -> list[int]:
    """Return how many replicas each older ReplicaSet, oldest first, is to have now.

    Pods that are not available go first; of the others as many as leave `replicas` less the
    allowed unavailable ones.
    """
    least = replicas - allowed.unavailable
    total = present.replicas + sum(each.replicas for each in old)
    room = total - least - (present.replicas - min(present.available, present.replicas))
    if room <= 0:
        return [each.replicas for each in old]
    wanted, room = _without_unavailable(old, room)
    available = present.available + sum(min(each.available, count) for each, count in zip(old, wanted, strict=True))
    return _reduced(wanted, min(room, max(0, available - least)))


def _without_unavailable(old: Sequence[Count], room: int) -> tuple[list[int], int]:
    wanted = []
    for each in old:
        gone = min(room, max(0, each.replicas - each.available))
        room -= gone
        wanted.append(each.replicas - gone)
    return wanted, room


def _reduced(wanted: Sequence[int], room: int) -> list[int]:
    found = []
    for count in wanted:
        gone = min(room, count)
        room -= gone
        found.append(count - gone)
    return found

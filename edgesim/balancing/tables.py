"""Tables of consistent hashing: what one is made of, and what a hash finds in it.

Making one is pure and takes a while, so a plan can be built anywhere (a thread, another process) and swapped in.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass

from edgesim.balancing.maglev import fill
from edgesim.balancing.ring_hash import ring


@dataclass(frozen=True, slots=True)
class RingSize:
    """How many places a ring has, at least and at most."""

    minimum: int
    maximum: int


@dataclass(frozen=True, slots=True)
class TablePlan:
    """Everything a table depends on: the keys by which endpoints are known, and their weights, which sum to 1.

    `ring` is None for Maglev.
    """

    keys: tuple[str, ...]
    weights: tuple[float, ...]
    ring: RingSize | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Which endpoint (by its place in the plan) has a place. A ring's places are at `hashes`, in ascending order."""

    owners: array[int]
    hashes: array[int] | None = None


def build(plan: TablePlan) -> Table:
    """Make a table of at least one endpoint."""
    if plan.ring is None:
        return Table(fill(plan.keys, plan.weights))
    hashes, owners = ring(plan.keys, plan.weights, plan.ring.minimum, plan.ring.maximum)
    return Table(owners, hashes)


def finder(table: Table) -> Callable[[int], int]:
    """Return what finds the endpoint of a hash."""
    owners, size = table.owners, len(table.owners)
    if table.hashes is None:
        return lambda value: owners[value % size]
    hashes = table.hashes

    def on_ring(value: int) -> int:
        at = bisect_left(hashes, value)
        return owners[at if at < size else 0]

    return on_ring

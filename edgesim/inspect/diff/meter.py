"""How much work a comparison may be: counted, so that the same files give the same answer on any machine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(slots=True)
class Meter:
    """Counts work down; a unit is about a microsecond on a machine of 2024."""

    left: int

    def spend(self, units: int) -> bool:
        """Take units, and tell whether there were so many."""
        self.left -= units
        return self.left >= 0

    @property
    def spent(self) -> bool:
        """Tell whether nothing is left."""
        return self.left < 0


Watch = Callable[[int, int], None]
"""Is told how many regions are done, of how many."""


def nobody(_done: int, _all: int) -> None:
    """Watch nothing."""

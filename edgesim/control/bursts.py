"""Which writers wait until what they wrote is served: single ones, not those of a burst without end. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

LINGER: Final = 0.05
"""Seconds after a translation within which what is written shares the next one, unless its writer waits for it."""

PROMPT: Final = 0.1
"""Seconds of translating in one burst of writes that its writers wait for: a file of some objects, not of a thousand."""


@dataclass(slots=True)
class Burst:
    """Writes of clients that follow each other shortly; what controllers do meanwhile makes no burst.

    Times are seconds on the loop's clock.
    """

    rests_from: float = -math.inf
    """When nobody lingers any more after the last translation."""
    _until: float = -math.inf
    """When the burst is over if no other write comes before."""
    _spent: float = 0.0
    _took: float = 0.0

    @property
    def is_slow(self) -> bool:
        """Tell whether the last translation held others up for long: a few resources may have many routes."""
        return self._took > PROMPT

    def has_patience(self, now: float) -> bool:
        """Take a write; tell whether its writer is to wait until it is served."""
        if now >= self._until:
            self._spent = 0.0
        return self._spent < PROMPT

    def answered(self, now: float) -> None:
        """Take it that a writer was answered, who may come back."""
        # Twice: a translation holds up the next write, too, which then seems to come late.
        self._until = now + max(LINGER, 2 * self._took)

    def translated(self, begun: float, now: float) -> None:
        """Take it that something was translated, for a writer or for a controller."""
        self._took = now - begun
        self._spent += self._took
        # Of a burst of writes translating takes half the time at most, however much there is to translate.
        self.rests_from = now + max(LINGER, self._took)

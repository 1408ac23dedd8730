"""Does the new version fail more often? Looked at once, at the end; `always_valid` may be looked at all the time."""

from __future__ import annotations

from dataclasses import dataclass

from edgesim.analysis.intervals import Interval, newcombe


@dataclass(frozen=True, slots=True)
class Rate:
    """Errors of so many requests."""

    errors: int
    of: int

    @property
    def share(self) -> float:
        """The error rate, 0 where there are no requests."""
        return self.errors / self.of if self.of else 0.0


@dataclass(frozen=True, slots=True)
class Errors:
    """How error rates compare."""

    difference: float
    """Of the new version's rate from the old one's."""
    interval: Interval
    """Newcombe's, of the difference."""
    fisher_p: float
    """Fisher's exact test that the new rate is not higher, one-sided."""

    def is_within(self, margin: float) -> bool:
        """Tell whether the new rate is at most `margin` above the old one (non-inferiority)."""
        return self.interval.high < margin

    def is_beyond(self, margin: float) -> bool:
        """Tell whether it is more than `margin` above."""
        return self.interval.low > margin


def compare_errors(before: Rate, after: Rate, confidence: float = 0.95) -> Errors:
    """Compare two error rates. Raises ValueError where counts make no rate."""
    first, second = (before.errors, before.of), (after.errors, after.of)
    table = [[after.errors, after.of - after.errors], [before.errors, before.of - before.errors]]
    return Errors(
        after.share - before.share,
        newcombe(first, second, confidence),
        _fisher(table) if before.of and after.of else 1.0,
    )


def _fisher(table: list[list[int]]) -> float:
    from scipy.stats import fisher_exact  # noqa: PLC0415 - slow to load, and whoever only looks all the time needs it not

    return float(fisher_exact(table, alternative="greater")[1])

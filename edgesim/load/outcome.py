"""A run with what was asked about it: what every output of `edgesim load` is made of."""

from __future__ import annotations

from dataclasses import dataclass, field

from edgesim.analysis import Kind, Verdict
from edgesim.load.results import LoadResult
from edgesim.load.stops import Looked


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment of the run from which something else was so: a step of a release, for example."""

    at: float
    """Seconds from the start."""
    name: str
    expected: dict[str, float] = field(default_factory=dict)
    """The share each destination has from then on, of 1; empty where nothing is expected."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A result, its stop conditions as they were found, and its verdicts."""

    result: LoadResult
    looked: tuple[Looked, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    marks: tuple[Mark, ...] = ()

    @property
    def answered(self) -> int:
        """How many requests were answered, whatever the status."""
        return sum(cell.count for cell in self.result.cells if cell.status)

    @property
    def failed(self) -> bool:
        """Whether a condition was met, a verdict is FAIL, or nothing was answered."""
        return not self.answered or self.refused

    @property
    def refused(self) -> bool:
        """Whether a condition was met or a verdict is FAIL."""
        return any(each.true for each in self.looked) or any(each.kind is Kind.FAIL for each in self.verdicts)

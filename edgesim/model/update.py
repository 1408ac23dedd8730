"""What control hands to an engine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from edgesim.model.clusters import Assignments
from edgesim.model.problems import EdgesimError, Problem, Severity

if TYPE_CHECKING:
    from edgesim.model import Model


@dataclass(frozen=True, slots=True)
class Update:
    """One version of everything an engine serves: the model, and the endpoints of its EDS clusters."""

    version: int
    model: Model
    assignments: Assignments


CANNOT_SERVE: Final = "ES0703"
CANNOT_RUN: Final = "ES0704"


class UpdateRefusedError(EdgesimError):
    """An engine cannot serve an update; what it served before it still serves.

    `culprit` is the name of the virtual host, listener or cluster at fault, empty where none is: then the engine may be
    broken altogether, which is CANNOT_RUN.
    """

    def __init__(self, reason: str, culprit: str = "", code: str = CANNOT_SERVE) -> None:
        """Say why, in one line."""
        super().__init__(Problem(code, Severity.ERROR, reason))  # not `problem`: a worker holds no table of codes
        self.reason = reason
        self.culprit = culprit

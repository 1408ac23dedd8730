"""What control hands to an engine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgesim.model.clusters import Assignments

if TYPE_CHECKING:
    from edgesim.model import Model


@dataclass(frozen=True, slots=True)
class Update:
    """One version of everything an engine serves: the model, and the endpoints of its EDS clusters."""

    version: int
    model: Model
    assignments: Assignments


class UpdateRefusedError(Exception):
    """An engine cannot serve an update; what it served before it still serves.

    `culprit` is the name of the virtual host or cluster at fault, empty where none is.
    """

    def __init__(self, reason: str, culprit: str = "") -> None:
        """Say why, in one line."""
        super().__init__(reason)
        self.reason = reason
        self.culprit = culprit

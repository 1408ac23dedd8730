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

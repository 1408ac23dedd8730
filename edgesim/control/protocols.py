"""What control needs of the rooms below it; `proxy` and `backends` have it without importing control."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

from edgesim.model import Problem, Update

Pod = TypeVar("Pod")
LeavingPod_co = TypeVar("LeavingPod_co", covariant=True)


class Engine(Protocol):
    """Serves a model."""

    async def push(self, update: Update) -> None:
        """Return when every worker serves the update, and picks no endpoint of an earlier one any more.

        Raises UpdateRefusedError where it cannot be served; then what was served before still is.
        """


class Step(Protocol[LeavingPod_co]):
    """What the controllers did in one step."""

    @property
    def leaving(self) -> Sequence[LeavingPod_co]:
        """The pods that are in no Endpoints any more."""

    @property
    def again_in(self) -> float | None:
        """Seconds until the next step is due: 0 as soon as this one is served, None when something is written."""


class Controllers(Protocol[Pod]):
    """Keeps pods, and the objects that tell of them, as the store declares."""

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What the last `reconcile` found wrong."""

    async def reconcile(self) -> Step[Pod]:
        """Make one step from what runs to what is declared: start pods, write Pods and Endpoints.

        Others write into the store meanwhile. What it wrote last fits the pods that leave.
        """

    def retire(self, leaving: list[Pod]) -> None:
        """Drain and close pods that no engine sends to any more; returns at once."""

    async def close(self, grace: float) -> None:
        """Drain all pods, for at most `grace` seconds."""

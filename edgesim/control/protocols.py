"""What control needs of the rooms below it; `proxy` and `backends` have it without importing control."""

from __future__ import annotations

from typing import Protocol, TypeVar

from edgesim.model import Problem, Update

Pod = TypeVar("Pod")


class Engine(Protocol):
    """Serves a model."""

    async def push(self, update: Update) -> None:
        """Return when every worker serves the update, and picks no endpoint of an earlier one any more.

        Raises UpdateRefusedError where it cannot be served; then what was served before still is.
        """


class Controllers(Protocol[Pod]):
    """Keeps pods, and the objects that tell of them, as the store declares."""

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What the last `reconcile` found wrong."""

    async def reconcile(self) -> list[Pod]:
        """Start what is declared, write Pods and Endpoints, and return the pods that are in none any more."""

    def retire(self, leaving: list[Pod]) -> None:
        """Drain and close pods that no engine sends to any more; returns at once."""

    async def close(self, grace: float) -> None:
        """Drain all pods, for at most `grace` seconds."""

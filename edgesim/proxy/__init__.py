"""The data plane: worker processes that serve a model, and the supervisor that keeps them."""

from __future__ import annotations

from edgesim.proxy.settings import WorkerSettings
from edgesim.proxy.supervisor import Bound, Supervisor

__all__ = ["Bound", "Supervisor", "WorkerSettings"]

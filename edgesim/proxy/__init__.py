"""The data plane: worker processes that serve a model, and the supervisor that keeps them."""

from __future__ import annotations

from edgesim.proxy.supervisor import PortInUseError, PushError, Supervisor

__all__ = ["PortInUseError", "PushError", "Supervisor"]

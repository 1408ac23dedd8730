"""Real Envoy as a data plane: the process, and the resources it is given while it runs."""

from __future__ import annotations

from edgesim.envoy.binary import find_envoy
from edgesim.envoy.engine import EnvoyEngine

__all__ = ["EnvoyEngine", "find_envoy"]

"""How much of its weight a new endpoint has (Envoy's slow start mode).

https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/load_balancing/slow_start
"""

from __future__ import annotations

import math

from edgesim.model import SlowStart

_LEAST_AGE = 0.001


def factor_of(config: SlowStart, age: float) -> float:
    """Return the part of its weight (0 to 1) that an endpoint has which has been healthy for `age` seconds."""
    if age >= config.window:
        return 1.0
    part = min(max(age, _LEAST_AGE) / config.window, 1.0)
    return max(math.pow(part, 1 / config.aggression), config.min_weight_percent / 100)

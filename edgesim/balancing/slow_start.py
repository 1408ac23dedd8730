"""How much of its weight a new endpoint has (Envoy's slow start mode).

https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/load_balancing/slow_start
"""

from __future__ import annotations

import math
from collections.abc import Callable

from edgesim.model import SlowStart

_LEAST_AGE = 0.001


def factor_of(config: SlowStart) -> Callable[[float], float]:
    """Return what gives the part of its weight (0 to 1) that an endpoint has which has been healthy for some seconds."""
    window, least, power = config.window, config.min_weight_percent / 100, 1 / config.aggression
    shortest = min(_LEAST_AGE, window)

    def factor(age: float) -> float:
        if age >= window:
            return 1.0
        part = (age if age > shortest else shortest) / window  # noqa: FURB136  # half the time of max()
        if power != 1:
            part = math.pow(part, power)
        return part if part > least else least  # noqa: FURB136  # as above

    return factor

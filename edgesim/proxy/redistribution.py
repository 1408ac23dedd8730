"""`onEmpty: redistribute`, which Envoy lacks: the share of an arm without a healthy endpoint goes to the other arms.

The choice is made again among those of the other arms that have one, by their weights, with what the first choice left
of the draw. So where a hash draws, a user of the empty arm comes to the same other arm every time, and whoever has
another arm keeps it. Where nobody is healthy the first choice stands, as in Envoy.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from edgesim.routing import Decision, Split

if TYPE_CHECKING:
    from collections.abc import Callable

    from edgesim.proxy.plan import Plan


def redistribute(split: Split[Decision], plan: Plan, draw: int, plan_of: Callable[[Decision], Plan]) -> Decision | None:
    """Return the decision to act on instead of the one of a plan, None where that is to be kept."""
    if has_healthy(plan):
        return None
    weights = [end - begin for begin, end in pairwise(split[0][0])]
    left = [
        (weight, arm) for weight, arm in zip(weights, split.arms, strict=True) if weight and has_healthy(plan_of(arm))
    ]
    value = draw // split.total % sum(weight for weight, _ in left) if left else 0
    for weight, arm in left:
        if value < weight:
            return arm
        value -= weight
    return None


def has_healthy(plan: Plan) -> bool:
    """Tell whether the cluster of a plan has a healthy endpoint in its subset."""
    return plan.cluster is not None and plan.cluster.balancer.has_healthy(plan.subset)

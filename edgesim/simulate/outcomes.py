"""What may become of a request: a destination, or an answer of the proxy's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

from edgesim.model import Cluster, Destination, DirectResponseAction, ForwardAction, RedirectAction, Subset
from edgesim.routing import Decision, Split
from edgesim.routing.compiling import Target


@dataclass(frozen=True, slots=True)
class Outcome:
    """Where a request goes: `status` is 0 where it is forwarded, else what the proxy answers itself.

    `share` is the part of its route's requests that go this way; the arms of one split have the same `target`.
    """

    virtual_host: str = ""
    route: int = 0
    route_name: str = ""
    cluster: str = ""
    subset: Subset = ()
    status: int = 0
    share: Fraction = Fraction(1)
    target: int = 0

    @property
    def destination(self) -> str:
        """Name the destination for people: the cluster, with the values of its subset."""
        if not self.cluster:
            return f"answered {self.status}"
        subset = ",".join(f"{name}={value}" for name, value in self.subset)
        return f"{self.cluster} {subset}" if subset else self.cluster


NO_ROUTE = Outcome(status=404)


def outcomes_of(target: Target | None, clusters: Mapping[str, Cluster], number: int) -> tuple[Outcome, ...]:
    """Return what a target of the routing core leads to: one outcome for each arm of a split."""
    if target is None:
        return (replace(NO_ROUTE, target=number),)
    if isinstance(target, Split):
        weights = [0 if arm.arm is None else arm.arm.weight for arm in target.arms]
        pairs = zip(target.arms, weights, strict=True)
        return tuple(_outcome(arm, clusters, Fraction(weight, target.total), number) for arm, weight in pairs)
    assert isinstance(target, Decision)
    return (_outcome(target, clusters, Fraction(1), number),)


def _outcome(decision: Decision, clusters: Mapping[str, Cluster], share: Fraction, number: int) -> Outcome:
    to = decision.destination or Destination("")
    status = _status(decision, clusters.get(to.cluster))
    route = decision.route
    return Outcome(decision.virtual_host.name, route.number, route.name, to.cluster, to.subset, status, share, number)


def _status(decision: Decision, cluster: Cluster | None) -> int:
    action = decision.action
    if isinstance(action, DirectResponseAction | RedirectAction):
        return action.status
    assert isinstance(action, ForwardAction)
    if cluster is None:
        return 503
    return 0 if cluster.response is None else cluster.response.status

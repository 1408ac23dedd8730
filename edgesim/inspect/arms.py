"""The destinations of a decision: exact shares, and the endpoints behind each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from edgesim.balancing import candidates, endpoint_set
from edgesim.model import Assignments, Cluster, Destination, Endpoint, ForwardAction, WeightedCluster, endpoints_of
from edgesim.routing import Decision

ALL = Fraction(1)


@dataclass(frozen=True, slots=True)
class Target:
    """One endpoint a destination sends to, `pod` naming it; `address` is empty for a pod that does not run (manifests on their own)."""

    pod: str
    address: str
    port: int


@dataclass(frozen=True, slots=True)
class Arm:
    """One destination with its exact share of the requests, a reduced fraction of 1.

    What goes to a `missing` one is answered 503, what goes to one with a `status` that and `body`;
    `chosen` is where a pinned draw goes. `endpoints` are only told where they are known; with `fallback`
    they are not those of the subset, which has none.
    """

    cluster: str
    share: str
    percent: float
    weight: int
    upstream: str = ""
    subset: dict[str, str] = field(default_factory=dict)
    chosen: bool = False
    missing: bool = False
    status: int = 0
    body: str = ""
    endpoints: tuple[Target, ...] | None = None
    fallback: bool = False


def shares(decision: Decision) -> list[tuple[Destination, Fraction]]:
    """Return each destination of a decision's route with its exact share; none where nothing is forwarded."""
    action = decision.action
    if not isinstance(action, ForwardAction):
        return []
    if not action.weighted:
        return [] if decision.destination is None else [(decision.destination, ALL)]
    total = sum(arm.weight for arm in action.weighted)
    return [(arm.destination, Fraction(arm.weight, total)) for arm in action.weighted]


def arms(
    decision: Decision, clusters: Mapping[str, Cluster], assignments: Assignments | None, *, pinned: bool
) -> tuple[Arm, ...]:
    """Return the destinations of a decision; `pinned` says that its draw was asked for."""
    action = decision.action
    weighted: tuple[WeightedCluster, ...] = action.weighted if isinstance(action, ForwardAction) else ()
    chosen = decision.arm if pinned else None
    found = []
    for index, (to, share) in enumerate(shares(decision)):
        entry = weighted[index] if weighted else None
        weight = 1 if entry is None else entry.weight
        found.append(_arm(to, share, weight, clusters, assignments, chosen=entry is None or entry is chosen))
    return tuple(found)


def _arm(
    to: Destination,
    share: Fraction,
    weight: int,
    clusters: Mapping[str, Cluster],
    assignments: Assignments | None,
    *,
    chosen: bool,
) -> Arm:
    cluster = clusters.get(to.cluster)
    response = None if cluster is None else cluster.response
    targets, fallback = (None, False) if cluster is None else _targets(to, cluster, assignments)
    return Arm(
        to.cluster,
        str(share),
        round(float(share * 100), 6),
        weight,
        upstream_of(cluster),
        dict(to.subset),
        chosen,
        missing=cluster is None,
        status=0 if response is None else response.status,
        body="" if response is None else response.body,
        endpoints=targets,
        fallback=fallback,
    )


def upstream_of(cluster: Cluster | None) -> str:
    """Return the resource a cluster was made from, as `Kind namespace/name`; empty where there is none."""
    return str(cluster.origin[0].resource) if cluster is not None and cluster.origin else ""


def _targets(
    to: Destination, cluster: Cluster, assignments: Assignments | None
) -> tuple[tuple[Target, ...] | None, bool]:
    if assignments is None or cluster.response is not None:
        return None, False
    known = endpoint_set(cluster, endpoints_of(cluster, assignments))
    fallback = cluster.subsets is not None and bool(to.subset) and to.subset not in known.subsets
    return tuple(map(_target, candidates(known, to.subset))), fallback


def _target(endpoint: Endpoint) -> Target:
    name = endpoint.hostname if endpoint.hostname != endpoint.address else ""
    return Target(endpoint.pod or name, endpoint.address, endpoint.port)

"""The localities of one priority, and what each of them gets (Envoy's locality weighted load balancing).

https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/load_balancing/locality_weight
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from edgesim.balancing.priorities import Level
from edgesim.model import Endpoint, Locality


@dataclass(frozen=True, slots=True)
class LocalityShare:
    """The endpoints of a locality that may be picked, and its weight as its health leaves it."""

    weight: float
    hosts: tuple[Endpoint, ...]


def localities_of(level: Level, factor: int) -> tuple[LocalityShare, ...]:
    """Return the localities that get something; none where no locality has a weight.

    `factor` is the overprovisioning factor in per cent.
    """
    healthy = _by_locality(level.healthy)
    found = []
    for locality, hosts in _by_locality(level.hosts).items():
        able = healthy.get(locality, [])
        weight = hosts[0].locality_weight * min(1.0, factor / 100 * (len(able) / len(hosts)))
        if weight > 0:
            found.append(LocalityShare(weight, tuple(able)))
    return tuple(found)


def hash_weights(
    level: Level, hosts: Sequence[Endpoint], *, by_locality: bool
) -> tuple[tuple[Endpoint, ...], tuple[float, ...]]:
    """Return which of the hosts of a level stand in a hash table, and with which parts of it.

    Parts sum to 1. With `by_locality` a locality's part is by its weight among all the level's, whatever its health,
    as in Envoy: those of weight 0 have none, and that of one without hosts is nobody's.
    """
    if not by_locality:
        weighed = _normalized(hosts, 1.0)
    else:
        whole = sum(group[0].locality_weight for group in _by_locality(level.hosts).values())
        groups = (group for group in _by_locality(hosts).values() if group[0].locality_weight)
        weighed = [each for group in groups for each in _normalized(group, group[0].locality_weight / whole)]
    return tuple(host for host, _ in weighed), tuple(weight for _, weight in weighed)


def _normalized(hosts: Sequence[Endpoint], part: float) -> list[tuple[Endpoint, float]]:
    whole = sum(max(host.weight, 1) for host in hosts)
    return [(host, max(host.weight, 1) * part / whole) for host in hosts]


def _by_locality(hosts: Iterable[Endpoint]) -> dict[Locality, list[Endpoint]]:
    found: dict[Locality, list[Endpoint]] = {}
    for host in hosts:
        found.setdefault(host.locality, []).append(host)
    return found

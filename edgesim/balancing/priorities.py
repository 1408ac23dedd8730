"""How requests are shared between priorities, and when health is ignored (Envoy's LoadBalancerBase).

Priorities and panic thresholds: https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/load_balancing/
All arithmetic is in whole per cent, rounded down as Envoy does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgesim.balancing.health import Health, address_of
from edgesim.model import Endpoint


@dataclass(frozen=True, slots=True)
class Level:
    """The endpoints of one priority; `healthy` are those of them that are."""

    hosts: tuple[Endpoint, ...]
    healthy: tuple[Endpoint, ...]


@dataclass(frozen=True, slots=True)
class Share:
    """What a priority gets of 100 requests, and whether it takes them in panic: with all its endpoints."""

    load: int
    panic: bool


def levels_of(endpoints: Sequence[Endpoint], health: Health) -> tuple[Level, ...]:
    """Sort endpoints by priority; a priority that nobody has is an empty level. There is one level at least."""
    last = max((endpoint.priority for endpoint in endpoints), default=0)
    hosts: list[list[Endpoint]] = [[] for _ in range(last + 1)]
    for endpoint in endpoints:
        hosts[endpoint.priority].append(endpoint)
    return tuple(_level(each, health) for each in hosts)


def _level(hosts: list[Endpoint], health: Health) -> Level:
    return Level(tuple(hosts), tuple(endpoint for endpoint in hosts if health[address_of(endpoint)].healthy))


def threshold_of(percent: float) -> int:
    """Return a panic threshold in whole per cent, cut off as Envoy cuts it."""
    return int(100 * (percent / 100))


def shares_of(counts: Sequence[tuple[int, int]], factor: int, threshold: int) -> tuple[Share, ...]:
    """Return the share of each priority, given how many endpoints it has and how many of them are healthy.

    `factor` is the overprovisioning factor, `threshold` the panic threshold, both in per cent. Loads sum to 100.
    """
    health = [min(100, factor * healthy // total) if total else 0 for total, healthy in counts]
    available = min(100, sum(health))
    if available == 100:
        return tuple(Share(load, panic=False) for load in _loads(health, 100))
    panics = [100 * healthy < threshold * max(total, 1) for total, healthy in counts]
    if all(panics):
        totals = [total for total, _ in counts]
        return tuple(Share(load, panic=True) for load in _loads(totals, sum(totals)))
    parts = health if available else [healthy for _, healthy in counts]  # a factor so small that all is rounded off
    return tuple(Share(load, panic) for load, panic in zip(_loads(parts, sum(parts)), panics, strict=True))


def _loads(parts: Sequence[int], whole: int) -> list[int]:
    """Give each what it can take, the first ones first; the first one that takes any gets what rounding leaves.

    Where nobody takes any the first has it all: its requests find no endpoint.
    """
    rest, loads = 100, []
    for part in parts:
        loads.append(min(rest, 100 * part // whole) if whole else 0)
        rest -= loads[-1]
    loads[next((at for at, part in enumerate(parts) if part), 0)] += rest
    return loads

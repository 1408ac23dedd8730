"""The tables of a cluster that balances by hash: which there are, and which are being made.

A table is asked for when something is picked that needs it, and until it is there the old one serves. So making one
may take its time elsewhere: `Build` is called with a plan and with what takes the table.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Hashable
from dataclasses import dataclass

from edgesim.balancing.health import address_of
from edgesim.balancing.localities import hash_weights
from edgesim.balancing.pickers import Draw, Picker, by_hash, by_old_table, by_remainder, nobody
from edgesim.balancing.priorities import Level
from edgesim.balancing.tables import RingSize, Table, TablePlan, build, finder
from edgesim.model import BalancerKind, Endpoint, LoadBalancer

Install = Callable[[Table], None]
Build = Callable[[TablePlan, Install], None]
Key = tuple[Hashable, int]

HASHED = frozenset((BalancerKind.RING_HASH, BalancerKind.MAGLEV))
HASH_KEY = "hash_key"
"""The metadata by which an endpoint is known on a ring instead of its address, as in Envoy."""


def build_at_once(plan: TablePlan, install: Install) -> None:
    """Make a table where it is asked for: it is there when this returns."""
    install(build(plan))


@dataclass(frozen=True, slots=True)
class Held:
    """A table with what it was made of."""

    plan: TablePlan
    hosts: tuple[Endpoint, ...]
    table: Table


class Tables:
    """The tables of one cluster, by where they serve: a group of endpoints and a priority."""

    __slots__ = ("_asking", "_build", "_changed", "_held", "_making")

    def __init__(self, build: Build, changed: Callable[[], None]) -> None:
        """Begin without; `changed` is called when a table came that nobody picks from yet."""
        self._build = build
        self._changed = changed
        self._held: dict[Key, Held] = {}
        self._making: dict[Key, TablePlan] = {}
        self._asking = False

    def picker(self, key: Key, level: Level, hosts: tuple[Endpoint, ...], config: LoadBalancer, draw: Draw) -> Picker:
        """Return what picks among hosts of a level, by the table that is there."""
        standing, plan = plan_of(level, hosts, config)
        if not standing:
            return nobody
        self._ask(key, plan, standing)
        held = self._held.get(key)
        if held is None:
            return by_remainder(standing, draw)
        if not held.table.owners:
            return nobody  # a ring of size 0
        if held.plan == plan:
            return by_hash(standing, finder(held.table), draw)
        return by_old_table(standing, held.hosts, finder(held.table), draw)

    def _ask(self, key: Key, plan: TablePlan, hosts: tuple[Endpoint, ...]) -> None:
        held = self._held.get(key)
        if held is not None and held.plan == plan:
            self._making.pop(key, None)
        elif self._making.get(key) != plan:
            self._making[key] = plan
            self._asking = True
            self._build(plan, lambda table: self._install(key, Held(plan, hosts, table)))
            self._asking = False

    def _install(self, key: Key, held: Held) -> None:
        if self._making.get(key) == held.plan:
            del self._making[key]
            self._held[key] = held
            if not self._asking:
                self._changed()

    def keep(self, groups: Container[Hashable]) -> None:
        """Forget the tables of groups that are gone."""
        self._held = {key: each for key, each in self._held.items() if key[0] in groups}
        self._making = {key: each for key, each in self._making.items() if key[0] in groups}


def plan_of(level: Level, hosts: tuple[Endpoint, ...], config: LoadBalancer) -> tuple[tuple[Endpoint, ...], TablePlan]:
    """Return who stands in the table of hosts of a level, and what it is made of."""
    standing, weights = hash_weights(level, hosts, by_locality=config.locality_weighted)
    keys = tuple(key_of(host, use_hostname=config.use_hostname_for_hashing) for host in standing)
    ring = RingSize(config.minimum_ring_size, config.maximum_ring_size)
    return standing, TablePlan(keys, weights, ring if config.kind is BalancerKind.RING_HASH else None)


def key_of(endpoint: Endpoint, *, use_hostname: bool) -> str:
    """Return by what an endpoint is known: its `hash_key`, its host name if asked for, or its address and port."""
    own = dict(endpoint.metadata).get(HASH_KEY)
    if own is not None:
        return own
    if use_hostname and endpoint.hostname:
        return endpoint.hostname
    host, port = address_of(endpoint)
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

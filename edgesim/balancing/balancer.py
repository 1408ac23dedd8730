"""Picking the endpoint a request is sent to, in one worker.

A picker is made of everything that holds until endpoints or their health change: subset, priorities, panic, localities,
the kind of balancer. It is made when its subset is first asked for, so that a pick is a look-up and a call.
"""

from __future__ import annotations

from collections.abc import Sequence

from edgesim.balancing import pickers
from edgesim.balancing.endpoints import EndpointSet, candidates
from edgesim.balancing.hashing import HASHED, Build, Key, Tables, build_at_once
from edgesim.balancing.health import Health, address_of, follow
from edgesim.balancing.localities import localities_of
from edgesim.balancing.pickers import Clock, Draw, Picker, Rotation
from edgesim.balancing.priorities import Level, levels_of, shares_of, threshold_of
from edgesim.model import NO_LOCALITY, BalancerKind, Endpoint, Locality, Subset

EVERY, FALLBACK = "every", "fallback"
Group = Subset | str
"""Endpoints that share their turns: a subset's, those of the fallback, or all."""


class Balancer:
    """Picks among the endpoints of one cluster. `health` has a record of each; whoever changes one says so."""

    __slots__ = (
        "_anyone",
        "_clock",
        "_draw",
        "_healthy",
        "_pickers",
        "_rotations",
        "_tables",
        "endpoints",
        "fallbacks",
        "health",
        "panics",
    )

    def __init__(self, endpoints: EndpointSet, draw: Draw, clock: Clock, build: Build = build_at_once) -> None:
        """Take the endpoints. `build` makes hash tables, where it likes."""
        self._draw, self._clock = draw, clock
        self.panics = 0
        """Picks whatever the health of endpoints, because too few are healthy."""
        self.fallbacks = 0
        """Picks of the fallback, where there are subsets."""
        self.health: Health = {}
        self._rotations: dict[tuple[Key, Locality], Rotation] = {}
        self._tables = Tables(build, self.health_changed)
        self.update(endpoints)

    def update(self, endpoints: EndpointSet) -> None:
        """Go on with other endpoints; turns and records stay, of those that stay."""
        self.endpoints = endpoints
        follow(self.health, endpoints.every, self._clock())
        groups: set[Group] = {EVERY, FALLBACK, *endpoints.subsets}
        self._rotations = {key: each for key, each in self._rotations.items() if key[0][0] in groups}
        self._tables.keep(groups)
        self.health_changed()

    def health_changed(self) -> None:
        """Look at the health of the endpoints anew, at the next pick."""
        self._pickers: dict[Group, Picker] = {}
        self._healthy: dict[Subset, bool] = {}
        self._anyone: Picker | None = None

    def pick(self, subset: Subset, hash_: int | None = None) -> Endpoint | None:
        """Return an endpoint of a subset, or of what the cluster falls back to, or None when there is none."""
        picker = self._pickers.get(subset)
        if picker is None:
            picker = self._pickers[subset] = self._picker(subset)
        return picker(hash_)

    def prepare(self) -> None:
        """Ask for the table that requests without a subset need, ahead of them."""
        if self.endpoints.balancer.kind in HASHED:
            self._pickers[()] = self._picker(())

    def missed(self, subset: Subset) -> None:
        """Count a request for which nobody was found: as in Envoy, where there is nobody at all that is a panic, too.

        Not where there never is one, nor where a subset has nothing to fall back to.
        """
        if self._threshold and not candidates(self.endpoints, subset) and not self.endpoints.lone:
            self.panics += 1

    def pick_anyone(self, hash_: int | None = None) -> Endpoint | None:
        """Return any endpoint of the cluster, of no subset; a healthy one while there is one."""
        if self._anyone is None:
            self._anyone = self._group(EVERY, self.endpoints.every, max(self._threshold, 1))
        return self._anyone(hash_)

    def has_healthy(self, subset: Subset) -> bool:
        """Tell whether a subset has a healthy endpoint itself, without anything the cluster falls back to."""
        known = self._healthy.get(subset)
        if known is None:
            own = self.endpoints.subsets.get(subset, ()) if self.endpoints.cut and subset else self.endpoints.fallback
            known = self._healthy[subset] = any(self.health[address_of(endpoint)].healthy for endpoint in own)
        return known

    @property
    def _threshold(self) -> int:
        return threshold_of(self.endpoints.balancer.panic_threshold)

    def _picker(self, subset: Subset) -> Picker:
        own = self.endpoints.subsets.get(subset)
        if own is None:
            return self._fallback()
        if subset in self.endpoints.single:
            return pickers.always(own[0])
        return self._group(subset, own, self._threshold)

    def _fallback(self) -> Picker:
        picker = self._pickers.get(FALLBACK)
        if picker is None:
            picker = self._group(FALLBACK, self.endpoints.fallback, self._threshold)
            picker = pickers.counted(picker, self._fell_back) if self.endpoints.cut else picker
            self._pickers[FALLBACK] = picker
        return picker

    def _fell_back(self) -> None:
        self.fallbacks += 1

    def _group(self, group: Group, hosts: Sequence[Endpoint], threshold: int) -> Picker:
        levels = levels_of(hosts, self.health)
        counts = [(len(level.hosts), len(level.healthy)) for level in levels]
        shares = shares_of(counts, self.endpoints.overprovisioning_factor, threshold)
        found = [
            (share.load, self._level((group, priority), level, panic=share.panic))
            for priority, (level, share) in enumerate(zip(levels, shares, strict=True))
            if share.load
        ]
        if len(found) == 1:
            return found[0][1]
        return pickers.shared(found, self._draw, hashed=self.endpoints.balancer.kind in HASHED)

    def _level(self, key: Key, level: Level, *, panic: bool) -> Picker:
        picker = self._within(key, level, panic=panic)
        return pickers.counted(picker, self._panicked) if panic else picker

    def _panicked(self) -> None:
        self.panics += 1

    def _within(self, key: Key, level: Level, *, panic: bool) -> Picker:
        config = self.endpoints.balancer
        hosts = level.hosts if panic else level.healthy
        if not hosts:
            return pickers.nobody
        if config.kind in HASHED:
            return self._tables.picker(key, level, hosts, config, self._draw)
        localities = localities_of(level, self.endpoints.overprovisioning_factor) if config.locality_weighted else ()
        if panic or not localities:
            return self._hosts((key, NO_LOCALITY), hosts)
        found = [(each.weight, self._hosts((key, each.hosts[0].locality), each.hosts)) for each in localities]
        return pickers.among_localities(found, self._draw)

    def _hosts(self, key: tuple[Key, Locality], hosts: tuple[Endpoint, ...]) -> Picker:
        config = self.endpoints.balancer
        if len(hosts) == 1:
            return pickers.always(hosts[0])
        if config.kind is BalancerKind.RANDOM:
            return pickers.at_random(hosts, self._draw)
        weight = pickers.own_weight if config.kind is BalancerKind.ROUND_ROBIN else pickers.weight_by_load
        slow = self._slowly(hosts, weight)
        if slow is not None:
            return slow
        if config.kind is BalancerKind.ROUND_ROBIN:
            return pickers.in_turn(hosts, self._rotation(key))
        if len({max(host.weight, 1) for host in hosts}) == 1:
            return pickers.least_of(hosts, self.health, config.choice_count, self._draw)
        return pickers.by_deadline(hosts, self.health, weight, self._draw)

    def _slowly(self, hosts: Sequence[Endpoint], weight: pickers.Weight) -> Picker | None:
        """Return what picks while one of the endpoints is new, None while none is."""
        config = self.endpoints.balancer.slow_start
        if config is None:
            return None
        end = max(self.health[address_of(host)].healthy_since for host in hosts) + config.window
        if end <= self._clock():
            return None
        slowed = pickers.slowed(weight, config, self._clock, end, self.health_changed)
        return pickers.by_deadline(hosts, self.health, slowed, self._draw)

    def _rotation(self, key: tuple[Key, Locality]) -> Rotation:
        rotation = self._rotations.get(key)
        if rotation is None:
            rotation = self._rotations[key] = Rotation(self._draw())
        return rotation

"""How one of several endpoints is picked, once priority, health and locality have said which.

A picker takes the request's hash, or a draw where it has none, and returns an endpoint.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from edgesim.balancing.health import Health, HostHealth, address_of
from edgesim.balancing.schedules import earliest_deadline_first, schedule
from edgesim.balancing.slow_start import factor_of
from edgesim.model import Endpoint, SlowStart

Picker = Callable[[int | None], Endpoint | None]
Draw = Callable[[], int]
"""Draws 64 random bits."""
Clock = Callable[[], float]
Entry = tuple[Endpoint, HostHealth, int]
"""An endpoint with its record and its weight, which is 1 at least."""
Weight = Callable[[Entry], float]

_DRAWS = 2.0**64


class Rotation:
    """A place in a round; it outlives the endpoint sets it turns through."""

    __slots__ = ("turn",)

    def __init__(self, start: int) -> None:
        """Begin at a random place, so that many workers do not all begin at the first endpoint."""
        self.turn = start


def nobody(_hash: int | None) -> Endpoint | None:
    """Pick none: there is none."""
    return None


def counted(picker: Picker, count: Callable[[], None]) -> Picker:
    """Pick as another does, and count whenever that finds somebody."""

    def pick(hash_: int | None) -> Endpoint | None:
        endpoint = picker(hash_)
        if endpoint is not None:
            count()
        return endpoint

    return pick


def always(endpoint: Endpoint) -> Picker:
    """Pick the only one."""
    return lambda _hash: endpoint


def in_turn(hosts: Sequence[Endpoint], rotation: Rotation) -> Picker:
    """Pick by turns, a heavy endpoint as often as it weighs."""
    round_ = schedule(hosts)
    size = len(round_)

    def pick(_hash: int | None) -> Endpoint | None:
        rotation.turn = turn = rotation.turn + 1
        return round_[turn % size]

    return pick


def at_random(hosts: Sequence[Endpoint], draw: Draw) -> Picker:
    """Pick any, whatever it weighs, as Envoy's random balancer does."""
    size = len(hosts)
    return lambda _hash: hosts[draw() % size]


def least_of(hosts: Sequence[Endpoint], health: Health, choices: int, draw: Draw) -> Picker:
    """Pick the one with the fewest requests under way among some drawn at random; the first drawn of equal ones."""
    entries = _entries(hosts, health)
    size, others = len(entries), range(choices - 1)

    def pick(_hash: int | None) -> Endpoint | None:
        best = entries[draw() % size]
        for _ in others:
            other = entries[draw() % size]
            if other[1].active < best[1].active:
                best = other
        return best[0]

    return pick


def by_deadline(hosts: Sequence[Endpoint], health: Health, weight: Weight, draw: Draw) -> Picker:
    """Pick by weights that change from one pick to the next."""
    take = earliest_deadline_first(_entries(hosts, health), weight, lambda: draw() / _DRAWS)
    return lambda _hash: take()[0]


def _entries(hosts: Sequence[Endpoint], health: Health) -> list[Entry]:
    return [(endpoint, health[address_of(endpoint)], max(endpoint.weight, 1)) for endpoint in hosts]


def own_weight(entry: Entry) -> float:
    """Return the weight an endpoint was given."""
    return entry[2]


def weight_by_load(entry: Entry) -> float:
    """Return the weight of least request: the fewer requests under way, the more (active_request_bias 1)."""
    return entry[2] / (entry[1].active + 1)


def slowed(weight: Weight, config: SlowStart, clock: Clock, end: float, over: Callable[[], None]) -> Weight:
    """Return a weight that grows while a healthy endpoint is new; from `end` on none is, and `over` is told."""
    factor = factor_of(config)

    def grown(entry: Entry) -> float:
        now, record = clock(), entry[1]
        if now >= end:
            over()
        if record.active_failed or record.ejected_until is not None:
            return weight(entry)
        return weight(entry) * factor(now - record.healthy_since)

    return grown


def shared(pickers: Sequence[tuple[int, Picker]], draw: Draw, *, hashed: bool) -> Picker:
    """Pick among pickers, each of which gets so many of 100 requests; with `hashed` the hash says which."""
    of_hundred = [picker for load, picker in pickers for _ in range(load)]

    def pick(hash_: int | None) -> Endpoint | None:
        drawn = draw() if hash_ is None or not hashed else hash_
        return of_hundred[drawn % 100](drawn)

    return pick


def among_localities(pickers: Sequence[tuple[float, Picker]], draw: Draw) -> Picker:
    """Pick among localities by their weights, all above 0."""
    take = earliest_deadline_first(pickers, lambda entry: entry[0], lambda: draw() / _DRAWS)

    def pick(hash_: int | None) -> Endpoint | None:
        _, picker = take()
        return picker(hash_)

    return pick


def by_hash(hosts: Sequence[Endpoint], find: Callable[[int], int], draw: Draw) -> Picker:
    """Pick where a hash leads, or a draw without one."""
    return lambda hash_: hosts[find(draw() if hash_ is None else hash_)]


def by_old_table(hosts: Sequence[Endpoint], old: Sequence[Endpoint], find: Callable[[int], int], draw: Draw) -> Picker:
    """Pick where a hash led before, while a new table is made; who is gone or ill is stood in for."""
    usable = {address_of(endpoint): endpoint for endpoint in hosts}

    def pick(hash_: int | None) -> Endpoint | None:
        value = draw() if hash_ is None else hash_
        found = usable.get(address_of(old[find(value)]))
        return hosts[value % len(hosts)] if found is None else found

    return pick


def by_remainder(hosts: Sequence[Endpoint], draw: Draw) -> Picker:
    """Pick by hash while there is no table at all yet."""
    size = len(hosts)
    return lambda hash_: hosts[(draw() if hash_ is None else hash_) % size]

"""Tables of consistent hashing, and what is picked while one is being made."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from xxhash import xxh64_intdigest

from edgesim.balancing import Balancer, Table, TablePlan, build, endpoint_set
from edgesim.balancing.hashing import Install, Tables, build_at_once, key_of, plan_of
from edgesim.balancing.localities import hash_weights
from edgesim.balancing.maglev import TABLE_SIZE, fill
from edgesim.balancing.priorities import Level
from edgesim.balancing.ring_hash import ring
from edgesim.balancing.tables import RingSize, finder
from edgesim.model import (
    BalancerKind,
    Cluster,
    ClusterType,
    Endpoint,
    LoadBalancer,
    Locality,
    SubsetConfig,
    SubsetSelector,
)
from tests.balancing.scenes import A, B, C, D, Scene, plain

RING = RingSize(1024, 8_388_608)
HASHED = [BalancerKind.RING_HASH, BalancerKind.MAGLEV]


def keys(count: int) -> tuple[str, ...]:
    return tuple(f"10.0.0.{number}:80" for number in range(count))


def equal(count: int, ring_size: RingSize | None = None) -> TablePlan:
    return TablePlan(keys(count), (1 / count,) * count, ring_size)


# --- ring --------------------------------------------------------------------------------------------


def test_places_are_the_hashes_of_numbered_keys() -> None:
    """Each of two endpoints stands at the hashes of its key with `_0`, `_1` and so on behind it."""
    hashes, owners = ring(("a", "b"), (0.5, 0.5), 4, 100)
    wanted = sorted(
        (xxh64_intdigest(f"{key}_{number}".encode()), at) for at, key in enumerate("ab") for number in (0, 1)
    )
    assert list(zip(hashes, owners, strict=True)) == wanted


@pytest.mark.parametrize(
    ("weights", "least", "most", "shares"),
    [
        ((1 / 3,) * 3, 1024, 10_000, [342, 342, 342]),
        ((0.25, 0.75), 1024, 10_000, [256, 768]),
        ((0.25,) * 4, 6, 6, [2, 1, 2, 1]),
        ((0.01, 0.99), 10, 20, [1, 19]),
        ((1.0,), 1, 1, [1]),
        ((1.0,), 0, 10, []),
        ((0.3, 0.7), 10, 10, [3, 7]),
    ],
)
def test_a_ring_has_as_many_places_as_envoys(
    weights: tuple[float, ...], least: int, most: int, shares: list[int]
) -> None:
    """The lightest has a whole number, at least `least` are dealt in all and at most `most`."""
    _, owners = ring(keys(len(weights)), weights, least, most)
    counted = Counter(owners)
    assert [counted[at] for at in range(len(weights))][: len(shares)] == shares
    assert len(owners) == sum(shares)


@given(st.integers(0, 2**64 - 1), st.integers(1, 5))
def test_a_hash_belongs_to_the_next_place(value: int, count: int) -> None:
    """The first place at or behind a hash has it, the first of all behind the last."""
    table = build(equal(count, RingSize(4, 100)))
    assert table.hashes is not None
    behind = [at for at, place in enumerate(table.hashes) if place >= value]
    assert finder(table)(value) == table.owners[behind[0] if behind else 0]


def test_the_ends_of_the_ring_meet() -> None:
    """A hash at a place is that place's, one more is the next one's, and behind the last comes the first."""
    table = build(equal(3, RingSize(9, 9)))
    assert table.hashes is not None
    find = finder(table)
    assert [find(place) for place in table.hashes] == list(table.owners)
    assert find(table.hashes[-1] + 1) == find(0) == table.owners[0]
    assert find(table.hashes[0] + 1) == table.owners[1]


# --- maglev ------------------------------------------------------------------------------------------


def _naive(names: tuple[str, ...], weights: tuple[float, ...], size: int) -> list[int]:
    """Fill a table as the paper's listing 1 does, with Envoy's weights."""
    order = sorted(range(len(names)), key=lambda at: names[at])
    rows = {}
    for at in order:
        offset = xxh64_intdigest(names[at].encode(), 0) % size
        skip = xxh64_intdigest(names[at].encode(), 1) % (size - 1) + 1
        rows[at] = iter([(offset + j * skip) % size for j in range(size)])
    table, targets, turn = [-1] * size, dict.fromkeys(order, 0.0), 0
    while True:
        turn += 1
        for at in order:
            if turn * weights[at] < targets[at]:
                continue
            targets[at] += max(weights)
            table[next(place for place in rows[at] if table[place] < 0)] = at
            if min(table) >= 0:
                return table


@given(st.lists(st.integers(1, 9), min_size=1, max_size=6), st.sampled_from([7, 31, 101]))
def test_places_are_taken_as_in_the_paper(weights: list[int], size: int) -> None:
    """Endpoints in the order of their keys take the next free place of their permutations, lighter ones less often."""
    names = keys(len(weights))[::-1]
    parts = tuple(weight / sum(weights) for weight in weights)
    assert list(fill(names, parts, size)) == _naive(names, parts, size)


def test_a_table_is_shared_evenly_or_by_weight() -> None:
    """Of equal endpoints no two differ by more than one place; weights 3 and 1 have three quarters and one."""
    counted = Counter(fill(keys(7), (1 / 7,) * 7))
    assert sum(counted.values()) == TABLE_SIZE
    assert max(counted.values()) - min(counted.values()) <= 1
    weighed = Counter(fill(keys(2), (0.75, 0.25)))
    assert weighed[0] / weighed[1] == pytest.approx(3, rel=0.001)


# --- both --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [None, RING])
def test_few_keys_move_when_an_endpoint_leaves(size: RingSize | None) -> None:
    """All keys of the one that left move; of the others none on a ring, and few of a hundred in Maglev's table."""
    before, after = finder(build(equal(10, size))), finder(build(equal(9, size)))
    values = [xxh64_intdigest(str(number).encode()) for number in range(20_000)]
    stayed = [value for value in values if before(value) != 9]
    assert len(stayed) / len(values) == pytest.approx(0.9, abs=0.03)
    moved = sum(before(value) != after(value) for value in stayed)
    assert moved <= (0.05 * len(stayed) if size is None else 0.14 * len(stayed))


@pytest.mark.parametrize("kind", HASHED)
def test_the_same_hash_finds_the_same_endpoint(kind: BalancerKind) -> None:
    """Whatever the order of endpoints and the worker; without a hash a draw finds one."""
    one, other = Scene(plain(kind), A, B, C, D), Scene(plain(kind), D, B, A, C, seed=2)
    values = [xxh64_intdigest(str(number).encode()) for number in range(500)]
    found = [one.balancer.pick((), value) for value in values]
    assert found == [other.balancer.pick((), value) for value in values]
    assert set(found) == {A, B, C, D}
    assert set(one.picks(200)) == {A, B, C, D}


@pytest.mark.parametrize("kind", HASHED)
def test_ill_endpoints_leave_the_table(kind: BalancerKind) -> None:
    """Keys of one that is ill go to others, the others' stay, and all are back when it is healthy."""
    scene = Scene(plain(kind), A, B, C, D)
    values = [xxh64_intdigest(str(number).encode()) for number in range(300)]
    before = [scene.balancer.pick((), value) for value in values]
    scene.fail(A)
    during = [scene.balancer.pick((), value) for value in values]
    assert set(during) == {B, C, D}
    same = sum(old == new for old, new in zip(before, during, strict=True) if old != A)
    assert same >= 0.9 * sum(old != A for old in before)
    scene.heal(A)
    assert [scene.balancer.pick((), value) for value in values] == before


def test_a_ring_without_places_finds_nobody() -> None:
    """A ring of size 0 is what Envoy makes of `minimumRingSize: 0`: nothing can be picked."""
    assert Scene(plain(BalancerKind.RING_HASH, minimum_ring_size=0), A, B).picks(2) == {None: 2}


# --- keys and weights --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("endpoint", "hostname", "wanted"),
    [
        (Endpoint("10.0.0.1", 80), False, "10.0.0.1:80"),
        (Endpoint("::1", 80), False, "[::1]:80"),
        (Endpoint("10.0.0.1", 80, hostname="a.example"), False, "10.0.0.1:80"),
        (Endpoint("10.0.0.1", 80, hostname="a.example"), True, "a.example"),
        (Endpoint("10.0.0.1", 80), True, "10.0.0.1:80"),
        (Endpoint("10.0.0.1", 80, (("hash_key", "own"),), hostname="a.example"), True, "own"),
    ],
)
def test_endpoints_are_known_by_address(endpoint: Endpoint, hostname: bool, wanted: str) -> None:
    """Or by their host name where that is asked for, or by a label `hash_key`, as in Envoy."""
    assert key_of(endpoint, use_hostname=hostname) == wanted


def test_a_plan_has_all_a_table_depends_on() -> None:
    """Keys, weights that sum to 1, and the size of a ring."""
    heavy = replace(A, weight=3, hostname="a.example")
    level = Level((heavy, B), (heavy, B))
    config = LoadBalancer(
        BalancerKind.RING_HASH, minimum_ring_size=5, maximum_ring_size=9, use_hostname_for_hashing=True
    )
    assert plan_of(level, level.hosts, config) == (
        (heavy, B),
        TablePlan(("a.example", "127.0.0.1:2"), (0.75, 0.25), RingSize(5, 9)),
    )
    maglev = LoadBalancer(BalancerKind.MAGLEV)
    assert plan_of(level, (B,), maglev) == ((B,), TablePlan(("127.0.0.1:2",), (1.0,), None))


def test_weights_of_localities_divide_a_table() -> None:
    """Each locality has its part among all of the level's, and shares it by the weights of its endpoints."""
    near, far, none = Locality("a"), Locality("b"), Locality("c")
    one = replace(A, locality=near, locality_weight=3)
    two = replace(B, locality=far, locality_weight=1, weight=2)
    three = replace(C, locality=far, locality_weight=1)
    four = replace(D, locality=none)
    level = Level((one, two, three, four), (one, two, three, four))
    standing, parts = hash_weights(level, level.hosts, by_locality=True)
    assert standing == (one, two, three)
    assert parts == pytest.approx((0.75, 0.25 * 2 / 3, 0.25 / 3))
    assert hash_weights(level, (two,), by_locality=True) == ((two,), (0.25,))
    assert hash_weights(level, (one, four), by_locality=False) == ((one, four), (0.5, 0.5))


def test_without_weights_of_localities_nobody_stands_in_the_table() -> None:
    """Where localities are weighed and none weighs anything, Envoy's hashes find nobody."""
    assert Scene(plain(BalancerKind.MAGLEV, locality_weighted=True), A, B).picks(1) == {None: 1}


# --- tables made elsewhere ---------------------------------------------------------------------------


class Elsewhere:
    """Builds when told to."""

    def __init__(self) -> None:
        self.asked: list[tuple[TablePlan, Install]] = []

    def __call__(self, plan: TablePlan, install: Install) -> None:
        self.asked.append((plan, install))

    def finish(self) -> None:
        for plan, install in self.asked:
            install(build(plan))
        self.asked = []


def _cluster(kind: BalancerKind) -> Cluster:
    return Cluster("echo", ClusterType.STATIC, balancer=LoadBalancer(kind))


SUBSETS = SubsetConfig((SubsetSelector(("version",)),))
V1, OTHER = (Endpoint("127.0.0.1", port, (("version", "v1"),)) for port in (1, 2))
VALUES = [xxh64_intdigest(str(number).encode()) for number in range(200)]


@pytest.mark.parametrize("kind", HASHED)
def test_until_there_is_a_table_requests_are_spread(kind: BalancerKind) -> None:
    """The first table is asked for once; meanwhile a hash finds an endpoint by its remainder, and a draw one too."""
    elsewhere, at_once = Elsewhere(), Scene(plain(kind), A, B, C)
    balancer = Balancer(endpoint_set(_cluster(kind), (A, B, C)), lambda: 5, lambda: 0.0, elsewhere)
    assert [balancer.pick((), value) for value in range(3)] == [A, B, C]
    assert balancer.pick(()) == C
    balancer.health_changed()
    balancer.pick((), 0)
    balancer.update(balancer.endpoints)
    balancer.pick((), 0)
    assert len(elsewhere.asked) == 1
    elsewhere.finish()
    found = [balancer.pick((), value) for value in VALUES]
    assert found == [at_once.balancer.pick((), value) for value in VALUES]
    assert elsewhere.asked == []


@pytest.mark.parametrize("kind", HASHED)
def test_the_old_table_serves_until_the_new_one_is_there(kind: BalancerKind) -> None:
    """Keys stay where they are; only those of who is gone are stood in for, by who is there now."""
    elsewhere = Elsewhere()
    balancer = Balancer(endpoint_set(_cluster(kind), (A, B, C)), lambda: 5, lambda: 0.0, elsewhere)
    balancer.pick(())
    elsewhere.finish()
    before = [balancer.pick((), value) for value in VALUES]
    newer = replace(B, pod="renamed")
    balancer.update(endpoint_set(_cluster(kind), (newer, C, D)))
    during = [balancer.pick((), value) for value in VALUES]
    for old, new, value in zip(before, during, VALUES, strict=True):
        assert new == {A: (newer, C, D)[value % 3], B: newer, C: C}[old]  # type: ignore[index]
    assert balancer.pick(()) in {newer, C, D}
    elsewhere.finish()
    after = [balancer.pick((), value) for value in VALUES]
    at_once = Scene(plain(kind), newer, C, D).balancer
    assert after == [at_once.pick((), value) for value in VALUES]


def test_a_table_that_is_no_longer_wanted_is_dropped() -> None:
    """What is finished late, after endpoints changed again or the subset went, is not served."""
    elsewhere, kind = Elsewhere(), BalancerKind.MAGLEV
    balancer = Balancer(endpoint_set(_cluster(kind), (A, B)), lambda: 5, lambda: 0.0, elsewhere)
    balancer.pick(())
    ((late_plan, late),) = elsewhere.asked
    balancer.update(endpoint_set(_cluster(kind), (C, D)))
    balancer.pick(())
    late(build(late_plan))
    assert [balancer.pick((), value) for value in (0, 1)] == [C, D]
    elsewhere.finish()
    assert {balancer.pick((), value) for value in VALUES} == {C, D}


def test_going_back_to_the_table_that_serves_asks_for_none() -> None:
    """An endpoint that was ill for less time than a table takes changes nothing in the end."""
    elsewhere, kind = Elsewhere(), BalancerKind.MAGLEV
    balancer = Balancer(endpoint_set(_cluster(kind), (A, B, C)), lambda: 5, lambda: 0.0, elsewhere)
    balancer.pick(())
    elsewhere.finish()
    before = [balancer.pick((), value) for value in VALUES]
    balancer.health["127.0.0.1", 1].active_failed = True
    balancer.health_changed()
    assert {balancer.pick((), value) for value in VALUES} == {B, C}
    balancer.health["127.0.0.1", 1].active_failed = False
    balancer.health_changed()
    assert [balancer.pick((), value) for value in VALUES] == before
    elsewhere.finish()
    assert [balancer.pick((), value) for value in VALUES] == before


def test_a_table_that_is_there_at_once_changes_nothing_else() -> None:
    """Only one that comes later is told of: whoever asks for a table picks from it already."""
    told: list[bool] = []
    level, config = Level((A, B), (A, B)), LoadBalancer(BalancerKind.MAGLEV)
    at_once = Tables(build_at_once, lambda: told.append(True))
    assert at_once.picker(("all", 0), level, (A, B), config, lambda: 0)(0) in {A, B}
    assert told == []
    elsewhere = Elsewhere()
    later = Tables(elsewhere, lambda: told.append(True))
    later.picker(("all", 0), level, (A, B), config, lambda: 0)
    elsewhere.finish()
    assert told == [True]


def test_tables_of_subsets_that_are_gone_are_forgotten() -> None:
    """A subset that comes back asks anew, and what was being made for it is dropped."""
    elsewhere = Elsewhere()
    cluster = replace(_cluster(BalancerKind.MAGLEV), subsets=SUBSETS)
    endpoints = endpoint_set(cluster, (V1, OTHER))
    balancer = Balancer(endpoints, lambda: 5, lambda: 0.0, elsewhere)
    balancer.pick(V1.metadata)
    (_, late) = elsewhere.asked.pop()
    balancer.update(endpoint_set(cluster, ()))
    late(Table(fill(("a",), (1.0,))))
    balancer.update(endpoints)
    balancer.pick(V1.metadata)
    assert len(elsewhere.asked) == 1
    elsewhere.finish()
    balancer.update(endpoint_set(cluster, ()))
    balancer.update(endpoints)
    balancer.pick(V1.metadata)
    assert len(elsewhere.asked) == 1

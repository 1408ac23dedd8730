"""Whose turn it is, in each subset."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import count

import pytest

from edgesim.balancing import Balancer, address_of, build_at_once, endpoint_set
from edgesim.balancing.hashing import Install
from edgesim.balancing.tables import TablePlan
from edgesim.model import (
    BalancerKind,
    Cluster,
    ClusterType,
    Endpoint,
    FallbackPolicy,
    LoadBalancer,
    Locality,
    SlowStart,
    Subset,
    SubsetConfig,
    SubsetSelector,
)
from tests.balancing.scenes import A, B, C, D, Scene, plain

X: Subset = (("version", "x"),)


def _among(*endpoints: Endpoint, start: int = 0) -> Balancer:
    return Balancer(endpoint_set(plain(), endpoints), lambda: start, lambda: 0.0)


# --- round robin -------------------------------------------------------------------------------------


def test_endpoints_take_turns() -> None:
    """Each is picked once a round, wherever it begins."""
    balancer = _among(A, B, C, start=41)
    picked = [balancer.pick(()) for _ in range(6)]
    assert picked[:3] == picked[3:]
    assert set(picked) == {A, B, C}


def test_turns_are_taken_in_the_order_of_the_schedule() -> None:
    """The turn moves on by one before each pick."""
    balancer = _among(A, B, C)
    assert [balancer.pick(()) for _ in range(4)] == [B, C, A, B]


def test_of_none_none_is_picked() -> None:
    """Without endpoints there is nothing to pick, in any subset or anywhere, and nothing is healthy."""
    balancer = _among()
    assert balancer.pick(()) is None
    assert balancer.pick((("version", "v1"),)) is None
    assert balancer.pick_anyone() is None
    assert not balancer.has_healthy(())


def test_weights_give_exact_shares() -> None:
    """In one round of a weighted round robin each endpoint has the turns it weighs."""
    heavy = replace(A, weight=3)
    assert Scene(plain(), heavy, B).picks(4) == {heavy: 3, B: 1}


def _cluster(*keys: str, fallback: FallbackPolicy = FallbackPolicy.ANY_ENDPOINT, single: bool = False) -> Cluster:
    return Cluster("echo", ClusterType.STATIC, subsets=SubsetConfig((SubsetSelector(keys, single),), fallback))


V1, V2, OTHER_V1 = (
    Endpoint("127.0.0.1", port, (("version", version),)) for port, version in enumerate(("1", "2", "1"))
)
SUBSET_1, SUBSET_2, NO_SUBSET = V1.metadata, V2.metadata, (("version", "3"),)


def test_each_subset_has_its_own_turns() -> None:
    """A pick in one subset moves no other on, and a rotation begins where it is drawn, once for each."""
    starts = count(10)
    cluster = _cluster("version")
    balancer = Balancer(endpoint_set(cluster, (V1, V2, OTHER_V1)), lambda: next(starts), lambda: 0.0)
    assert [balancer.pick(SUBSET_1) for _ in range(3)] == [OTHER_V1, V1, OTHER_V1]
    assert [balancer.pick(SUBSET_2) for _ in range(2)] == [V2, V2]
    assert [balancer.pick(()) for _ in range(2)] == [V1, V2]
    assert next(starts) == 12


def test_all_that_falls_back_takes_the_same_turns() -> None:
    """An empty subset, an unknown one and none share the turns of the fallback, as in Envoy."""
    balancer = Balancer(endpoint_set(_cluster("version"), (V1, V2, OTHER_V1)), lambda: 0, lambda: 0.0)
    assert [balancer.pick(each) for each in ((), NO_SUBSET, (("team", "a"),))] == [V2, OTHER_V1, V1]


def test_turns_outlive_the_endpoints() -> None:
    """Other endpoints are picked from at once, where the round stood; a subset that was gone begins anew."""
    starts = iter((0, 7))
    balancer = Balancer(endpoint_set(_cluster("version"), (V1, OTHER_V1)), lambda: next(starts), lambda: 0.0)
    assert balancer.pick(SUBSET_1) == OTHER_V1
    balancer.update(endpoint_set(_cluster("version"), (V1, OTHER_V1, V2)))
    assert balancer.pick(SUBSET_1) == V1
    balancer.update(endpoint_set(_cluster("version"), (V2,)))
    balancer.update(endpoint_set(_cluster("version"), (V1, OTHER_V1)))
    assert balancer.pick(SUBSET_1) == V1


def test_a_reload_may_ask_for_another_balancer() -> None:
    """What picks changes with the endpoint set; records of health stay."""
    scene = Scene(plain(), A, B)
    scene.under_way(A, 1)
    scene.cluster = plain(BalancerKind.LEAST_REQUEST, choice_count=40)
    scene.update(A, B)
    assert scene.picks(20) == {B: 20}


# --- subsets -----------------------------------------------------------------------------------------


def test_one_endpoint_of_a_single_host_subset_is_picked_whatever_its_health() -> None:
    """With singleHostPerSubset the first of the first priority has all requests, ill or not, as in Envoy."""
    late = replace(V1, priority=1)
    scene = Scene(_cluster("version", single=True), late, OTHER_V1, replace(OTHER_V1, port=9), V2)
    scene.fail(OTHER_V1)
    assert scene.picks(5, SUBSET_1) == {OTHER_V1: 5}


def test_ill_endpoints_make_no_subset_fall_back() -> None:
    """A subset whose endpoints are all ill is in a panic of its own: they are picked all the same."""
    scene = Scene(_cluster("version"), V1, V2, OTHER_V1)
    scene.fail(V1, OTHER_V1)
    assert scene.picks(4, SUBSET_1) == {V1: 2, OTHER_V1: 2}
    assert not scene.balancer.has_healthy(SUBSET_1)
    assert scene.balancer.has_healthy(SUBSET_2)


def test_nothing_falls_back_without_a_policy_for_it() -> None:
    """With NO_FALLBACK a request without a subset finds nobody, and yet anyone can be asked for."""
    scene = Scene(_cluster("version", fallback=FallbackPolicy.NO_FALLBACK), V1, V2)
    assert scene.picks(2, NO_SUBSET) == {None: 2}
    assert scene.picks(2) == {None: 2}
    assert not scene.balancer.has_healthy(NO_SUBSET)
    assert not scene.balancer.has_healthy(())
    assert {scene.balancer.pick_anyone() for _ in range(2)} == {V1, V2}


def test_a_subset_has_nobody_healthy_though_it_falls_back() -> None:
    """Whether a subset has a healthy endpoint is asked of itself, not of what its requests fall back to."""
    scene = Scene(_cluster("version"), V1)
    assert scene.picks(1, NO_SUBSET) == {V1: 1}
    assert not scene.balancer.has_healthy(NO_SUBSET)
    assert scene.balancer.has_healthy(())


def test_what_a_cluster_without_subsets_is_asked_for_does_not_matter() -> None:
    """A subset asked of a cluster that has none is healthy while an endpoint is, by what is known at the time."""
    scene = Scene(plain(), A, B)
    assert scene.balancer.has_healthy(SUBSET_1)
    assert scene.balancer.has_healthy(SUBSET_1)
    scene.fail(A)
    assert scene.balancer.has_healthy(SUBSET_1)
    scene.fail(B, active=False)
    assert not scene.balancer.has_healthy(SUBSET_1)


# --- health ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("active", [True, False])
def test_ill_endpoints_are_left_out(active: bool) -> None:
    """One that fails its checks or is ejected gets nothing until it is healthy again."""
    scene = Scene(plain(), A, B, C)
    scene.fail(B, active=active)
    assert scene.picks(4) == {A: 2, C: 2}
    scene.heal(B)
    assert scene.picks(3) == {A: 1, B: 1, C: 1}


def test_picks_in_a_panic_are_counted() -> None:
    """Each of them once, over other endpoints; not while enough are healthy, nor where there is nobody to pick."""
    scene = Scene(plain(), A, B, C)
    scene.picks(4)
    assert scene.balancer.panics == 0
    scene.fail(A, B)
    scene.picks(3)
    assert scene.balancer.panics == 3
    scene.update(D)
    scene.picks(2)
    assert scene.balancer.panics == 3
    scene.update()
    assert scene.picks(2) == {None: 2}
    assert scene.balancer.panics == 3


@pytest.mark.parametrize(
    ("fallback", "subset", "panics"),
    [
        (None, (), 1),
        (None, X, 1),
        (FallbackPolicy.ANY_ENDPOINT, X, 1),
        (FallbackPolicy.DEFAULT_SUBSET, X, 1),
        (FallbackPolicy.NO_FALLBACK, X, 0),
        (FallbackPolicy.NO_FALLBACK, (), 0),
    ],
)
def test_a_request_for_nobody_is_a_panic(fallback: FallbackPolicy | None, subset: Subset, panics: int) -> None:
    """As in Envoy, where there is nobody to fall back to; not where a subset is not to fall back at all."""
    cut = None if fallback is None else SubsetConfig((SubsetSelector(("version",)),), fallback, X)
    scene = Scene(replace(plain(), subsets=cut))
    assert scene.balancer.pick(subset) is None
    scene.balancer.missed(subset)
    assert scene.balancer.panics == panics


def test_what_falls_back_is_counted() -> None:
    """Only where there are subsets, and somebody is found."""
    found = replace(A, metadata=X)
    for fallback, picked in ((FallbackPolicy.ANY_ENDPOINT, 2), (FallbackPolicy.NO_FALLBACK, 0)):
        scene = Scene(replace(plain(), subsets=SubsetConfig((SubsetSelector(("version",)),), fallback)), found, B)
        for subset in (X, (("version", "y"),), ()):
            scene.balancer.pick(subset)
        assert scene.balancer.fallbacks == picked
    plainly = Scene(plain(), A)
    plainly.balancer.pick(X)
    assert plainly.balancer.fallbacks == 0


def test_a_miss_is_no_panic_where_there_is_somebody_or_never_one() -> None:
    """Who was there and not picked (the table is empty, say) makes no panic, nor does anything at a threshold of 0."""
    for scene in (Scene(plain(), A), Scene(plain(panic_threshold=0.0))):
        scene.balancer.missed(())
        assert scene.balancer.panics == 0


def test_a_table_that_is_asked_for_ahead_is_no_pick() -> None:
    """A panic is not counted for it; the table is there before anybody picks, where there is one at all."""
    built: list[TablePlan] = []

    def build(plan: TablePlan, install: Install) -> None:
        built.append(plan)
        build_at_once(plan, install)

    for kind, tables in ((BalancerKind.MAGLEV, 1), (BalancerKind.RING_HASH, 1), (BalancerKind.RANDOM, 0)):
        balancer = Balancer(endpoint_set(plain(kind), (A, B)), lambda: 0, lambda: 0.0, build)
        for endpoint in (A, B):
            balancer.health[address_of(endpoint)].active_failed = True
        balancer.prepare()
        assert (len(built), balancer.panics) == (tables, 0)
        assert balancer.pick((), 1) is not None
        assert (len(built), balancer.panics) == (tables, 1)
        built.clear()


def test_a_panic_asks_for_the_same_hash() -> None:
    """What is picked by a hash is so in a panic, too."""
    scene = Scene(plain(BalancerKind.MAGLEV), A, B, C)
    scene.fail(A, B, C)
    assert [scene.balancer.pick((), key) for key in range(9)] == [scene.balancer.pick((), key) for key in range(9)]


def test_in_a_panic_health_is_ignored() -> None:
    """Below half of them healthy all are picked; a threshold of 0 never panics, and then nobody may be left."""
    scene = Scene(plain(), A, B, C)
    scene.fail(A, B)
    assert scene.picks(3) == {A: 1, B: 1, C: 1}
    calm = Scene(plain(panic_threshold=0.0), A, B, C)
    calm.fail(A, B)
    assert calm.picks(3) == {C: 3}
    calm.fail(C)
    assert calm.picks(1) == {None: 1}
    assert {calm.balancer.pick_anyone() for _ in range(3)} == {A, B, C}
    calm.heal(A)
    assert {calm.balancer.pick_anyone() for _ in range(3)} == {A}


def test_anyone_is_as_calm_as_the_cluster_while_somebody_is_healthy() -> None:
    """What stands in for an empty subset keeps to the cluster's panic threshold."""
    scene = Scene(plain(panic_threshold=40.0), A, B, C)
    scene.fail(A, B)
    assert {scene.balancer.pick_anyone() for _ in range(6)} == {A, B, C}
    scene.heal(B)
    assert {scene.balancer.pick_anyone() for _ in range(6)} == {B, C}


def test_one_healthy_endpoint_of_many_is_anyone() -> None:
    """Without a panic threshold the ill are picked only where nobody at all is healthy."""
    many = [Endpoint("10.0.0.1", port) for port in range(100)]
    scene = Scene(plain(panic_threshold=0.0), *many)
    scene.fail(*many[1:])
    assert {scene.balancer.pick_anyone() for _ in range(5)} == {many[0]}


def test_turns_of_anyone_outlive_the_endpoints() -> None:
    """As those of subsets do."""
    scene = Scene(plain(), A, B)
    first = scene.balancer.pick_anyone()
    scene.update(A, B)
    assert {first, scene.balancer.pick_anyone()} == {A, B}


def test_anyone_is_found_by_hash_too() -> None:
    """Where requests are hashed, the same one stands in for a request each time."""
    scene = Scene(plain(BalancerKind.MAGLEV), A, B, C, D)
    for value in range(40):
        assert scene.balancer.pick_anyone(value) == scene.balancer.pick((), value)


def test_records_follow_the_endpoints() -> None:
    """A record stays while its address does, whatever else changes about the endpoint; a new address begins healthy."""
    scene = Scene(plain(), A, B)
    scene.fail(A)
    scene.update(replace(A, weight=5), C)
    health = scene.balancer.health
    assert set(health) == {("127.0.0.1", 1), ("127.0.0.1", 3)}
    assert not health["127.0.0.1", 1].healthy
    fresh = health["127.0.0.1", 3]
    assert (fresh.active_failed, fresh.ejected_until, fresh.ejections, fresh.active) == (False, None, 0, 0)
    assert fresh.healthy
    assert fresh.healthy_since == scene.now
    scene.update(C)
    scene.update(A, C)
    assert health["127.0.0.1", 1].healthy


# --- priorities --------------------------------------------------------------------------------------


def _priorities(kind: BalancerKind = BalancerKind.ROUND_ROBIN) -> tuple[Scene, list[Endpoint], list[Endpoint]]:
    first = [Endpoint("10.0.0.1", port) for port in range(10)]
    second = [Endpoint("10.0.0.2", port, priority=1) for port in range(10)]
    return Scene(plain(kind), *first, *second), first, second


def test_the_first_priority_is_served_alone_while_it_can() -> None:
    """As long as 1.4 times its healthy part is all of it, the next one gets nothing."""
    scene, first, _ = _priorities()
    scene.fail(*first[:2])
    assert set(scene.picks(100)) == set(first[2:])


@pytest.mark.parametrize("kind", [BalancerKind.ROUND_ROBIN, BalancerKind.RANDOM, BalancerKind.RING_HASH])
def test_the_next_priority_gets_what_the_first_cannot_take(kind: BalancerKind) -> None:
    """With half of the first healthy, it takes 70 per cent, and the second the rest."""
    scene, first, second = _priorities(kind)
    scene.fail(*first[:5])
    picked = scene.picks(4000)
    assert set(picked) <= {*first[5:], *second}
    assert sum(picked[each] for each in second) == pytest.approx(1200, abs=120)


def test_hashes_choose_the_priority_too() -> None:
    """With a hash the last two digits say which priority takes it: the same request goes the same way."""
    scene, first, second = _priorities(BalancerKind.MAGLEV)
    scene.fail(*first[:5])
    for value in (0, 69, 12_369):
        assert scene.balancer.pick((), value) in first[5:]
    for value in (70, 99, 12_399):
        assert scene.balancer.pick((), value) in second
    for value in range(40):
        assert len({scene.balancer.pick((), value) for _ in range(3)}) == 1


def test_turns_of_priorities_do_not_take_hashes() -> None:
    """A round robin draws the priority, whatever a request's hash is."""
    scene, first, second = _priorities()
    scene.fail(*first[:5])
    assert {scene.balancer.pick((), 0) in second for _ in range(40)} == {True, False}


# --- localities --------------------------------------------------------------------------------------

NEAR, FAR = Locality("eu", "a"), Locality("eu", "b")


def _localities(near: int, far: int) -> tuple[Scene, list[Endpoint], list[Endpoint]]:
    here = [Endpoint("10.0.0.1", port, locality=NEAR, locality_weight=near) for port in range(2)]
    there = [Endpoint("10.0.0.2", port, locality=FAR, locality_weight=far) for port in range(6)]
    return Scene(plain(locality_weighted=True), *here, *there), here, there


def test_localities_share_by_their_weights() -> None:
    """However many endpoints there are in each, a locality gets what it weighs; inside it turns are taken."""
    scene, here, there = _localities(3, 1)
    picked = scene.picks(240)
    assert [picked[each] for each in here] == [pytest.approx(90, abs=2)] * 2
    assert [picked[each] for each in there] == [pytest.approx(10, abs=2)] * 6


def test_a_locality_weighs_less_as_it_falls_ill() -> None:
    """With half of it healthy a locality keeps 70 per cent of its weight; the other gets the rest."""
    scene, here, there = _localities(1, 1)
    scene.fail(here[0])
    picked = scene.picks(1700)
    assert picked[here[1]] == pytest.approx(700, abs=3)
    assert sum(picked[each] for each in there) == pytest.approx(1000, abs=3)


def test_a_locality_may_be_one_endpoint() -> None:
    """It has its share alone."""
    near, far = replace(A, locality=NEAR, locality_weight=3), replace(B, locality=FAR, locality_weight=1)
    assert Scene(plain(locality_weighted=True), near, far).picks(40) == {near: 30, far: 10}


def test_weights_of_localities_act_where_they_are_asked_for() -> None:
    """In a panic, without any weight, with subsets, or without locality_weighted, all endpoints take turns as one."""
    scene, here, there = _localities(3, 1)
    scene.fail(*there)
    assert set(scene.picks(8).values()) == {1}
    assert set(_localities(0, 0)[0].picks(8).values()) == {1}
    flat = plain()
    assert set(Scene(flat, *here, *there).picks(8).values()) == {1}
    cut = replace(scene.cluster, subsets=SubsetConfig((SubsetSelector(("version",)),)))
    assert set(Scene(cut, *here, *there).picks(8).values()) == {1}


# --- least request and random ------------------------------------------------------------------------


def test_the_least_busy_of_those_drawn_is_picked() -> None:
    """With two choices of two endpoints the busy one is picked only where both draws name it."""
    scene = Scene(plain(BalancerKind.LEAST_REQUEST), A, B)
    scene.under_way(A, 1)
    assert scene.picks(4000)[A] == pytest.approx(1000, abs=150)


def test_of_equally_busy_ones_the_first_drawn_is_picked() -> None:
    """A draw decides between equals, and more choices find the least busy more surely."""
    draws = iter((1, 0, 0, 1))
    balancer = Balancer(endpoint_set(plain(BalancerKind.LEAST_REQUEST), (A, B)), lambda: next(draws), lambda: 0.0)
    assert [balancer.pick(()) for _ in range(2)] == [B, A]
    scene = Scene(plain(BalancerKind.LEAST_REQUEST, choice_count=5), A, B, C, D)
    for endpoint in (A, B, C):
        scene.under_way(endpoint, 1)
    assert scene.picks(1000)[D] == pytest.approx(1000 * (1 - 0.75**5), abs=60)


def test_weights_of_least_request_are_divided_by_what_is_under_way() -> None:
    """With weights 2 and 1 shares are 2 to 1 while idle, and 1 to 1 with one request under way at the heavy one."""
    heavy = replace(A, weight=2)
    scene = Scene(plain(BalancerKind.LEAST_REQUEST), heavy, B)
    assert scene.picks(300) == {heavy: pytest.approx(200, abs=1), B: pytest.approx(100, abs=1)}
    scene.under_way(heavy, 1)
    assert scene.picks(300) == {heavy: pytest.approx(150, abs=2), B: pytest.approx(150, abs=2)}


def test_who_picks_is_made_once() -> None:
    """The first pick of a subset draws where turns begin; later ones go on from there, also of others that fall back."""
    heavy = replace(V1, weight=2)
    cluster = replace(_cluster("version"), balancer=LoadBalancer(BalancerKind.LEAST_REQUEST))
    scene = Scene(cluster, heavy, OTHER_V1)
    scene.picks(5, SUBSET_1)
    assert scene.drawn == 2
    scene.picks(5, NO_SUBSET)
    scene.picks(5)
    assert scene.drawn == 4


def test_random_picks_anybody_whatever_it_weighs() -> None:
    """Envoy's random balancer knows no weights."""
    heavy = replace(A, weight=50)
    picked = Scene(plain(BalancerKind.RANDOM), heavy, B, C).picks(3000)
    assert picked == {each: pytest.approx(1000, abs=120) for each in (heavy, B, C)}


# --- slow start --------------------------------------------------------------------------------------

SLOW = SlowStart(10.0)


@pytest.mark.parametrize("kind", [BalancerKind.ROUND_ROBIN, BalancerKind.LEAST_REQUEST])
def test_a_new_endpoint_starts_slowly(kind: BalancerKind) -> None:
    """At first it gets a tenth of what others get, later as much as it is old, and then all."""
    scene = Scene(plain(kind, slow_start=SLOW), A, B)
    scene.now += 60
    scene.update(A, B, C)
    assert scene.picks(210)[C] == pytest.approx(10, abs=2)
    scene.now += 5
    assert scene.picks(250)[C] == pytest.approx(50, abs=5)
    scene.now += 5
    assert scene.picks(3000)[C] == pytest.approx(1000, abs=120)


def test_recovery_begins_a_slow_start() -> None:
    """An endpoint that was ill starts slowly when it is healthy again; when all are new they are equal."""
    scene = Scene(plain(slow_start=SLOW), A, B)
    assert scene.picks(100) == {A: pytest.approx(50, abs=1), B: pytest.approx(50, abs=1)}
    scene.now += 60
    scene.fail(B)
    assert scene.picks(10) == {A: 10}
    scene.heal(B)
    assert scene.picks(110)[B] == pytest.approx(10, abs=1)


def test_the_ill_do_not_start_slowly() -> None:
    """Who is picked in a panic though ill has its whole weight at once, as in Envoy."""
    scene = Scene(plain(slow_start=SLOW), A, B)
    scene.now += 60
    scene.update(A, B, C)
    scene.fail(A, B, C)
    assert scene.picks(30) == {each: pytest.approx(10, abs=1) for each in (A, B, C)}


def test_turns_are_plain_again_when_nobody_is_new() -> None:
    """After the window the next but one pick is by turns: exact, and without a look at the clock."""
    scene = Scene(plain(slow_start=SLOW), A, B, C)
    scene.picks(5)
    scene.now += SLOW.window
    scene.picks(1)
    scene.balancer.pick(())
    looked = scene.looked
    assert scene.picks(3) == {A: 1, B: 1, C: 1}
    assert scene.looked == looked


def test_a_round_robin_does_not_look_at_load_while_it_is_slow() -> None:
    """Weights are those given, whatever is under way."""
    scene = Scene(plain(slow_start=SLOW), A, B)
    scene.under_way(A, 9)
    assert scene.picks(100) == {A: pytest.approx(50, abs=1), B: pytest.approx(50, abs=1)}


def test_workers_do_not_begin_with_the_same_endpoint() -> None:
    """Where weights differ from pick to pick, who comes first is drawn too."""
    heavy = replace(A, weight=2)

    def firsts() -> Iterator[Endpoint | None]:
        for seed in range(20):
            yield Scene(plain(BalancerKind.LEAST_REQUEST), heavy, B, seed=seed).balancer.pick(())

    assert set(firsts()) == {heavy, B}

"""The benchmark of balancing measures what it says: picks of every kind, and whole tables."""

from __future__ import annotations

from random import Random

import pytest

from bench.balancing import balancer_among, kinds, measure_picks, measure_tables
from edgesim.balancing.maglev import TABLE_SIZE


@pytest.mark.parametrize("name", kinds())
def test_picks_find_different_endpoints(name: str) -> None:
    """Every kind of balancer picks among its endpoints, and only among the healthy ones."""
    (config, make), draws = kinds()[name], Random(1)
    endpoints = [make(number) for number in range(10)]
    balancer = balancer_among(config, endpoints)
    picked = {balancer.pick((), draws.getrandbits(64)) for _ in range(300)}
    assert len(picked) > 4
    assert {each.healthy for each in (balancer.health[one.address, one.port] for one in picked if one)} == {True}
    assert None not in picked


def test_each_kind_is_measured_with_each_number_of_endpoints() -> None:
    """As often as asked for."""
    rows = measure_picks(2, 10, (1, 20))
    assert [(row.name, row.endpoints) for row in rows] == [(name, size) for name in kinds() for size in (1, 20)]
    assert {len(row.microseconds) for row in rows} == {2}


def test_tables_are_made_whole() -> None:
    """A Maglev table has all its places, a ring as many as it is asked for."""
    places = {row.name: row.places for row in measure_tables(1, 20)}
    assert places["Maglev"] == TABLE_SIZE
    assert places["ring hash of 100,000"] == 100_000

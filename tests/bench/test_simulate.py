"""The benchmark of simulated requests measures what it says: requests that are routed, and counted."""

from __future__ import annotations

import numpy as np
import pytest

from bench.simulate import Case, cases, measure
from edgesim.inspect import Tables
from edgesim.simulate.decided import Decided
from edgesim.simulate.drawing import count_outcomes, traffic_of

_CASES = [case for case in cases() if case.population.classes < 10_000 and case.population.users is None]


@pytest.mark.parametrize("case", _CASES, ids=lambda case: case.name)
def test_every_request_finds_a_route(case: Case) -> None:
    """In each case every request is forwarded, and both versions get some."""
    decided = Decided(Tables(case.model), case.population)
    counted = count_outcomes(decided, traffic_of(case.population), np.random.default_rng(1), 20_000)
    assert {outcome.status for outcome in decided.outcomes} == {0}
    assert counted.counts.sum() == 20_000
    assert {dict(outcome.subset)["version"] for outcome in decided.outcomes} == {"v1", "v2"}


def test_a_row_has_each_round() -> None:
    """A case is measured as often as asked for, and the live core beside it."""
    (row,) = measure(_CASES[:1], 2, 1000)
    assert len(row.nanoseconds) == len(row.live) == 2
    assert min(row.live) > 0

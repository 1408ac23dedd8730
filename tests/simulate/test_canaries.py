from __future__ import annotations

from fractions import Fraction

import pytest

from edgesim.model import EdgesimError, Position
from edgesim.simulate.canaries import by_destination, canary_of
from edgesim.simulate.outcomes import Outcome

_V1, _V2 = ((("version", name),) for name in ("v1", "v2"))


def _outcome(cluster: str, subset: tuple[tuple[str, str], ...], share: str = "1", target: int = 0) -> Outcome:
    return Outcome("host", 1, "", cluster, subset, 0, Fraction(share), target)


_SPLIT = (
    _outcome("echo", _V2, target=0),
    _outcome("echo", _V1, "19/20", 1),
    _outcome("echo", _V2, "1/20", 1),
    _outcome("other", (), target=3),
)
_EXACT = (0.1, 0.76, 0.04, 0.1)


def test_the_most_exact_name_wins() -> None:
    """A destination has the model of its whole name, else of its subset's value, else of its cluster."""
    found = by_destination({"echo": 1, "v2": 2, "other": 3}, _SPLIT)
    assert found == {"echo version=v2": 2, "echo version=v1": 1, "other": 3}
    assert by_destination({"echo version=v2": 4, "version=v2": 5}, _SPLIT) == {"echo version=v2": 4}


def test_a_name_of_none() -> None:
    """A name that no destination has is told with its place and the nearest that there is."""
    with pytest.raises(EdgesimError) as raised:
        by_destination({"eho": 1}, _SPLIT, {"eho": Position("population.yaml", 2, 3)})
    (problem,) = raised.value.problems
    assert (problem.code, problem.hint, str(problem.position)) == (
        "ES1102",
        "did you mean `echo`?",
        "population.yaml:2:3",
    )


def test_the_smallest_part_is_the_canary() -> None:
    """Without a name the smallest arm of a split is the canary; its rate is that of the split's route alone."""
    found = canary_of("", _SPLIT, _EXACT)
    assert (found.name, found.destinations, found.others) == (
        "v2",
        frozenset({"echo version=v2"}),
        frozenset({"echo version=v1"}),
    )
    assert found.share == pytest.approx(0.8)


def test_a_named_canary_that_no_split_has_yet() -> None:
    """Where no split has the canary, what its cluster gets is taken for what would be split."""
    outcomes = (_outcome("echo", _V2), _outcome("echo", _V1, target=1), _outcome("other", (), target=2))
    found = canary_of("v2", outcomes, (0.1, 0.7, 0.2))
    assert found.others == {"echo version=v1"}
    assert found.share == pytest.approx(0.8)


def test_no_canary() -> None:
    """Without a split nothing tells the canary, and a canary alone has nothing beside it."""
    with pytest.raises(EdgesimError, match="--canary"):
        canary_of("", (_outcome("echo", _V1),), (1.0,))
    with pytest.raises(EdgesimError, match="nothing is split"):
        canary_of("v1", (_outcome("echo", _V1),), (1.0,))

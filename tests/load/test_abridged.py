from __future__ import annotations

from dataclasses import replace

from edgesim.load.abridged import abridged, steps
from edgesim.load.scenario import Open, RequestClass, Stage, Variables
from tests.load.driving import constant


def test_a_replay_is_kept_as_steps() -> None:
    """Of its own rates, a hundred at most, with one request of each name and the weight of all of them."""
    requests = (RequestClass("a", path="/1"), RequestClass("b", path="/2"), RequestClass("a", path="/3", weight=2))
    scenario = replace(constant(1), requests=requests, mode=Open((), times=(0.0, 0.5, 2.5), requests=(0, 1, 2)))
    kept = abridged(scenario)
    assert kept.mode == Open((Stage(1, 2, 2), Stage(1, 0, 0), Stage(1, 1, 1)))
    assert [(each.name, each.path, each.weight) for each in kept.requests] == [("a", "/1", 3), ("b", "/2", 1)]
    assert len(steps(Open((), times=(0.0, 86_400.0)))) <= 101


def test_values_of_variables_are_not_kept() -> None:
    """They may be secret; their names are."""
    kept = abridged(replace(constant(1), variables=Variables(("token",), (("secret",),))))
    assert kept.variables == Variables(("token",))
    assert kept.mode == constant(1).mode

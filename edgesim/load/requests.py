"""The requests of a scenario, prepared, and which is next."""

from __future__ import annotations

from bisect import bisect
from itertools import accumulate
from random import Random

from edgesim.load.connection import Prepared
from edgesim.load.recording import Known
from edgesim.load.scenario import Scenario
from edgesim.load.variables import filled, turns
from edgesim.load.wire import written


class Mix:
    """The requests of a scenario, drawn by their weights."""

    def __init__(self, scenario: Scenario, random: Random) -> None:
        """Prepare every class of requests twice: for those that are measured, and for others."""
        self._random = random.random
        self._measured, self._other = _prepared(scenario, random)
        self._bounds = list(accumulate(each.weight for each in scenario.requests))
        self._one = len(scenario.requests) == 1

    def next(self, *, measured: bool) -> Prepared:
        """Return the next request to send."""
        among = self._measured if measured else self._other
        if self._one:
            return among[0]
        bounds = self._bounds
        return among[bisect(bounds, self._random() * bounds[-1], 0, len(bounds) - 1)]

    def at(self, index: int, *, measured: bool) -> Prepared:
        """Return the request of this class."""
        return (self._measured if measured else self._other)[index]


def _prepared(scenario: Scenario, random: Random) -> tuple[list[Prepared], list[Prepared]]:
    """Prepare each request for when it is measured and when not; those of one name share what is known of answers."""
    variables, target = scenario.variables, scenario.target
    turn = turns(variables, random) if variables.rows else None
    both: tuple[list[Prepared], list[Prepared]] = ([], [])
    known: dict[tuple[str, bool, bool], Known] = {}
    for index, each in enumerate(scenario.requests):
        data, made = (written(each, target), None) if turn is None else filled(each, target, variables, turn)
        head = each.method.upper() == "HEAD"
        for prepared, measured in zip(both, (True, False), strict=True):
            one = Prepared(index, each.name, data, head=head, measured=measured, made=made)
            one.known = known.setdefault((each.name, head, measured), one.known)
            prepared.append(one)
    return both

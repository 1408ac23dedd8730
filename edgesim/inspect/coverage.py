"""Which routes tests have reached: every matcher of every route, those of tables reached by delegation included."""

from __future__ import annotations

from dataclasses import dataclass

from edgesim.inspect.conditions import match_text
from edgesim.inspect.steps import Step, Where, own_name, steps
from edgesim.model import Model, Route, VirtualHost
from edgesim.routing import Decision


@dataclass(frozen=True, slots=True)
class Missed:
    """A matcher no request reached; `matcher` counts from 1 among the `matchers` of its route."""

    virtual_host: str
    route: int
    name: str
    matcher: int
    matchers: int
    conditions: str
    origin: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class CoverageReport:
    """How many matchers there are and were reached; without any, all are. `others` counts misses left out here."""

    matchers: int
    reached: int
    percent: float
    missed: tuple[Missed, ...] = ()
    others: int = 0


class Coverage:
    """What was reached so far of a model."""

    def __init__(self, model: Model) -> None:
        """Take the model that is tested."""
        self._model = model
        self._reached: set[tuple[int, int]] = set()

    def reach(self, decision: Decision) -> None:
        """Mark the matcher that took a request."""
        self._reached.add((id(decision.route), id(decision.match)))

    def report(self, where: Where, most: int | None = None) -> CoverageReport:
        """Count, and name the misses with their places, at most so many of them."""
        places = [
            (host, route, index)
            for host in self._model.virtual_hosts
            for route in host.routes
            for index in range(len(route.matches))
        ]
        missed = [place for place in places if not self._is_reached(place[1], place[2])]
        told = missed if most is None else missed[:most]
        reached = len(places) - len(missed)
        percent = round(100 * reached / len(places), 4) if places else 100.0
        return CoverageReport(
            len(places), reached, percent, tuple(_missed(*place, where) for place in told), len(missed) - len(told)
        )

    def _is_reached(self, route: Route, index: int) -> bool:
        return (id(route), id(route.matches[index])) in self._reached


def _missed(host: VirtualHost, route: Route, index: int, where: Where) -> Missed:
    return Missed(
        host.name,
        route.number,
        own_name(route.name),
        index + 1,
        len(route.matches),
        match_text(route.matches[index]),
        steps(route.origin, where),
    )

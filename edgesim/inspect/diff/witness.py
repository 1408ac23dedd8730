"""A request for each class, which is asked of both routers: what is reported can be seen with `edgesim route`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from edgesim.inspect.diff.literals import Known, Literal, Name, name_of, value
from edgesim.inspect.diff.meter import Meter
from edgesim.inspect.diff.outcomes import Outcome
from edgesim.inspect.diff.regions import PathKnown, Region, Territory
from edgesim.inspect.diff.report import Witness
from edgesim.inspect.diff.sides import Pair
from edgesim.inspect.diff.walk import Fact, Leaf
from edgesim.inspect.requests import RequestError, request_head
from edgesim.model import PathMatcher
from edgesim.routing.conditions import METHOD, Condition

_SAID_OTHERWISE = {b":scheme": b"x-forwarded-proto"}
_IN_THE_URL = frozenset((b":authority", b":path", b"host"))


class Witnesses:
    """Finds requests on one listener."""

    def __init__(self, pair: Pair, meter: Meter) -> None:
        """Take both sides, and how much work all of them may be."""
        self._pair = pair
        self._meter = meter

    def find(
        self,
        host: str,
        leaves: Iterable[tuple[Region, Leaf]],
        expected: tuple[Outcome, Outcome],
        territory: Territory,
    ) -> Witness | None:
        """Return a request that is decided as expected on both sides, None where none of those tried is."""
        for region, leaf in leaves:
            try:
                witness = self._made(host, region, leaf.example, territory)
                if witness is not None and self._comes_to(witness, expected):
                    return witness
            except (RequestError, UnicodeError):
                continue  # what a URL or a header line of text cannot say
        return None

    def _made(self, host: str, region: Region, facts: Iterable[Fact], territory: Territory) -> Witness | None:
        known = tuple((fact.ask, fact.holds) for fact in facts if isinstance(fact.ask, PathMatcher))
        path = territory.path(region, _path_known(known), self._meter)
        if path is None:
            return None
        values = dict(_values(facts, self._meter))
        method = values.pop((False, METHOD), b"GET")
        query = "&".join(_parameter(name[1], found) for name, found in values.items() if name[0])
        headers = tuple(
            f"{_text(_SAID_OTHERWISE.get(name[1], name[1]))}: {_text(found)}"
            for name, found in values.items()
            if not name[0] and name[1] not in _IN_THE_URL
        )
        scheme = "https" if self._pair.tls else "http"
        url = f"{scheme}://{host}{_text(path)}" + (f"?{query}" if query else "")
        return Witness(url, _text(method), headers, self._pair.name)

    def _comes_to(self, witness: Witness, expected: tuple[Outcome, Outcome]) -> bool:
        head = request_head(witness.url, witness.method, witness.headers, self._pair.listener.options)
        return (self._pair.before.decide(head).outcome, self._pair.after.decide(head).outcome) == expected


def _path_known(known: PathKnown) -> PathKnown:
    return tuple(sorted(known, key=lambda each: (each[0].kind, each[0].value, each[0].case_sensitive, each[1])))


def _values(facts: Iterable[Fact], meter: Meter) -> Iterator[tuple[Name, bytes]]:
    """Yield a value for each name that must be there."""
    known: dict[Name, Known] = {}
    for fact in facts:
        if isinstance(fact.ask, Condition):
            name = name_of(fact.ask)
            known[name] = (*known.get(name, ()), Literal(fact.ask, fact.holds))
    for name, literals in sorted(known.items()):
        for found in value(tuple(sorted(literals)), meter=meter) or ():
            yield name, found


def _parameter(name: bytes, found: bytes) -> str:
    return f"{_text(name)}={_text(found)}" if found else _text(name)


def _text(data: bytes) -> str:
    return data.decode()

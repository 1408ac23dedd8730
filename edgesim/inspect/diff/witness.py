"""A request for each class, which is asked of both routers: what is reported can be seen with `edgesim route`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import product

from edgesim.inspect.diff.literals import Known, Literal, value
from edgesim.inspect.diff.membership import meets
from edgesim.inspect.diff.meter import Meter
from edgesim.inspect.diff.outcomes import Outcome
from edgesim.inspect.diff.regions import PathKnown, Region, Territory
from edgesim.inspect.diff.report import Witness
from edgesim.inspect.diff.sides import Pair
from edgesim.inspect.diff.walk import Fact, Leaf
from edgesim.inspect.requests import RequestError, request_head
from edgesim.model import PathMatcher
from edgesim.routing import with_pseudo_headers
from edgesim.routing.conditions import HEADER, METHOD, QUERY, Condition, Name

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
        """Return a request that is decided as expected on both sides, None where none of those tried is.

        One of the class itself if there is one; else another that shows the same.
        """
        other = None
        for region, leaf in leaves:
            for witness in self._made(host, region, leaf.example, territory):
                found = self._shows(witness, leaf, expected)
                if found:
                    return witness
                if found is not None and other is None:
                    other = witness
        return other

    def _made(self, host: str, region: Region, facts: Iterable[Fact], territory: Territory) -> Iterator[Witness]:
        known = tuple((fact.ask, fact.holds) for fact in facts if isinstance(fact.ask, PathMatcher))
        path = territory.path(region, _path_known(known), self._meter)
        if path is None:
            return
        values = dict(_values(facts, self._meter))
        try:
            yield from self._written(host, path, values)
        except UnicodeError:
            return  # no text

    def _written(self, host: str, path: bytes, values: dict[Name, bytes]) -> Iterator[Witness]:
        """Yield requests with these values; what is asked of the URL as a header may be the host or target itself."""
        method = values.pop((HEADER, METHOD), b"GET")
        query = "&".join(_parameter(name[1], found) for name, found in values.items() if name[0] == QUERY)
        headers = tuple(
            f"{_text(_SAID_OTHERWISE.get(name[1], name[1]))}: {_text(found)}"
            for name, found in values.items()
            if name[0] == HEADER and name[1] not in _IN_THE_URL
        )
        scheme = "https" if self._pair.tls else "http"
        named = [_text(values[HEADER, name]) for name in (b":authority", b"host") if (HEADER, name) in values]
        targets = [_text(path) + (f"?{query}" if query else ""), *_targets(_text(path), values.get((HEADER, b":path")))]
        for authority, target in product(dict.fromkeys((host, *named)), dict.fromkeys(targets)):
            yield Witness(f"{scheme}://{authority}{target}", _text(method), headers, self._pair.name)

    def _shows(self, witness: Witness, leaf: Leaf, expected: tuple[Outcome, Outcome]) -> bool | None:
        """Tell whether a request has the facts of a leaf, None where it is decided otherwise than they are."""
        try:
            head = request_head(witness.url, witness.method, witness.headers, self._pair.listener.options)
        except (RequestError, UnicodeError):
            return None  # what a URL or a header line of text cannot say
        if (self._pair.before.decide(head).outcome, self._pair.after.decide(head).outcome) != expected:
            return None
        return meets(leaf.facts, (), with_pseudo_headers(head, b"https" if self._pair.tls else b"http"))


def _targets(path: str, asked: bytes | None) -> Iterator[str]:
    """Yield targets that `:path` may be asked to be."""
    if asked is not None:
        found = _text(asked)
        yield from (found,) if found.startswith("/") else (f"{path}?{found.removeprefix('?')}", f"/{found}")


def _path_known(known: PathKnown) -> PathKnown:
    return tuple(sorted(known, key=lambda each: (each[0].kind, each[0].value, each[0].case_sensitive, each[1])))


def _values(facts: Iterable[Fact], meter: Meter) -> Iterator[tuple[Name, bytes]]:
    """Yield a value for each name that must be there."""
    known: dict[Name, Known] = {}
    for fact in facts:
        if isinstance(fact.ask, Condition):
            name = fact.ask.about
            known[name] = (*known.get(name, ()), Literal(fact.ask, fact.holds))
    for name, literals in sorted(known.items()):
        for found in value(tuple(sorted(literals)), meter=meter) or ():
            yield name, found


def _parameter(name: bytes, found: bytes) -> str:
    return f"{_text(name)}={_text(found)}" if found else _text(name)


def _text(data: bytes) -> str:
    return data.decode()

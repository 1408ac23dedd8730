"""Requests as bytes, and which is next."""

from __future__ import annotations

from bisect import bisect
from itertools import accumulate
from random import Random

from edgesim.load.connection import Prepared
from edgesim.load.scenario import RequestClass, Scenario, Target


def written(request: RequestClass, target: Target) -> bytes:
    """Return a request as it goes over the wire; `Host` and `Content-Length` are added where they are not given."""
    given = {name.lower() for name, _ in request.headers}
    fields = list(request.headers)
    if "host" not in given:
        fields.insert(0, ("Host", target.authority))
    if not given & {"content-length", "transfer-encoding"} and (request.body or request.method in {"POST", "PUT"}):
        fields.append(("Content-Length", str(len(request.body))))
    lines = [f"{request.method} {request.path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields)]
    return "".join(f"{line}\r\n" for line in lines).encode("utf-8", "surrogateescape") + b"\r\n" + request.body


class Mix:
    """The requests of a scenario, drawn by their weights."""

    def __init__(self, scenario: Scenario, random: Random) -> None:
        """Prepare every class of requests twice: for those that are measured, and for others."""
        self._random = random.random
        self._measured = _prepared(scenario, measured=True)
        self._other = _prepared(scenario, measured=False)
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


def _prepared(scenario: Scenario, *, measured: bool) -> list[Prepared]:
    return [
        Prepared(
            index, each.name, written(each, scenario.target), head=each.method.upper() == "HEAD", measured=measured
        )
        for index, each in enumerate(scenario.requests)
    ]

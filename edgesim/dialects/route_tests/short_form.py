"""edgesim's own form becomes route tests: each list of a request stands for its items, for every combination."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from itertools import product
from typing import Any

from edgesim.dialects.check import Finding
from edgesim.dialects.gloo.durations import seconds
from edgesim.dialects.resource import FieldPath
from edgesim.dialects.route_tests import schema
from edgesim.dialects.route_tests.shares import share
from edgesim.model.policies import StringMatch, StringMatchKind
from edgesim.model.route_tests import Assertion, Facet, HeaderTest, RouteTestRequest

_LISTS = ("scheme", "host", "path", "method", "random", "listener")
_PLAIN = (
    ("virtualHost", "virtual_host", Facet.VIRTUAL_HOST),
    ("route", "route", Facet.ROUTE),
    ("table", "table", Facet.TABLE),
    ("upstream", "upstream", Facet.UPSTREAM),
    ("status", "status", Facet.STATUS),
    ("body", "body", Facet.BODY),
    ("redirect", "redirect", Facet.LOCATION),
    ("rewrite", "rewrite", Facet.PATH),
    ("host", "host", Facet.HOST),
)


def with_lists(manifest: dict[str, Any]) -> dict[str, Any]:
    """Return the file with a list wherever a request may have one, and without null fields."""
    routes = manifest.get("routes")
    if not isinstance(routes, list):
        return manifest
    return {**manifest, "routes": [_test(test) for test in routes]}


def _test(test: Any) -> Any:
    if not isinstance(test, dict):
        return test
    found = _given(test)
    if isinstance(found.get("request"), dict):
        found["request"] = _request(_given(found["request"]))
    if isinstance(found.get("expect"), dict):
        found["expect"] = _given(found["expect"])
    return found


def _given(mapping: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in mapping.items() if value is not None}


def _request(request: dict[str, Any]) -> dict[str, Any]:
    for name in _LISTS:
        if name in request:
            request[name] = _listed(request[name])
    headers = request.get("headers")
    if isinstance(headers, dict):
        request["headers"] = {name: _listed(value) for name, value in _given(headers).items()}
    return request


def _listed(value: Any) -> Any:
    return value if isinstance(value, list | dict) else [value]


def size_of(request: schema.Request) -> int:
    """Return how many requests a test expands to."""
    count = 1
    for values in _dimensions(request):
        count *= len(values)
    return count


def _dimensions(request: schema.Request) -> list[tuple[Any, ...]]:
    draws: tuple[int | None, ...] = request.random or (None,)
    lists: list[tuple[Any, ...]] = [request.scheme, request.host, request.path, request.method, draws, request.listener]
    return [*lists, *request.headers.values()]


def requests_of(request: schema.Request) -> Iterator[RouteTestRequest]:
    """Yield every request a test asks about; the first list changes most slowly."""
    names = [name.lower() for name in request.headers]
    for scheme, host, path, method, draw, listener, *values in product(*_dimensions(request)):
        headers = tuple(zip(names, values, strict=True))
        yield RouteTestRequest(host, path, method, headers, scheme, listener, draw)


def assertions_of(expect: schema.Expect) -> Iterator[Assertion]:
    """Yield what a test expects. Shares must have been checked (`bad_shares`)."""
    for name, field, facet in _PLAIN:
        expected = getattr(expect, field)
        if expected is not None:
            yield Assertion(name, facet, expected)
    if expect.subset is not None:
        yield Assertion("subset", Facet.SUBSET, tuple(sorted(expect.subset.items())))
    if expect.split is not None:
        yield Assertion("split", Facet.SPLIT, tuple((name, share(text)) for name, text in expect.split.items()))
    if expect.timeout is not None:
        yield Assertion("timeout", Facet.TIMEOUT, seconds(expect.timeout))
    yield from _headers("requestHeaders", expect.request_headers, Facet.REQUEST_HEADER)
    yield from _headers("responseHeaders", expect.response_headers, Facet.RESPONSE_HEADER)


def _headers(field: str, headers: Mapping[str, str | None], facet: Facet) -> Iterator[Assertion]:
    for name, value in headers.items():
        text = None if value is None else StringMatch(StringMatchKind.EXACT, value)
        yield Assertion(f"{field} {name}", facet, HeaderTest(name.lower(), text, absent=value is None))


def bad_shares(expect: schema.Expect, path: FieldPath) -> Iterator[Finding]:
    """Yield the shares of a split that are none, or what their sum lacks."""
    total = Fraction(0)
    for name, given in (expect.split or {}).items():
        try:
            total += share(given)
        except ValueError as error:
            yield Finding("ES0803", (*path, "split", name), f"{given!r} is no share", str(error))
            return
    if expect.split is not None and total != 1:
        text = f"the shares add up to {_percent(total)}, not to 100%"
        yield Finding("ES0803", (*path, "split"), text)


def _percent(value: Fraction) -> str:
    return f"{float(value * 100):.6g}%"

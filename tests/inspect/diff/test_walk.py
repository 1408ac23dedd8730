"""Hard tables: what is told of them is short, and what is too much is cut."""

from __future__ import annotations

import importlib
from collections.abc import Iterable

import pytest

from edgesim.inspect.diff import Change, DiffReport, Wheres, compare, walk
from edgesim.inspect.requests import request_head
from edgesim.model import (
    DirectResponseAction,
    HeaderMatcher,
    Model,
    OriginStep,
    PathKind,
    PathMatcher,
    Position,
    Route,
    RouteMatch,
    ValueKind,
    VirtualHost,
)
from edgesim.routing import compile_table, lookup

COMPARE = importlib.import_module("edgesim.inspect.diff.compare")
EVERYTHING = PathMatcher(PathKind.PREFIX, "/")


def _route(body: str, path: PathMatcher = EVERYTHING, **headers: str) -> Route:
    conditions = tuple(HeaderMatcher(name, ValueKind.EXACT, value) for name, value in headers.items())
    return Route((RouteMatch(path, conditions),), DirectResponseAction(200, body))


def _nowhere(_step: OriginStep) -> Position:
    return Position("", 1, 1)


def _compared(before: Iterable[Route], after: Iterable[Route]) -> DiffReport:
    models = [Model((VirtualHost("host", ("*",), tuple(routes)),)) for routes in (before, after)]
    return compare(models[0], models[1], Wheres(_nowhere, _nowhere)).report


def _only(report: DiffReport) -> Change:
    assert report.cut == ()
    (change,) = report.changes
    assert change.witness is not None
    return change


def test_routes_of_several_conditions_before_a_changed_one() -> None:
    """Twenty routes with two headers each before a changed catch-all give one class, not a million."""
    before = [_route("own", EVERYTHING, **{f"a{n}": "1", f"b{n}": "1"}) for n in range(20)]
    change = _only(_compared([*before, _route("old")], [*before, _route("new")]))
    texts = [each.text for each in change.conditions]
    assert texts[0] == "not (header a0 is 1 and header b0 is 1)"
    assert texts[-1] == "what 15 more such routes take is left out"


def test_a_thousand_tenants() -> None:
    """A thousand values of one header before a changed catch-all are one class, most of the values left out."""
    before = [_route("own", tenant=str(n)) for n in range(1000)]
    change = _only(_compared([*before, _route("old")], [*before, _route("new")]))
    (condition,) = change.conditions
    assert condition.text.endswith("and 995 more")
    assert [each.text for each in _only(_compared(before, before[:-1])).conditions] == ["header tenant is 999"]


def test_a_route_that_can_no_longer_be_reached_any_other_way() -> None:
    """Earlier routes that take everything between them leave nothing to a changed one behind: no difference."""
    present = HeaderMatcher("x", ValueKind.PRESENT)
    absent = HeaderMatcher("x", ValueKind.PRESENT, invert=True)
    before = [Route((RouteMatch(EVERYTHING, (each,)),), DirectResponseAction(200)) for each in (present, absent)]
    assert _compared([*before, _route("old")], [*before, _route("new")]) == DiffReport()


def test_regexes_are_told_apart_by_the_shortest_path() -> None:
    """The path that shows a change fits the one pattern and none that comes before it."""
    earlier = [_route("own", PathMatcher(PathKind.REGEX, pattern)) for pattern in ("/v1/.*", "/v[0-9]+/a.*")]
    changed = PathMatcher(PathKind.REGEX, "/v[0-9]+/[a-z]+")
    old, new = ([*earlier, _route(body, changed), _route("rest")] for body in ("old", "new"))
    witness = _only(_compared(old, new)).witness
    assert witness is not None
    assert witness.url == "http://any/v0/b"
    target = lookup(compile_table([VirtualHost("host", ("*",), tuple(new))]), request_head(witness.url))
    assert target is not None


def test_what_is_too_much_is_cut_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """A region with more questions than are asked is named, and the report does not pass for one without changes."""
    monkeypatch.setattr(walk, "MOST_STEPS", 10)
    report = _compared([_route(str(n), tenant=str(n)) for n in range(20)], [])
    assert report.cut == ("host below /",)
    assert report.elsewhere


def test_many_regexes_of_one_header() -> None:
    """Ten regexes of one header in the opposite order are a class for each pair, each with a request to show it."""
    routes = [
        Route(
            (RouteMatch(EVERYTHING, (HeaderMatcher("h", ValueKind.REGEX, f".*a{n}.*"),)),),
            DirectResponseAction(200, f"b{n}"),
        )
        for n in range(10)
    ]
    report = _compared(routes, routes[::-1])
    assert (len(report.changes), report.cut) == (45, ())
    assert all(change.witness is not None for change in report.changes)


def test_what_is_too_much_work_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the work that is allowed is done, what was found is told, and that there may be more."""
    monkeypatch.setattr(COMPARE, "MOST_WORK", 2_000)
    routes = [_route(f"b{n}", PathMatcher(PathKind.REGEX, f"/[ab]*a[ab]{{{n}}}")) for n in range(10)]
    report = _compared(routes, routes[::-1])
    assert report.cut == ("host below /",)
    assert report == _compared(routes, routes[::-1])


@pytest.mark.parametrize(
    ("name", "value", "url"),
    [
        (":authority", "a[.]example", "http://a.example/"),
        (":path", "/x.*y=1", "http://any/xy=1"),
        (":path", ".*[?]q=[0-9]+", "http://any/?q=0"),
    ],
)
def test_what_a_url_says_is_asked_as_a_header(name: str, value: str, url: str) -> None:
    """A condition on a pseudo header is shown by the URL that has it."""
    match = RouteMatch(EVERYTHING, (HeaderMatcher(name, ValueKind.REGEX, value),))
    change = _only(_compared(*([Route((match,), DirectResponseAction(200, body))] for body in ("old", "new"))))
    assert change.witness is not None
    assert change.witness.url == url


def test_a_request_that_shows_a_class_is_one_of_it() -> None:
    """Of requests that are decided as the class is, one that has its conditions is preferred."""
    inner = RouteMatch(
        EVERYTHING,
        (
            HeaderMatcher("host", ValueKind.EXACT, "d.example", invert=True),
            HeaderMatcher(":path", ValueKind.REGEX, ".*q=1"),
        ),
    )
    sides = [
        [Route((inner,), DirectResponseAction(200, f"{side}1")), _route(f"{side}2", EVERYTHING, s="1")]
        for side in ("old", "new")
    ]
    urls = {change.witness.url for change in _compared(*sides).changes if change.witness is not None}
    assert "http://d.example/q=1" in urls or "http://d.example/?q=1" in urls

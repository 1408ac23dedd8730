from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from inspect import getsource

import pytest

from edgesim.inspect import conditions as explained
from edgesim.inspect.conditions import condition_text, failure
from edgesim.model import PathKind, PathMatcher, RequestHead, RouteMatch, ValueKind
from edgesim.routing import conditions as looked_up
from edgesim.routing.conditions import LINES, Condition
from edgesim.routing.implication import implied_among

MATCH = RouteMatch(PathMatcher(PathKind.PREFIX, "/"))


def test_no_part_of_a_matcher_is_forgotten() -> None:
    """What a matcher consists of becomes conditions: a new part that nobody reads there fails here."""
    parts = {part.name for part in dataclasses.fields(RouteMatch)} - {"path"}
    assert parts - set(re.findall(r"\bmatch\.(\w+)", getsource(looked_up))) == set()


def _cookies(head: RequestHead, name: bytes) -> Sequence[bytes]:
    pairs = dict(pair.split(b"=") for pair in head.headers.get(b"cookie", b"").split(b"; ") if pair)
    return (pairs[name],) if name in pairs else ()


@pytest.mark.parametrize(
    ("cookie", "why"), [(b"a=1", None), (b"a=2; b=1", "it is 2"), (b"b=1", "there is none"), (b"a=", "it is empty")]
)
def test_a_row_is_all_that_a_new_part_of_a_request_needs(
    cookie: bytes, why: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A part of the request that gets a row among `LINES` is matched, compared and explained in words."""
    condition = Condition("cookie", b"a", ValueKind.EXACT, "1")
    monkeypatch.setitem(LINES, "cookie", _cookies)
    for module in (looked_up, explained):
        monkeypatch.setattr(module, "shared_conditions", lambda _match: [condition])
    failed, _near = failure(MATCH, RequestHead(b"GET", b"any", b"/", None, {b"cookie": cookie}))
    assert (failed and failed.actual) == why
    assert failed is None or (failed.part, failed.condition) == ("cookie", "a is 1")
    there = Condition("cookie", b"a", ValueKind.PRESENT)
    assert implied_among((condition,), (there, condition._replace(value="2"))) == {there}


@pytest.mark.parametrize(
    ("kind", "value", "invert", "text"),
    [
        (ValueKind.PRESENT, "", False, "x is there"),
        (ValueKind.PRESENT, "", True, "x is absent"),
        (ValueKind.EXACT, "1", False, "x is 1"),
        (ValueKind.EXACT, "", True, "x is not empty"),
        (ValueKind.REGEX, "a.*", False, "x matches a.*"),
        (ValueKind.REGEX, "a.*", True, "x does not match a.*"),
    ],
)
def test_conditions_in_words(kind: ValueKind, value: str, invert: bool, text: str) -> None:
    """A condition is written as people say it."""
    assert condition_text(Condition("header", b"x", kind, value, invert)) == text

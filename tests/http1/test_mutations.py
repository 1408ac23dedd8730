"""Header manipulation, level by level."""

from __future__ import annotations

from edgesim.http1.mutations import are_fixed, mutate, request_steps, response_steps
from edgesim.model import NO_MUTATIONS, HeaderMutations, HeaderValue

ARM = HeaderMutations((HeaderValue("Who", "arm", append=False),), ("gone",))
ROUTE = HeaderMutations((HeaderValue("who", "route", append=False), HeaderValue("who", "too")), ("arm-only",))
HOST = HeaderMutations((), ("late",), (HeaderValue("who", "host"),), ("server",))


def test_the_least_specific_level_has_the_last_word() -> None:
    """Levels apply in the order given: a later one overwrites and removes what an earlier one set."""
    steps = request_steps([ARM, ROUTE, HOST, NO_MUTATIONS])
    fields = [(b"gone", b"1"), (b"who", b"client"), (b"late", b"1"), (b"kept", b"1")]
    assert mutate(fields, steps) == [(b"kept", b"1"), (b"who", b"route"), (b"who", b"too")]


def test_each_direction_has_its_own_steps() -> None:
    """Levels without changes for a direction make no step for it."""
    assert response_steps([ARM, ROUTE]) == ()
    assert mutate([(b"server", b"x")], response_steps([HOST])) == [(b"who", b"host")]


def test_overwriting_precedes_appending() -> None:
    """Within a level what overwrites comes before what is appended, whatever the order (measured on Envoy 1.40)."""
    level = HeaderMutations((HeaderValue("x", "a"), HeaderValue("x", "b", append=False)))
    assert mutate([(b"x", b"0")], request_steps([level])) == [(b"x", b"b"), (b"x", b"a")]


def test_empty_values_are_not_added() -> None:
    """An empty value neither adds nor overwrites, written so or computed (measured on Envoy 1.40)."""
    level = HeaderMutations((HeaderValue("x", "", append=False), HeaderValue("y", "%EMPTY%", append=False)))
    steps = request_steps([level], lambda text: lambda known: known[text])
    assert mutate([(b"x", b"0"), (b"y", b"0")], steps, {"%EMPTY%": b""}) == [(b"x", b"0"), (b"y", b"0")]


def test_steps_that_need_the_exchange_are_not_fixed() -> None:
    """Values that are functions are made from what is known; literal ones need nothing."""
    steps = request_steps([ARM], lambda text: lambda known: text.encode() + known)
    assert not are_fixed(steps)
    assert are_fixed(request_steps([ARM]))
    assert mutate([], steps, b"!") == [(b"who", b"arm!")]


def test_values_are_made_from_the_fields_as_they_are() -> None:
    """Before each step adds, what values are made from is told the fields that are left."""
    seen: list[list[tuple[bytes, bytes]]] = []
    steps = request_steps([ARM, ROUTE], lambda text: lambda _known: text.encode())
    mutate([(b"gone", b"1")], steps, None, lambda _known, fields: seen.append(fields))
    assert seen == [[], [(b"who", b"arm")]]


def test_fields_of_one_line_are_joined() -> None:
    """Of some fields Envoy keeps one line: another value goes behind a comma, of any other it is a line more."""
    level = HeaderMutations((HeaderValue("vary", "b"), HeaderValue("x", "b")))
    steps = request_steps([level])
    assert mutate([(b"vary", b"a"), (b"x", b"a")], steps) == [(b"x", b"a"), (b"vary", b"a,b"), (b"x", b"b")]
    assert mutate([], steps) == [(b"vary", b"b"), (b"x", b"b")]

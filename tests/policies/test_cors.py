"""Cross-origin rules, against the fields Envoy 1.40 answered with."""

from __future__ import annotations

import pytest

from edgesim.model.policies import Cors
from edgesim.policies.cors import CorsRules, allowed_origin, answer_fields, compile_cors, preflight_fields
from tests.policies.heads import head_of

EXACT = Cors(("http://a.com",), (), "GET,POST", "x-a", "x-e", "60", allow_credentials=True)
STAR = Cors(("*",), (), "*", "*")
REGEX = Cors((), (r"http://.*\.b\.com",))
HOST = Cors(("http://vh.com",), (), "VH", max_age="7", allow_credentials=True)


def rules_of(route: Cors | None, host: Cors | None = None) -> CorsRules:
    """Return rules that are there."""
    rules = compile_cors(route, host)
    assert rules is not None
    return rules


def preflight(rules: CorsRules, origin: str, *more: tuple[str, str]) -> list[str] | None:
    """Return the fields of the answer to a preflight as lines, None if it is not answered."""
    head = head_of(("origin", origin), ("access-control-request-method", "GET"), *more, method="OPTIONS")
    allowed = allowed_origin(rules, head)
    fields = None if allowed is None else preflight_fields(rules, head, allowed)
    return None if fields is None else [b": ".join(field).decode() for field in fields]


def test_a_preflight_is_answered_with_everything_said() -> None:
    """All six fields, in Envoy's order."""
    assert preflight(rules_of(EXACT), "http://a.com") == [
        "access-control-allow-origin: http://a.com",
        "access-control-allow-credentials: true",
        "access-control-allow-methods: GET,POST",
        "access-control-allow-headers: x-a",
        "access-control-max-age: 60",
        "access-control-expose-headers: x-e",
    ]


def test_what_the_route_leaves_out_the_virtual_host_says() -> None:
    """Each field falls back on its own, the origins do not add up."""
    rules = rules_of(REGEX, HOST)
    assert preflight(rules, "http://x.b.com") == [
        "access-control-allow-origin: http://x.b.com",
        "access-control-allow-credentials: true",
        "access-control-allow-methods: VH",
        "access-control-max-age: 7",
    ]
    assert preflight(rules, "http://vh.com") is None
    assert preflight(rules_of(Cors(allow_methods="PUT"), HOST), "http://vh.com") == [
        "access-control-allow-origin: http://vh.com",
        "access-control-allow-credentials: true",
        "access-control-allow-methods: PUT",
        "access-control-max-age: 7",
    ]


def test_a_star_echoes_what_is_asked_for() -> None:
    """Browsers take no star together with credentials, so Envoy names what was asked for, with or without them."""
    assert preflight(rules_of(STAR, HOST), "http://q", ("access-control-request-headers", "x-q"))[-2:] == [  # type: ignore[index]  # it is answered
        "access-control-allow-methods: GET",
        "access-control-allow-headers: x-q",
    ]
    assert preflight(rules_of(STAR), "http://q") == [
        "access-control-allow-origin: http://q",
        "access-control-allow-methods: GET",
        "access-control-allow-headers: ",
    ]


@pytest.mark.parametrize(
    ("policy", "origin"),
    [
        (EXACT, "HTTP://a.com"),
        (EXACT, "http://x.b.com"),
        (EXACT, ""),
        (REGEX, "xhttp://q.b.com"),
        (REGEX, "http://q.b.com/"),
        (Cors(), "http://a.com"),
    ],
)
def test_other_origins_are_not_allowed(policy: Cors, origin: str) -> None:
    """Origins compare as a whole and by case."""
    assert allowed_origin(rules_of(policy), head_of(("origin", origin))) is None


def test_two_origins_are_none_that_is_allowed() -> None:
    """A repeated Origin is one line with a comma."""
    assert allowed_origin(rules_of(EXACT), head_of(("origin", "http://a.com"), ("origin", "http://b.com"))) is None


@pytest.mark.parametrize("head", [head_of(method="OPTIONS"), head_of(("access-control-request-method", "GET"))])
def test_what_is_no_preflight_is_not_answered(head: object) -> None:
    """OPTIONS without a method asked for, and any other method, go to the upstream."""
    assert preflight_fields(rules_of(EXACT), head, b"http://a.com") is None  # type: ignore[arg-type]  # a head


def test_an_answer_of_the_upstream_gets_three_fields() -> None:
    """Origin, credentials and the exposed headers, but neither methods nor age."""
    assert answer_fields(rules_of(EXACT), b"http://a.com") == [
        (b"access-control-allow-origin", b"http://a.com"),
        (b"access-control-allow-credentials", b"true"),
        (b"access-control-expose-headers", b"x-e"),
    ]
    assert answer_fields(rules_of(REGEX), b"http://q.b.com") == [(b"access-control-allow-origin", b"http://q.b.com")]


def test_a_route_can_switch_the_rules_off() -> None:
    """A disabled route answers nothing, whatever its virtual host says; without any rules there is nothing to do."""
    assert compile_cors(Cors(disabled=True), HOST) is None
    assert compile_cors(None, None) is None
    assert compile_cors(None, HOST) is not None

"""What is compared of two answers."""

from __future__ import annotations

import json

from edgesim.verify.asking import Answer
from edgesim.verify.comparing import differing, seen
from edgesim.verify.requests import Asked

ASKED = Asked("edge", "GET", "a.example", "/x")


def recorded(target: str = "/x", *fields: tuple[str, str], **headers: str) -> Answer:
    """An answer of a recorder that was asked for a target."""
    told = {
        "cluster": "a",
        "metadata": {},
        "method": "GET",
        "target": target,
        "headers": [(name.replace("_", "-"), value) for name, value in headers.items()],
    }
    return Answer(200, (("x-recorder", "1"), *fields), json.dumps(told).encode())


def parts(one: Answer, other: Answer, asked: Asked = ASKED) -> tuple[str, ...]:
    return differing(seen(asked, one), seen(asked, other))


def test_the_same_answers_do_not_differ() -> None:
    """Dates, durations and lengths of what recorders tell are not compared."""
    one = recorded("/x", ("date", "a"), ("content-length", "3"), host="a.example")
    other = recorded("/x", ("date", "b"), ("x-envoy-upstream-service-time", "2"), host="a.example")
    assert parts(one, other) == ()


def test_each_part_that_differs_is_named() -> None:
    """Status, path, host and headers are told apart."""
    assert parts(recorded(), recorded("/y")) == ("path",)
    assert parts(recorded(host="a"), recorded(host="b")) == ("host",)
    assert parts(recorded(x="1"), recorded(x="2")) == ("forwarded headers",)
    assert parts(recorded(), recorded("/x", ("x", "1"))) == ("answered headers",)
    assert parts(Answer(404), Answer(503)) == ("status",)
    assert parts(Answer(200, (), b"a"), Answer(200, (), b"b")) == ("body",)
    assert parts(recorded(), Answer(503)) == (
        "status",
        "destination",
        "method",
        "path",
        "host",
        "forwarded headers",
        "answered headers",
    )


def test_ids_that_engines_make_up_are_compared_by_their_presence() -> None:
    """A made-up request id may be any; one that the client sent must be kept, and none is a difference."""
    assert parts(recorded(x_request_id="1"), recorded(x_request_id="2")) == ()
    assert parts(recorded(x_request_id="1"), recorded()) == ("forwarded headers",)
    asked = Asked("edge", "GET", "a", "/", (("x-request-id", "1"),))
    assert parts(recorded(x_request_id="1"), recorded(x_request_id="2"), asked) == ("forwarded headers",)


def test_repeated_headers_may_be_joined() -> None:
    """Two lines of a name say what one line of both values says; another order is another thing."""
    two = Answer(200, (("vary", "a"), ("vary", "b")))
    assert parts(two, Answer(200, (("vary", "a,b"),))) == ()
    assert parts(two, Answer(200, (("vary", "b"), ("vary", "a")))) == ("answered headers",)


def test_values_of_hash_cookies_are_not_compared() -> None:
    """A cookie made for hashing differs from connection to connection; its name and attributes do not."""
    one, two = (
        Answer(200, (("set-cookie", f'who="{value}"; HttpOnly'),)) for value in ("0a91305b58f7670c", "e2b8541b80c5df13")
    )
    assert parts(one, two) == ()
    assert parts(one, Answer(200, (("set-cookie", 'who="0a91305b58f7670c"'),))) == ("answered headers",)
    assert parts(Answer(200, (("set-cookie", "a=1"),)), Answer(200, (("set-cookie", "a=2"),))) == ("answered headers",)

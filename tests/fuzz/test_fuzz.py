"""Nearly right messages, cut anywhere: no crash, no hang, nothing ambiguous on either side.

`make fuzz` runs many more examples than the suite: FUZZ_EXAMPLES says how many for each test.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.differential.wire import Message, read_responses
from tests.fuzz.machine import Machine, Played, running_loop
from tests.fuzz.strategies import cut, cuts, requests, responses, single_bytes

_EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "0"))
_fuzz = settings(max_examples=_EXAMPLES) if _EXAMPLES else settings()
_OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
_STARTS = (
    b"GET /",
    b"GET /a HTTP/1.1",
    b"HEAD /a HTTP/1.1",
    b"GET http://other.test/ HTTP/1.1",
    b"POST / HTTP/1.1",
    b"OPTIONS / HTTP/1.1",
    b"GET / HTTP/1.0",
    b"\r\nGET /a HTTP/1.1",
    b"",
    b"GET /a HTTP/1.1\r\nGET /b HTTP/1.1",
    b"GET /a HTTP/1.1\r\nX: y",
)
_LINES = (
    b"\r\nHost: a\r\n\r\n",
    b"\r\nHost: a\r\nConnection: close\r\n\r\n",
    b"\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
    b"\r\nHost: a\r\nX: 1\r\nX: 2\r\n\r\n",
    b"\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: b\r\n\r\n",
    b"\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n",
    b"\r\n\r\n",
)
_REST = b"Date: x\r\nContent-Length: 2\r\n\r\nok"
_ANSWERS = (
    b"HTTP/1.1 200 OK\r\n" + _REST,
    b"HTTP/1.1 500 No\r\n" + _REST,
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Made\r\n" + _REST,
    b"HTTP/1.1 200 OK\r\nConnection: close\r\n" + _REST,
    b"HTTP/1.1 204 None\r\nDate: x\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nDate: x\r\nContent-Length: 3\r\n\r\nok",
    b"HTTP/1.1 1000 Odd\r\n" + _REST,
    b"HTTP/1.1 200 OK\r\n" + _REST + b"HTTP/1.1 500 Evil\r\n" + _REST,
)
_OPTIONS: tuple[dict[str, object], ...] = (
    {},
    {"accept_http_10": True, "default_host_for_http_10": "d", "merge_slashes": True},
    {"allow_connect": False, "strip_any_host_port": True, "normalize_path": False},
)


@pytest.fixture(scope="module", autouse=True)
def loop() -> Iterator[None]:
    with running_loop():
        yield


@pytest.fixture(scope="module", params=_OPTIONS, ids=["usual", "lenient", "other"])
def machine(request: pytest.FixtureRequest, loop: None) -> Machine:
    del loop
    return Machine(**request.param)


def plain(message: Message) -> Sequence[bytes]:
    return [_OK[:-2] if message.start[0] == b"HEAD" else _OK]


def heard(played: Played) -> list[tuple[bytes, ...]]:
    """Return the final answers as the client understands them. Raises AmbiguousError."""
    methods = [message.start[0] for message in played.forwarded]
    found, _ = read_responses(played.heard, methods, ended=False, forwarded=b"x-envoy-upstream-service-time:")
    return [message.start for message in found if message.is_final]


def meaning(messages: list[Message]) -> list[object]:
    return [(m.start, sorted(field for field in m.fields if field[0] != b"x-request-id"), m.body) for m in messages]


def agree(one: Played, other: Played) -> None:
    """Check that two runs mean the same.

    Only an answer given before the whole body is there, without an upstream, may make a difference: it ends the
    connection, where a body that is there in time would not.
    """
    shorter, longer = sorted((one, other), key=lambda played: len(heard(played)))
    sent, more = meaning(shorter.forwarded), meaning(longer.forwarded)
    said, more_said = heard(shorter), heard(longer)
    assert sent == more[: len(sent)]
    assert said == more_said[: len(said)]
    if (sent, said) != (more, more_said):
        assert len(said) > len(sent), "something is missing, and nothing was answered here"
        assert shorter.ended


@_fuzz
@given(requests(), cuts())
def test_requests_have_one_meaning(machine: Machine, data: bytes, places: list[int]) -> None:
    """What is forwarded is unambiguous, and the same however the bytes are cut."""
    whole = machine.play([data], plain)
    agree(whole, machine.play(cut(data, places), plain))
    agree(whole, machine.play(single_bytes(data), plain))


@_fuzz
@given(responses(), cuts(), st.booleans())
def test_answers_have_one_meaning(machine: Machine, data: bytes, places: list[int], again: bool) -> None:
    """A client never hears more answers than it asked for, nor anything ambiguous, and the next one is its own."""
    ask = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    answers = iter([cut(data, places)])

    def answer(_message: Message) -> Sequence[bytes]:
        return next(answers, [_OK])

    played = machine.play([ask] * 2 if again else [ask], answer)
    found, _ = read_responses(played.heard, [], ended=False)
    finals = [message for message in found if message.is_final]
    assert len(finals) <= len(played.forwarded) <= 2
    if len(finals) == 2:
        assert finals[1].body == b"ok"


@_fuzz
@given(st.lists(st.tuples(st.sampled_from(_STARTS), st.sampled_from(_LINES), st.sampled_from(_ANSWERS)), max_size=8))
def test_memory_changes_nothing(rounds: list[tuple[bytes, bytes, bytes]]) -> None:
    """Heads seen before mean to a worker that remembers them what they mean to one that has just begun."""
    remembering = Machine()
    for start, lines, answer in rounds:
        told = remembering.play([start + lines], lambda _, answer=answer: [answer])  # type: ignore[misc]
        fresh = Machine().play([start + lines], lambda _, answer=answer: [answer])  # type: ignore[misc]
        assert meaning(told.forwarded) == meaning(fresh.forwarded)
        assert told.heard == fresh.heard


@_fuzz
@given(st.lists(st.tuples(requests(), responses()), min_size=1, max_size=3), cuts())
def test_a_worker_survives_anything(machine: Machine, rounds: list[tuple[bytes, bytes]], places: list[int]) -> None:
    """After any exchange with anybody the next client is served as if nothing had been."""
    for request, response in rounds:
        machine.play(cut(request, places), lambda _, response=response: cut(response, places))  # type: ignore[misc]
    played = machine.play([b"GET /after HTTP/1.1\r\nHost: a\r\n\r\n"], plain)
    assert [message.start for message in played.forwarded] == [(b"GET", b"/after")]
    assert heard(played) == [(b"200", b"OK")]

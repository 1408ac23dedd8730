"""Hostile answers of upstreams: what the client of edgesim gets, and that real Envoy gives the same."""

from __future__ import annotations

import pytest

from tests.differential.asking import Heard, ask
from tests.differential.hostile_responses import CASES, Case
from tests.differential.recorder import Proxy

_REQUEST = b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n"
_LONG = 3000
_GROUPS = sorted({case.name.split(" ")[0] for case in CASES})
_TORN = 0


def heard(proxy: Proxy, case: Case, *, whole: bool) -> Heard:
    """Play a case. Raises AmbiguousError if what the client got has no single meaning."""
    upstream = proxy.upstream
    upstream.answer, upstream.whole = case.data, whole
    upstream.close, upstream.reset = case.end == "close", case.end == "reset"
    upstream.clear()
    return ask(proxy.port, _REQUEST, upstream)


def status_of(answer: Heard) -> int:
    return answer.statuses[0] if answer.statuses else _TORN


def in_group(group: str) -> list[Case]:
    return [case for case in CASES if case.name.split(" ")[0] == group]


def check(case: Case, answer: Heard) -> None:
    assert status_of(answer) == case.status, (case.name, answer)
    if case.status == _TORN:
        assert answer.end == "reset", (case.name, answer)
    elif case.status not in {502, 503}:
        found = (len(answer.statuses), answer.responses[-1].body, answer.rest)
        assert found == (1, case.body, b""), (case.name, answer)


def test_the_table_is_large() -> None:
    """There are at least 60 different answers, each with a name of its own."""
    assert len({(case.data, case.end) for case in CASES}) >= 60
    assert len({case.name for case in CASES}) == len(CASES)


@pytest.mark.parametrize("group", _GROUPS)
def test_hostile_responses(edgesim: Proxy, group: str) -> None:
    """The client gets one whole answer, a 502, or a reset: never a second answer and never a clean end too early."""
    for case in in_group(group):
        check(case, heard(edgesim, case, whole=True))


@pytest.mark.slow
@pytest.mark.parametrize("group", _GROUPS)
def test_hostile_responses_in_single_bytes(edgesim: Proxy, group: str) -> None:
    """The same bytes one at a time mean the same; only a reset may overtake an answer."""
    for case in in_group(group):
        if len(case.data) < _LONG and case.end != "reset":
            check(case, heard(edgesim, case, whole=False))


@pytest.mark.slow
@pytest.mark.parametrize("group", _GROUPS)
def test_hostile_responses_are_envoys(envoy: Proxy, group: str) -> None:
    """Envoy's client gets the same class of status and the same body, but where Envoy mends."""
    for case in in_group(group):
        answer = heard(envoy, case, whole=True)
        same = status_of(answer) // 100 == case.status // 100
        assert same != bool(case.mends), (case.name, answer)
        if same and case.status // 100 == 2:
            assert answer.responses[-1].body == case.body, (case.name, answer)


def test_what_follows_an_answer_is_not_the_next_one(edgesim: Proxy) -> None:
    """Bytes behind a whole answer never reach the client that asks next."""
    for extra in (b"HTTP/1.1 500 Evil\r\nContent-Length: 4\r\n\r\nevil", b"HTTP/1.1 50", b"X", b"\0"):
        ok = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
        for _ in range(3):
            answer = heard(edgesim, Case("", ok + extra, 200, b"ok"), whole=True)
            assert (answer.statuses, answer.rest) == ((200,), b"")


def test_an_answer_before_the_request_is_not_taken(edgesim: Proxy) -> None:
    """What an upstream sends on an idle connection closes it; the next client gets an answer of its own."""
    ok = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    assert heard(edgesim, Case("", ok, 200), whole=True).statuses == (200,)
    edgesim.upstream.push(b"HTTP/1.1 500 Evil\r\nContent-Length: 4\r\n\r\nevil")
    answer = heard(edgesim, Case("", ok, 200), whole=True)
    assert (answer.statuses, answer.responses[0].body) == ((200,), b"ok")

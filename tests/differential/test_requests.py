"""Hostile requests: what edgesim answers, what it passes on, and that real Envoy does the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from tests.differential.asking import ask, settle
from tests.differential.hostile_requests import CASES, REASONS, Case
from tests.differential.recorder import Proxy
from tests.differential.wire import Message, read_requests

_LONG = 3000
_OF_THE_PROXY = frozenset((b"x-request-id", b"x-envoy-expected-rq-timeout-ms", b"x-forwarded-proto"))
_RULES = sorted({case.rule for case in CASES})


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one case led to; `rest` is what the upstream got of messages that never became whole."""

    statuses: tuple[int, ...]
    forwarded: tuple[Message, ...]
    rest: tuple[bytes, ...]


def outcome(proxy: Proxy, case: Case, *, whole: bool) -> Outcome:
    """Play a case. Raises AmbiguousError if what came out on either side has no single meaning."""
    proxy.upstream.clear()
    heard = ask(proxy.port, case.data, proxy.upstream, whole=whole)
    settle(proxy.port, proxy.upstream)
    messages: list[Message] = []
    rest = []
    for received in proxy.upstream.bytes_of_all():
        requests, left = read_requests(received)
        messages += requests
        rest += [left] if left else []
    return Outcome(heard.statuses, tuple(messages), tuple(rest))


def classes(statuses: Sequence[int]) -> list[int]:
    return [status // 100 for status in statuses]


def end_to_end(message: Message) -> tuple[object, ...]:
    """Return what the client meant: all but what a proxy adds of its own."""
    fields = sorted((name, value) for name, value in message.fields if name not in _OF_THE_PROXY)
    return message.start, [(name, value.lower()) for name, value in fields], message.body


def splits(case: Case) -> tuple[bool, ...]:
    """Return whether to send whole, and in single bytes; Envoy knows HTTP/2 only by a preface that comes whole."""
    return (True, False) if len(case.data) < _LONG and case.rule != "http2" else (True,)


def test_the_table_is_large_and_says_why() -> None:
    """There are at least 150 different requests, each with a name of its own and a rule."""
    assert len({case.data for case in CASES}) >= 150
    assert len({case.name for case in CASES}) == len(CASES)
    assert set(REASONS) == set(_RULES)


@pytest.mark.parametrize("rule", _RULES)
def test_hostile_requests(edgesim: Proxy, rule: str) -> None:
    """Each request of the table gets its status, and only what has one meaning is passed on."""
    for case in CASES:
        if case.rule == rule:
            found = outcome(edgesim, case, whole=True)
            assert (found.statuses, len(found.forwarded)) == (case.statuses, case.forwarded), case.name


@pytest.mark.slow
@pytest.mark.parametrize("rule", _RULES)
def test_hostile_requests_in_single_bytes(edgesim: Proxy, rule: str) -> None:
    """The same bytes one at a time mean the same."""
    for case in CASES:
        if case.rule == rule and len(case.data) < _LONG:
            found = outcome(edgesim, case, whole=False)
            assert (found.statuses, len(found.forwarded)) == (case.statuses, case.forwarded), case.name


@pytest.mark.slow
@pytest.mark.parametrize("rule", _RULES)
def test_hostile_requests_are_envoys(envoy: Proxy, edgesim: Proxy, rule: str) -> None:
    """Envoy answers with the same class of status and passes the same requests on, but where it mends."""
    for case in CASES:
        if case.rule != rule:
            continue
        for whole in splits(case):
            ours = outcome(edgesim, case, whole=whole)
            theirs = outcome(envoy, case, whole=whole)
            same = classes(theirs.statuses) == classes(ours.statuses)
            assert same != bool(case.mends), (case.name, whole, theirs, ours)
            if same and rule not in {"grpc", "expect"}:
                assert [*map(end_to_end, theirs.forwarded)] == [*map(end_to_end, ours.forwarded)], (case.name, whole)


def test_after_all_of_it_the_worker_serves(edgesim: Proxy) -> None:
    """No case leaves the worker unable to serve the next client."""
    plain = next(case for case in CASES if case.name == "plain")
    assert outcome(edgesim, plain, whole=True).statuses == (200,)

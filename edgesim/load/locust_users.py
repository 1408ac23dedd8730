"""Locust's users: each sends what the scenario says, when it says so, and counts into our own slots.

A user of Locust is a connection. In an open loop users take the next time of the schedule in turn, wait for it, and
send: where all are busy, a request is late, and its latency counts from its time. In a closed loop each sends when it
has its answer. Runs under gevent; this file itself only needs what it is given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from random import Random
from typing import Any, Protocol

from edgesim.load.answers import Answer, learner
from edgesim.load.connection import Prepared
from edgesim.load.messages import Beat, Counts, End, Order
from edgesim.load.recording import Recorder
from edgesim.load.requests import Mix
from edgesim.load.scenario import Closed, Open, Scenario
from edgesim.load.schedule import requests_of, send_times
from edgesim.load.shares import share
from edgesim.load.span import Span, span_of
from edgesim.load.users import User, Users
from edgesim.load.variables import share_of_rows
from edgesim.telemetry.slots import Slots, slot_of
from edgesim.telemetry.sources import cpu_seconds, nanoseconds

_SECOND = 1_000_000_000
_AHEAD = 50_000_000
"""Nanoseconds between the order to begin and the start."""


class Response(Protocol):
    """What Locust's fast client returns; 0 where there is no answer, and `error` says why."""

    status_code: int
    headers: Any
    content: bytes | None
    error: Exception | None


Send = Callable[[str, str, str, dict[str, str], bytes], Response]
"""Name, method, path, headers and body are sent; the answer is returned."""
Wait = Callable[[float], bool]
"""Wait for so many seconds, or until all is to stop; tell whether it is."""


class Load:
    """The share of a process: its schedule, and what was counted."""

    def __init__(self, order: Order) -> None:
        """Prepare."""
        scenario = replace(
            order.scenario, variables=share_of_rows(order.scenario.variables, order.index, order.workers)
        )
        random = Random(f"{scenario.seed}:{order.index}")
        self.order = order
        self.scenario = scenario
        self.recorder = Recorder()
        self.users = Users(_users(scenario, order), scenario.sessions.requests, random)
        self.alive = 0
        """Users of Locust that are not through."""
        self.stopped = False
        self._random = random
        self._mix = Mix(scenario, random)
        self._learn = learner(scenario.destination)
        self._span = Span(0, 0, 0, 0)
        self._times: Iterator[int] = iter(())
        self._requests: Iterator[int] = iter(())
        self._budget = share(scenario.count, order.index, order.workers) if scenario.count else -1
        self._late = round(scenario.late * _SECOND)
        self._patience = round(scenario.timeout * _SECOND)
        self._second = 0
        self._cpu, self._told = cpu_seconds(), nanoseconds()
        self._parsed: dict[int, tuple[str, str, dict[str, str], bytes]] = {}

    def begin(self) -> None:
        """Fix the start, and with it all times."""
        self._span = span_of(self.scenario, nanoseconds() + _AHEAD)
        mode, order = self.scenario.mode, self.order
        if isinstance(mode, Open):
            self._times = send_times(mode, order.index, order.workers, self.scenario.seed, self.scenario.count)
            self._requests = requests_of(mode, order.index, order.workers)

    def live(self, number: int, send: Send, wait: Wait) -> None:
        """Be the user of this number until all is sent."""
        if isinstance(self.scenario.mode, Open):
            while self._open_turn(send, wait):
                pass
        else:
            wait(max(0, self._span.start - nanoseconds()) / _SECOND)
            while self._closed_turn(number, send, wait):
                pass

    def _open_turn(self, send: Send, wait: Wait) -> bool:
        following = next(self._times, -1)
        if following < 0:
            return False
        intended = self._span.start + following
        index = next(self._requests, -1)
        left = intended - nanoseconds()
        if left > 0:
            if wait(left / _SECOND):
                return False
            self._count_slot(self.recorder.pacing, nanoseconds() - intended)
        if self.stopped:
            return False
        measured = self._span.measures(intended)
        request = self._mix.next(measured=measured) if index < 0 else self._mix.at(index, measured=measured)
        counts = self._counts(measured=measured)
        counts.asked += 1
        behind = nanoseconds() - intended
        if behind > self._patience:
            counts.unsent += 1
            return True
        counts.sent += 1
        counts.late += behind > self._late
        self._send(request, send, intended, self.users.any() if self.users.users else None)
        return True

    def _closed_turn(self, number: int, send: Send, wait: Wait) -> bool:
        now = nanoseconds()
        if self.stopped or self._budget == 0 or now >= self._span.end:
            return False
        self._budget -= self._budget > 0
        measured = self._span.measures(now)
        counts = self._counts(measured=measured)
        counts.asked += 1
        counts.sent += 1
        user = self.users.of(number % len(self.users.users)) if self.users.users else None
        self._send(self._mix.next(measured=measured), send, 0, user)
        think = self.scenario.sessions.think
        return not (think.high and wait(self._random.uniform(think.low, think.high)))

    def _counts(self, *, measured: bool) -> Counts:
        return self.recorder.measured if measured else self.recorder.other

    def _send(self, request: Prepared, send: Send, intended: int, user: User | None) -> None:
        method, path, headers, body = self._parts(request)
        if user is not None and user.cookies:
            headers = {**headers, "Cookie": "; ".join(f"{name}={value}" for name, value in user.cookies.items())}
        at = nanoseconds()
        response = send(request.name, method, path, headers, body)
        content = response.content or b""
        now = nanoseconds()
        answer = _answer(response, content)
        error = "" if answer.status else error_kind(response.error)
        destination = self._learn(answer) if answer.status else ""
        tally = self.recorder.tally(request.name, answer.status, destination, error, measured=request.measured)
        tally.received += len(content)
        if intended:
            self._count_slot(tally.service, now - at)
        self._count_slot(tally.latency, now - (intended or at))
        if user is not None and answer.status:
            user.take_cookies(answer)
            if request.measured:
                user.saw(destination)

    def _count_slot(self, into: Slots, took: int) -> None:
        slot = slot_of(max(0, took) // 1000)
        into[slot] = into.get(slot, 0) + 1

    def _parts(self, request: Prepared) -> tuple[str, str, dict[str, str], bytes]:
        """Return a request as Locust's client takes it."""
        if request.made is not None:
            return parts_of(request.made())
        found = self._parsed.get(request.index)
        if found is None:
            found = self._parsed[request.index] = parts_of(request.data)
        return found

    def tell(self) -> Beat:
        """Return what was counted since the last time, and begin anew."""
        recorder, cpu, now = self.recorder, cpu_seconds(), nanoseconds()
        busy = (cpu - self._cpu) / max(1e-9, (now - self._told) / _SECOND)
        self._cpu, self._told = cpu, now
        second, pacing = self._second, recorder.pacing
        beat = Beat(second, recorder.measured, recorder.other, 0, busy, recorder.taken(), pacing=pacing)
        recorder.measured, recorder.other, recorder.pacing = Counts(), Counts(), {}
        self._second += 1
        return beat

    def until_next(self) -> float:
        """Return the seconds until the one under way is over."""
        return max(0, self._span.start + (self._second + 1) * _SECOND - nanoseconds()) / _SECOND

    def end(self) -> End:
        """Return what is told at the end."""
        return End(self.users.patterns(), (nanoseconds() - self._span.start) / _SECOND)


def _users(scenario: Scenario, order: Order) -> int:
    """Return how many have cookies here; Locust may give a process one user more than its share."""
    users = scenario.sessions.users
    return share(users, order.index, order.workers) + 1 if users else 0


def users_of(scenario: Scenario, workers: int) -> int:
    """Return how many users of Locust drive a scenario."""
    if isinstance(scenario.mode, Closed):
        return max(workers, scenario.sessions.users or scenario.mode.connections)
    return max(workers, scenario.connections)


def parts_of(data: bytes) -> tuple[str, str, dict[str, str], bytes]:
    """Take a request apart: method, path, headers and body. Its length is the client's own to tell."""
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("utf-8", "surrogateescape").split("\r\n")
    method, path, _version = first.split(" ", 2)
    headers = {name: value.lstrip() for name, _, value in (line.partition(":") for line in lines)}
    headers = {name: value for name, value in headers.items() if name.lower() != "content-length"}
    return method, path, {"Accept-Encoding": "identity", **headers}, body


def _answer(response: Response, content: bytes) -> Answer:
    answer = Answer(head=False)
    answer.status = response.status_code
    if response.headers is not None:
        answer.fields = [(n.lower().encode("latin-1"), v.encode("latin-1")) for n, v in response.headers.items()]
    answer.body = [content]
    return answer


def error_kind(error: Exception | None) -> str:
    """Return the kind of an error of Locust's client, in our words."""
    names = {each.__name__.lower() for each in type(error).__mro__}
    for kind, words in _KINDS.items():
        if any(word in name for name in names for word in words):
            return kind
    return "reset"


_KINDS = {
    "reset": ("connectionclosed", "connectionreset"),
    "timeout": ("timeout",),
    "tls": ("ssl", "certificate"),
    "protocol": ("parse", "protocol"),
    "connect": ("refused", "gaierror"),
}

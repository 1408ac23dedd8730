"""A scenario as commands of Nighthawk (its README, `nighthawk_client --help`)."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Sequence
from math import ceil

from edgesim.load.abridged import steps
from edgesim.load.emit_parts import Emitted, base_url, fields, heaviest, lost_everywhere, texts
from edgesim.load.scenario import By, Closed, RequestClass, Scenario, Stage
from edgesim.load.typed import in_a_path

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE"})
_AS_FAST_AS_IT_CAN = 1_000_000
"""Requests a second of a closed loop: Nighthawk always has a rate, and holds back where no connection is free."""


def nighthawk(scenario: Scenario, fail_if: Sequence[str]) -> Emitted:
    """Return a shell script, with a command for each stage."""
    lines = ["#!/bin/sh", "set -e", *(_command(scenario, each) for each in _steps(scenario))]
    return Emitted("\n".join(lines) + "\n", tuple(_lost(scenario, fail_if)))


def _steps(scenario: Scenario) -> Iterator[tuple[int, int]]:
    """Yield whole rates and whole seconds, as Nighthawk takes them."""
    mode = scenario.mode
    if isinstance(mode, Closed):
        yield _AS_FAST_AS_IT_CAN, max(1, ceil(mode.seconds))
        return
    for each in steps(mode):
        yield max(1, round((each.start + each.end) / 2)), max(1, round(each.seconds))


def _command(scenario: Scenario, step: tuple[int, int]) -> str:
    rate, seconds = step
    mode, target, request = scenario.mode, scenario.target, heaviest(scenario.requests)
    connections = mode.connections if isinstance(mode, Closed) else scenario.connections
    words = ["nighthawk_client", "--concurrency", "1", "--rps", str(rate), "--duration", str(seconds)]
    words += ["--connections", str(connections)]
    if not isinstance(mode, Closed):
        words.append("--open-loop")
    if scenario.per_connection:
        words += ["--max-requests-per-connection", str(scenario.per_connection)]
    if request.method in _METHODS - {"GET"}:
        words += ["--request-method", request.method]
    for name, value in fields(scenario, request):
        if name.lower() != "connection":
            words += ["--request-header", f"{name}: {_first(scenario, value)}"]
    if request.body:
        words += ["--request-body-size", str(len(_first(scenario, _text(request)).encode("utf-8", "surrogateescape")))]
    if target.server_name:
        words += ["--tls-context", json.dumps({"sni": target.server_name})]
    return shlex.join([*words, base_url(target) + in_a_path(_first(scenario, request.path))])


def _text(request: RequestClass) -> str:
    return request.body.decode("utf-8", "surrogateescape")


def _first(scenario: Scenario, text: str) -> str:
    """Return a text with the values of the first row."""
    rows = scenario.variables.rows
    return "".join(part if isinstance(part, str) else rows[0][part] for part in texts(scenario, text))


def _lost(scenario: Scenario, fail_if: Sequence[str]) -> Iterator[str]:
    yield from lost_everywhere(scenario)
    yield from _lost_requests(scenario)
    mode = scenario.mode
    if not isinstance(mode, Closed):
        yield from _lost_rates(steps(mode))
    elif scenario.sessions.think.high:
        yield "the time to think"
    if scenario.count:
        yield f"the count of {scenario.count:,}"
    if scenario.sessions.users:
        yield "users and their cookies"
    if scenario.target.scheme == "https" and not scenario.target.insecure:
        yield "Nighthawk does not verify certificates"
    if scenario.destination.by is not By.NOTHING:
        yield "the split: Nighthawk does not tell versions apart"
    yield f"the timeout of {scenario.timeout:g} s for an answer: Nighthawk has one for connecting only"
    if fail_if:
        yield f"--fail-if {', '.join(fail_if)}: Nighthawk's predicates compare counters only"


def _lost_requests(scenario: Scenario) -> Iterator[str]:
    request = heaviest(scenario.requests)
    if len(scenario.requests) > 1:
        yield f"the mix: all requests are `{request.name}`, the one of most weight"
    if scenario.variables.rows:
        yield "variables: the first row is sent always"
    if request.body:
        yield "the body: only its size, filled with the letter a"
    if request.method not in _METHODS:
        yield f"the method {request.method}"


def _lost_rates(given: Sequence[Stage]) -> Iterator[str]:
    if any(each.start != each.end for each in given):
        yield "ramps: each is one stage at its mean rate"
    if len(given) > 1:
        yield "one run: each stage is a command with figures of its own"
    if any(not float(each.seconds).is_integer() or not float(each.start).is_integer() for each in given):
        yield "fractions of seconds and of requests a second: Nighthawk takes whole numbers, from 1"

"""Runs drawn from a seed, with everything a report can show: two versions, errors, a pause, warm-up, late requests."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace

from edgesim.analysis import ArmNumbers, Kind, Verdict
from edgesim.load.outcome import Outcome
from edgesim.load.results import Cell, ClientSide, LoadResult, Machine, Second, SessionPattern
from edgesim.load.scenario import By, Destination, Open, RequestClass, Scenario, Stage, Target
from edgesim.load.stops import condition, look
from edgesim.telemetry import slots
from edgesim.telemetry.slots import Slots

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'&\u2028"
"""A name that breaks out of whatever does not escape it."""
_LIMIT = "A client process used up to 97% of its core, over 90% in 3 second(s): use more --workers."


def scenario(seconds: float = 30, rate: float = 200, name: str = "GET /") -> Scenario:
    """Return an open loop at an even rate, with two seconds of warm-up."""
    return Scenario(
        Target("http", "shop.example", 8080, "shop.example:8080"),
        (RequestClass(name, weight=3), RequestClass("POST /cart", "POST", "/cart", body=b"{}")),
        Open((Stage(seconds, rate, rate),)),
        destination=Destination(By.HEADER, "x-version"),
        warm_up=2.0 if seconds > 4 else 0.0,
        seed=7,
    )


def result(
    seconds: int = 30,
    rate: int = 200,
    versions: tuple[str, ...] = ("v1", "v2"),
    weights: tuple[int, ...] = (90, 10),
    name: str = "GET /",
    limits: tuple[str, ...] = (),
) -> LoadResult:
    """Return a run in which the last version is slower, now and then fails, and all pause for a second in the middle."""
    draw = random.Random(20261124)
    asked = scenario(seconds, rate, name)
    cells: dict[tuple[str, int, str, str], Cell] = {}
    timeline = []
    for at in range(seconds):
        seen = [_request(draw, at, seconds, versions, weights, name) for _ in range(rate)]
        timeline.append(_second(at, rate, seen))
        if at >= asked.warm_up:
            _count(cells, seen)
    measured = seconds - asked.warm_up
    every = sum(cell.count for cell in cells.values())
    return LoadResult(
        asked,
        "2026-11-24T17:09:00+00:00",
        measured,
        every,
        every,
        ClientSide(1, 0.97 if limits else 0.31, 61, 0, 40, limits),
        tuple(cell for _, cell in sorted(cells.items())),
        tuple(timeline),
        (SessionPattern({"v1": 3}, 40), SessionPattern({"v2": 3}, 4)),
        {slots.slot_of(draw.randrange(80, 400)): 1 for _ in range(16)},
        "",
        Machine("Linux-6.1.0-x86_64", "Example CPU @ 3.00GHz", 2, "3.11.2"),
        "0.4.0",
        "0123abc",
    )


_Seen = tuple[str, int, str, str, int, int]


def _request(
    draw: random.Random, at: int, seconds: int, versions: tuple[str, ...], weights: tuple[int, ...], name: str
) -> _Seen:
    version = draw.choices(versions, weights[: len(versions)])[0]
    bad = version == versions[-1]
    request = name if draw.random() < 0.75 else "POST /cart"
    if draw.random() < 0.002:
        return request, 0, "", "timeout", 10_000_000, 10_000_000
    status = 503 if bad and draw.random() < 0.04 else 200
    service = int(draw.lognormvariate(7.6 if bad else 7.1, 0.35)) + 200
    waited = draw.randrange(0, 1_000_000) if at == seconds // 2 and draw.random() < 0.5 else draw.randrange(0, 60)
    return request, status, version, "", service + waited, service


def _second(at: int, rate: int, seen: list[_Seen]) -> Second:
    by: dict[str, Slots] = {}
    failed: Counter[str] = Counter()
    errors: Counter[str] = Counter()
    for _, status, version, error, latency, _service in seen:
        if status:
            slots.add(by.setdefault(version, {}), {slots.slot_of(latency): 1})
        if status >= 500:
            failed[version] += 1
        if error or status >= 500:
            errors[error or "5xx"] += 1
    split = {version: slots.count(each) for version, each in by.items()}
    late = sum(1 for each in seen if each[4] - each[5] > 10_000)
    return Second(
        at, rate, rate, late, sum(split.values()), late // 2, dict(errors), split, slots.total(by.values()), by,
        dict(failed), 0.3,
    )  # fmt: skip


def _count(cells: dict[tuple[str, int, str, str], Cell], seen: list[_Seen]) -> None:
    for request, status, version, error, latency, service in seen:
        key = (request, status, version, error)
        before = cells.get(key) or Cell(*key)
        slots.add(before.latency, {slots.slot_of(latency): 1})
        slots.add(before.service, {slots.slot_of(service): 1})
        cells[key] = replace(before, count=before.count + 1, received=before.received + (180 if status else 0))


def verdicts() -> tuple[Verdict, ...]:
    """Return one verdict of each kind."""
    arms = (
        ArmNumbers("v1", 0.9, 5038, 0.9, 0.892, 0.9075, 0.891, 0.908, 0.83, 0.02, 0.999, 2400),
        ArmNumbers("v2", 0.1, 560, 0.1, 0.0925, 0.108, 0.092, 0.109, 0.83, 0.02, 0.999, 2400),
    )
    split = "5,598 requests are split as 90/10: nothing speaks against it (p = 0.83)."
    errors = "v2 fails more often than v1: 4.1% of 560 against 0.0% of 5,038."
    more = "Whether v2 is slower than v1 cannot be told yet."
    return (
        Verdict(Kind.PASS, "split", "Are answers split as v1=90, v2=10?", (split,), 0.99, 0, arms=arms, p_value=0.83),
        Verdict(
            Kind.FAIL,
            "errors",
            "Does v2 fail more often than v1?",
            (errors,),
            0.95,
            p_value=1e-9,
            numbers={"difference": 0.041, "newcombe_low": 0.021},
        ),
        Verdict(
            Kind.NEED_MORE_DATA,
            "latency p50",
            "Is v2 slower than v1?",
            (more, "Some 1,200 more are needed."),
            0.95,
            1200,
        ),
    )


def outcome(made: LoadResult | None = None, *, judged: bool = True) -> Outcome:
    """Return a run with one condition that is met, one that is not, and verdicts."""
    made = made or result()
    looked = tuple(look(condition("--fail-if", text), made.cells) for text in ("p99>50ms", "errors>5%"))
    return Outcome(made, looked if judged else (), verdicts() if judged else ())


def limited() -> LoadResult:
    """Return a run in which the client may be what was measured."""
    return result(limits=(_LIMIT,))

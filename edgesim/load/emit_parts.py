"""What the writers of other tools' scripts share: URLs, stages, pieces of texts with variables, what none of them has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil

from edgesim.load.scenario import Arrivals, Closed, Open, RequestClass, Scenario, Stage, Target
from edgesim.load.variables import pieces

_MOST_STAGES = 100


@dataclass(frozen=True, slots=True)
class Emitted:
    """A script, and sentences about what of the scenario is not in it."""

    text: str
    lost: tuple[str, ...] = ()


def base_url(target: Target) -> str:
    """Return the URL of a target without its path."""
    host = f"[{target.host}]" if ":" in target.host else target.host
    default = {"http": 80, "https": 443}[target.scheme]
    return f"{target.scheme}://{host}" + ("" if target.port == default else f":{target.port}")


def stages(mode: Open) -> tuple[Stage, ...]:
    """Return the stages of an open loop; those of a replay are steps of its own rates, a hundred at most."""
    if not mode.times:
        return mode.stages
    seconds = max(1.0, mode.times[-1])
    width = max(1.0, ceil(seconds / _MOST_STAGES))
    counted = Counter(int(at / width) for at in mode.times)
    rates = [counted[index] / width for index in range(int(seconds / width) + 1)]
    return tuple(Stage(width, rate, rate) for rate in rates)


def lost_everywhere(scenario: Scenario) -> Iterator[str]:
    """Yield what no tool but edgesim does."""
    mode = scenario.mode
    if isinstance(mode, Open) and mode.times:
        yield "the times and the order of the log: rates in steps instead, with requests drawn by how often each came"
    if isinstance(mode, Open) and mode.arrivals is Arrivals.POISSON:
        yield "Poisson arrivals: requests are spaced evenly"
    if scenario.warm_up or scenario.cool_down:
        yield "warm-up and cool-down: their requests are in all figures"
    if scenario.seed:
        yield "the seed: draws differ from run to run"
    if scenario.target.ca_file:
        yield f"the file of trusted certificates, {scenario.target.ca_file}"


def texts(scenario: Scenario, text: str) -> list[str | int]:
    """Return a text in pieces, numbers standing for columns of the variables."""
    if not scenario.variables.rows:
        return [text] if text else []
    return list(pieces(text, scenario.variables.names))


def fields(scenario: Scenario, request: RequestClass) -> list[tuple[str, str]]:
    """Return the headers of a request, and those that say when its connection ends."""
    closing = [("Connection", "close")] if scenario.per_connection == 1 else []
    return [*request.headers, *closing]


def heaviest(requests: Sequence[RequestClass]) -> RequestClass:
    """Return the request that is sent most often."""
    return max(requests, key=lambda each: each.weight)


def seconds_of(scenario: Scenario) -> float:
    """Return for how long requests are sent."""
    mode = scenario.mode
    return mode.seconds if isinstance(mode, Closed) else sum(each.seconds for each in stages(mode))

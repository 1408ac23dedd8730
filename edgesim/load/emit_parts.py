"""What the writers of other tools' scripts share: URLs, stages, pieces of texts with variables, what none of them has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from edgesim.load.abridged import steps
from edgesim.load.scenario import Arrivals, Closed, Open, RequestClass, Scenario, Target
from edgesim.load.variables import pieces


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
    return mode.seconds if isinstance(mode, Closed) else sum(each.seconds for each in steps(mode))

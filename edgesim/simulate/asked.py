"""The questions of a simulation as people type them: `errors+1%`, `5%:10m,25%:10m,100%`, `users<1000`."""

from __future__ import annotations

import re

from edgesim.dialects.gloo.durations import seconds
from edgesim.dialects.route_tests.shares import share
from edgesim.model import EdgesimError
from edgesim.model.codes import failure
from edgesim.simulate.plans import Bound, Of
from edgesim.simulate.rollout import Plan, Step

_DETECT = re.compile(r"\s*errors\s*\+\s*(\S+)\s*\Z")
_RISK = re.compile(r"\s*(users|requests|errors)\s*<\s*([0-9][0-9_,]*)\s*\Z")
_TIME = re.compile(r"(?:[0-9]+(?:\.[0-9]*)?(?:ms|s|m|h))+\Z")
LONGEST = 30 * 24 * 3600.0
"""Seconds that can be typed."""
_FORM = "write `5%:10m,25%:10m,100%`"


def wrong(option: str, said: str, why: str) -> EdgesimError:
    """Return what to raise for an option that cannot be read."""
    return failure("ES1103", f"{option} `{said}`: {why}", exit_code=2)


def read_share(option: str, text: str) -> float:
    """Read a share strictly between nothing and everything. Raises EdgesimError, as all readers here."""
    try:
        found = float(share(text))
    except ValueError as error:
        raise wrong(option, text, str(error)) from None
    if not 0 < found < 1:
        raise wrong(option, text, "it lies between 0% and 100%")
    return found


def read_rate(option: str, text: str) -> float:
    """Read a share of errors, 0 included."""
    return 0.0 if text.strip() in {"0", "0%"} else read_share(option, text)


def read_seconds(option: str, text: str) -> float:
    """Read a duration of more than nothing."""
    if not _TIME.match(text.strip()) or not 0 < (found := seconds(text.strip())) <= LONGEST:
        raise wrong(option, text, "it is no duration of up to 30 days: write `10s`, `5m` or `1h30m`")
    return found


def read_rise(text: str) -> float:
    """Read what is to be detected: `errors+1%`, by how many points the share of errors rises."""
    found = _DETECT.match(text)
    if found is None:
        raise wrong("--detect", text, "write `errors+1%`: by how much the share of errors rises")
    return read_share("--detect", found[1])


def read_bound(text: str, power: float) -> Bound:
    """Read a bound on the risk: `users<1000`, `requests<5000` or `errors<100`."""
    found = _RISK.match(text)
    if found is None:
        raise wrong("--risk", text, "write `users<1000`, `requests<5000` or `errors<100`")
    return Bound(Of(found[1]), float(found[2].replace(",", "").replace("_", "")), power)


def read_plan(text: str) -> Plan:
    """Read the steps of a rollout: shares that grow, each with the time it is held, and 100% at the end."""
    steps = [_step(text, part.strip()) for part in text.split(",")]
    if steps[-1].share != 1:
        raise wrong("--plan", text, "the last step is `100%`: a plan ends when everybody has the new version")
    if len(steps) < 2 or any(not step.seconds for step in steps[:-1]):
        raise wrong("--plan", text, f"each step but the last is held for a time: {_FORM}")
    if steps[-1].seconds:
        raise wrong("--plan", text, f"the last step is the end, and is held for no time: {_FORM}")
    shares = [step.share for step in steps]
    if shares != sorted(set(shares)):
        raise wrong("--plan", text, "shares grow from step to step")
    return tuple(steps)


def _step(text: str, part: str) -> Step:
    given, colon, held = part.partition(":")
    try:
        found = float(share(given))
    except ValueError as error:
        raise wrong("--plan", text, f"`{given}` is no share: {error}") from None
    if not found:
        raise wrong("--plan", text, "a step has more than 0%")
    return Step(found, read_seconds("--plan", held) if colon else 0.0)

"""Conditions on the figures of a run, as `p99>50ms` or `errors>1%`: read, and looked at."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

from edgesim.backends.behaviour import parse_duration
from edgesim.load.results import Cell
from edgesim.model import EdgesimError
from edgesim.model.codes import failure
from edgesim.telemetry import slots

_WRITTEN = re.compile(r"\s*([a-z]+)([0-9.]*)\s*(<=|>=|<|>)\s*(\S+)\s*")
_WHAT = "a percentile as `p99`, `mean`, `max` or `errors`"
_ENOUGH = 100
"""Requests before a mean or a share says much, while the run goes on."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One figure compared with a limit: microseconds, or for errors a share or, where `absolute`, a number."""

    text: str
    figure: str
    """`percentile`, `mean`, `max` or `errors`."""
    percent: float
    above: bool
    """Whether it is true above the limit, or below."""
    inclusive: bool
    limit: float
    absolute: bool = False


@dataclass(frozen=True, slots=True)
class Looked:
    """What a condition was found to be."""

    condition: Condition
    true: bool
    figure: str
    """As it is shown, `61.2 ms`."""
    enough: bool
    """Whether there were so many requests that the figure means something."""

    @property
    def sentence(self) -> str:
        """What was found."""
        return f"{self.condition.text}: it is {self.figure}"


def condition(option: str, text: str) -> Condition:
    """Read a condition. Raises EdgesimError."""
    found = _WRITTEN.fullmatch(text)
    if found is None:
        raise _wrong(option, text, f"write {_WHAT}, `<` or `>`, and a limit: `p99>50ms`, `errors>1%`")
    name, digits, sign, value = found.groups()
    figure = "percentile" if name == "p" and digits else name
    percent = _percent(option, text, digits) if figure == "percentile" else 0.0
    if figure not in {"percentile", "mean", "max", "errors"} or (digits and figure != "percentile"):
        raise _wrong(option, text, f"`{name}{digits}` is no figure: there are {_WHAT}")
    limit, absolute = _share(option, text, value) if figure == "errors" else (_duration(option, text, value), False)
    return Condition(text.strip(), figure, percent, sign[0] == ">", len(sign) > 1, limit, absolute)


def _percent(option: str, text: str, digits: str) -> float:
    try:
        percent = float(digits)
    except ValueError:
        percent = 0.0
    if not 0 < percent < 100:
        raise _wrong(option, text, f"`p{digits}` is no percentile between p0 and p100")
    return percent


def _duration(option: str, text: str, value: str) -> float:
    try:
        return parse_duration(value) * 1e6
    except ValueError:
        raise _wrong(option, text, f"`{value}` is no duration: write `50ms` or `0.05s`") from None


def _share(option: str, text: str, value: str) -> tuple[float, bool]:
    try:
        number = float(value.removesuffix("%"))
    except ValueError:
        number = -1.0
    if not 0 <= number < math.inf:
        raise _wrong(option, text, f"`{value}` is neither a share, as `1%`, nor a number of errors")
    return (number / 100, False) if value.endswith("%") else (number, True)


def _wrong(option: str, text: str, why: str) -> EdgesimError:
    return failure("ES1201", f"{option} `{text}`: {why}", exit_code=2)


def look(asked: Condition, cells: Iterable[Cell]) -> Looked:
    """Look at what was measured so far. Errors are requests without an answer, and answers of 500 and more."""
    seen = list(cells)
    if asked.figure == "errors":
        return _errors(asked, seen)
    latency = slots.total(cell.latency for cell in seen if cell.status)
    if asked.figure == "mean":
        value, needed = slots.mean(latency), _ENOUGH
    elif asked.figure == "max":
        value, needed = float(slots.highest(latency)), 1
    else:
        value = float(slots.percentiles(latency, [asked.percent])[0])
        needed = round(100 / (100 - asked.percent))
    answered = slots.count(latency)
    return Looked(asked, bool(answered) and _compare(asked, value), f"{value / 1000:.4g} ms", answered >= needed)


def _errors(asked: Condition, cells: list[Cell]) -> Looked:
    all_of_them = sum(cell.count for cell in cells)
    failed = sum(cell.count for cell in cells if is_error(cell))
    share = failed / all_of_them if all_of_them else 0.0
    value = failed if asked.absolute else share
    enough = asked.absolute or all_of_them >= _ENOUGH
    return Looked(asked, _compare(asked, value), f"{share:.3%} ({failed:,} of {all_of_them:,})", enough)


def is_error(cell: Cell) -> bool:
    """Tell whether requests went wrong: without an answer, or with one of 500 and more."""
    return not cell.status or cell.status >= 500


def _compare(asked: Condition, value: float) -> bool:
    if asked.inclusive and value == asked.limit:
        return True
    return value > asked.limit if asked.above else value < asked.limit

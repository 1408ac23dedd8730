"""What is expected of a run, read from `--expect-split v1=90,v2=10` and `--compare v1,v2`; `verdicts` judges it."""

from __future__ import annotations

from dataclasses import dataclass

from edgesim.load.scenario import By, Scenario
from edgesim.model import EdgesimError
from edgesim.model.codes import failure

CONFIDENCE = 0.99
MARGIN = 0.01
"""How much higher the error rate of a version may be that is not called worse: one point."""
LATENCY_MARGIN = 0.1
"""How much slower its median may be. For p99 it is `TAIL` times as much, since few requests say something of a tail."""
TAIL = 2.5


@dataclass(frozen=True, slots=True)
class Split:
    """Weights by destination; shares within `tolerance` of them pass, and without one those that draws explain."""

    weights: dict[str, float]
    tolerance: float | None = None
    confidence: float = CONFIDENCE


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two versions, the old one and the new one, and how much worse the new one may be."""

    before: str
    after: str
    margin: float = MARGIN
    latency_margin: float = LATENCY_MARGIN
    confidence: float = CONFIDENCE


@dataclass(frozen=True, slots=True)
class Expectations:
    """What is asked; nothing where both are None."""

    split: Split | None = None
    comparison: Comparison | None = None

    def __bool__(self) -> bool:
        """Whether anything is asked."""
        return self.split is not None or self.comparison is not None


@dataclass(frozen=True, slots=True)
class Wanted:
    """The options as they were typed (or stand in a scenario file); empty where they were not."""

    expect_split: str = ""
    tolerance: str = ""
    compare: str = ""
    margin: str = ""
    latency_margin: str = ""
    confidence: str = ""


def expectations(wanted: Wanted) -> Expectations:
    """Read the options. Raises EdgesimError, as all readers here."""
    if wanted.tolerance and not wanted.expect_split:
        raise _wrong("--tolerance", wanted.tolerance, "it is for --expect-split, which is not there")
    for option, text in (("--margin", wanted.margin), ("--latency-margin", wanted.latency_margin)):
        if text and not wanted.compare:
            raise _wrong(option, text, "it is for --compare, which is not there")
    if wanted.confidence and not (wanted.expect_split or wanted.compare):
        raise _wrong("--confidence", wanted.confidence, "it is for --expect-split and --compare, which are not there")
    confidence = confidence_of(wanted.confidence) if wanted.confidence else CONFIDENCE
    split = _split(wanted, confidence) if wanted.expect_split else None
    return Expectations(split, _comparison(wanted, confidence) if wanted.compare else None)


def _split(wanted: Wanted, confidence: float) -> Split:
    tolerance = share_of("--tolerance", wanted.tolerance) if wanted.tolerance else None
    return Split(weights_of(wanted.expect_split), tolerance, confidence)


def weights_of(text: str) -> dict[str, float]:
    """Read `v1=90,v2=10`: any numbers from 0, in proportion."""
    weights: dict[str, float] = {}
    for part in text.split(","):
        name, equals, number = part.strip().rpartition("=")
        if not equals or not name.strip():
            raise _wrong(
                "--expect-split", text, f"`{part.strip()}` is no destination with its weight: write `v1=90,v2=10`"
            )
        if name.strip() in weights:
            raise _wrong("--expect-split", text, f"`{name.strip()}` stands there twice")
        weights[name.strip()] = _weight(text, number)
    if not sum(weights.values()):
        raise _wrong("--expect-split", text, "all weights are zero, with which nothing is served")
    return weights


def _weight(text: str, number: str) -> float:
    try:
        weight = float(number.strip().removesuffix("%"))
    except ValueError:
        weight = -1.0
    if not 0 <= weight <= 1e9:
        raise _wrong("--expect-split", text, f"`{number.strip()}` is no weight: write a number from 0")
    return weight


def _comparison(wanted: Wanted, confidence: float) -> Comparison:
    names = [each.strip() for each in wanted.compare.split(",")]
    if len(names) != 2 or not all(names):
        raise _wrong("--compare", wanted.compare, "name two versions, the old one and the new one: `v1,v2`")
    if names[0] == names[1]:
        raise _wrong("--compare", wanted.compare, "both are the same")
    margin = share_of("--margin", wanted.margin) if wanted.margin else MARGIN
    slower = share_of("--latency-margin", wanted.latency_margin) if wanted.latency_margin else LATENCY_MARGIN
    return Comparison(names[0], names[1], margin, slower, confidence)


def share_of(option: str, text: str) -> float:
    """Read a share, `0.5%`: above 0, at most 100%."""
    try:
        number = float(text.strip().removesuffix("%")) / 100
    except ValueError:
        number = -1.0
    if not text.strip().endswith("%") or not 0 < number <= 1:
        raise _wrong(option, text, "write a share above 0%, as `1%` or `0.5%`")
    return number


def confidence_of(text: str) -> float:
    """Read a confidence, `0.99` or `99%`."""
    try:
        number = float(text.strip().removesuffix("%")) / (100 if text.strip().endswith("%") else 1)
    except ValueError:
        number = -1.0
    if not 0.5 <= number <= 0.999999:
        raise _wrong("--confidence", text, "write a number from 0.5 to 0.999999, as `0.99` or `99%`")
    return number


def check(asked: Expectations, scenario: Scenario) -> None:
    """Find out before the run that its answers will tell their version. Raises EdgesimError."""
    if asked and scenario.destination.by is By.NOTHING:
        option = "--expect-split" if asked.split else "--compare"
        said = f"{option}: nothing says which version an answer comes from"
        raise failure(
            "ES1230", said, "give --by, as --by header:x-version or --by 'body:version:(v[0-9]+)'", exit_code=2
        )


def _wrong(option: str, text: str, why: str) -> EdgesimError:
    return failure("ES1230", f"{option} `{text}`: {why}", exit_code=2)

"""What `edgesim.io/...` annotations on a pod template script: latency, errors, when they begin.

| annotation | value |
|---|---|
| `edgesim.io/latency` | `20ms`, `normal(20ms,5ms)`, `lognormal(20ms,5ms)`, `uniform(10ms,30ms)` |
| `edgesim.io/error-rate` | a share of requests, `0.05` or `5%` |
| `edgesim.io/error-code` | the status of those, 500 if not given |
| `edgesim.io/degrade-after` | how long after its start a pod begins to show latency and errors |
| `edgesim.io/ready-after` | how long after its start a pod becomes ready |

`normal(m,s)` has mean m and standard deviation s and is cut off at 0. `lognormal(m,s)` too has mean m
and standard deviation s *of the latency itself* (not of its logarithm): the long tail of real services
with the same two numbers. `uniform(a,b)` lies between a and b.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Final

from edgesim.dialects.nearest import did_you_mean

PREFIX: Final = "edgesim.io/"
ADDRESS: Final = "edgesim.io/address"
LATENCY: Final = "edgesim.io/latency"
ERROR_RATE: Final = "edgesim.io/error-rate"
ERROR_CODE: Final = "edgesim.io/error-code"
DEGRADE_AFTER: Final = "edgesim.io/degrade-after"
READY_AFTER: Final = "edgesim.io/ready-after"

_UNITS: Final = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_SHORTEST: Final = 1e-9
_PART: Final = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|ms|s|m|h)")
_DISTRIBUTION: Final = re.compile(r"([a-z]+)\(([^,()]*),([^,()]*)\)")
_NUMBER: Final = re.compile(r"(\d+\.?\d*|\.\d+)(%?)")


@dataclass(frozen=True, slots=True)
class Latency:
    """A distribution of seconds: a key of `SAMPLERS` and its parameters."""

    distribution: str
    first: float
    second: float = 0.0


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How a pod answers besides correctly; `degrade_after` is in seconds after its start."""

    latency: Latency | None = None
    error_rate: float = 0.0
    error_code: int = 500
    degrade_after: float = 0.0

    def __bool__(self) -> bool:
        return self.latency is not None or self.error_rate > 0


STEADY: Final = Behaviour()


@dataclass(frozen=True, slots=True)
class BadAnnotation:
    """An annotation whose value cannot be read, or whose name is no annotation of edgesim's."""

    name: str
    code: str
    message: str
    hint: str = ""


def _normal(random: Random, mean: float, deviation: float) -> float:
    return max(0.0, random.gauss(mean, deviation))


def _lognormal(random: Random, mean: float, deviation: float) -> float:
    if mean < _SHORTEST:
        return 0.0
    # log(1 + (s/m)^2), in a form that does not overflow where the mean is next to nothing.
    variance = 2 * math.log(math.hypot(1, deviation / mean))
    return random.lognormvariate(math.log(mean) - variance / 2, math.sqrt(variance))


SAMPLERS: Final[Mapping[str, Callable[[Random, float, float], float]]] = {
    "fixed": lambda _random, seconds, _unused: seconds,
    "normal": _normal,
    "lognormal": _lognormal,
    "uniform": lambda random, low, high: random.uniform(low, high),
}


def sample(latency: Latency, random: Random) -> float:
    """Draw one latency, in seconds."""
    return SAMPLERS[latency.distribution](random, latency.first, latency.second)


def parse_duration(text: str) -> float:
    """Read a duration as Go and Kubernetes write it (`1m30s`, `20ms`, `0`), in seconds.

    Raises:
        ValueError: it is not one.
    """
    stripped = text.strip()
    if stripped == "0":
        return 0.0
    parts = list(_PART.finditer(stripped))
    if not parts or "".join(part.group() for part in parts) != stripped:
        raise ValueError(f"{text!r} is not a duration such as 20ms or 1.5s")
    return sum(float(part[1]) * _UNITS[part[2]] for part in parts)


def parse_latency(text: str) -> Latency:
    """Read the value of `edgesim.io/latency`.

    Raises:
        ValueError: it is neither a duration nor a known distribution of two durations.
    """
    found = _DISTRIBUTION.fullmatch(text.strip())
    if found is None:
        return Latency("fixed", parse_duration(text))
    name, first, second = found[1], parse_duration(found[2]), parse_duration(found[3])
    if name == "fixed" or name not in SAMPLERS:
        raise ValueError(f"{name!r} is not a distribution: normal, lognormal or uniform")
    if name == "uniform" and first > second:
        raise ValueError(f"uniform goes from low to high, {text.strip()!r} does not")
    return Latency(name, first, second)


def parse_rate(text: str) -> float:
    """Read a share between 0 and 1, written `0.05` or `5%`.

    Raises:
        ValueError: it is not one.
    """
    found = _NUMBER.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is not a share such as 0.05 or 5%")
    rate = float(found[1]) / (100 if found[2] else 1)
    if rate > 1:
        hint = "" if found[2] or rate > 100 else f"; did you mean {found[1]}%?"
        raise ValueError(f"{text!r} is more than every request{hint}")
    return rate


def parse_code(text: str) -> int:
    """Read a final HTTP status code.

    Raises:
        ValueError: it is not one.
    """
    if not re.fullmatch(r"[2-5]\d\d", text.strip()):
        raise ValueError(f"{text!r} is not a status code between 200 and 599")
    return int(text)


def parse_address(text: str) -> tuple[str, int]:
    """Read the `host:port` of a user's own program; an IPv6 host stands in brackets.

    Raises:
        ValueError: it is not one.
    """
    host, colon, port = text.strip().rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not host or "/" in host or not port.isascii() or not port.isdigit():
        raise ValueError(f"{text!r} is not host:port, such as 127.0.0.1:3000")
    if not 0 < int(port) < 65536:
        raise ValueError(f"port {port} does not exist")
    return host, int(port)


@dataclass(frozen=True, slots=True)
class _Annotation:
    """One row of the table that drives `parse_behaviour`."""

    code: str
    parse: Callable[[str], object]


ANNOTATIONS: Final[Mapping[str, _Annotation]] = {
    ADDRESS: _Annotation("ES0410", parse_address),
    LATENCY: _Annotation("ES0411", parse_latency),
    ERROR_RATE: _Annotation("ES0412", parse_rate),
    ERROR_CODE: _Annotation("ES0413", parse_code),
    DEGRADE_AFTER: _Annotation("ES0414", parse_duration),
    READY_AFTER: _Annotation("ES0418", parse_duration),
}


KNOWN: Final = frozenset({*ANNOTATIONS, "edgesim.io/ignore"})
"""All annotations of edgesim's; those without a row above are read elsewhere."""


def _unknown(name: str) -> BadAnnotation:
    return BadAnnotation(name, "ES0416", f"{name} is no annotation of edgesim's", did_you_mean(name, KNOWN))


def parse_annotations(annotations: Mapping[str, str]) -> tuple[dict[str, object], list[BadAnnotation]]:
    """Read the annotations this table names; a bad one is left out and told of."""
    values: dict[str, object] = {}
    bad = [_unknown(name) for name in annotations if name.startswith(PREFIX) and name not in KNOWN]
    for name, row in ANNOTATIONS.items():
        if name not in annotations:
            continue
        try:
            values[name] = row.parse(annotations[name])
        except ValueError as error:
            bad.append(BadAnnotation(name, row.code, str(error)))
    return values, bad


def behaviour_of(values: Mapping[str, object]) -> Behaviour:
    """Make a behaviour of what `parse_annotations` read."""
    latency, rate = values.get(LATENCY), values.get(ERROR_RATE, 0.0)
    code, after = values.get(ERROR_CODE, 500), values.get(DEGRADE_AFTER, 0.0)
    assert latency is None or isinstance(latency, Latency)
    assert isinstance(rate, float) and isinstance(code, int) and isinstance(after, float)  # noqa: PT018 - one fact
    return Behaviour(latency, rate, code, after)

"""A run as fortio's JSON, which its report pages and `fortio report` read; names are those of fortio's own structures.

https://github.com/fortio/fortio: periodic.RunnerResults, stats.HistogramData, fhttp.HTTPRunnerResults. Durations are
seconds, of the latency from the intended send time; what fortio does not measure is not there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from edgesim.load.outcome import Outcome
from edgesim.load.percentiles import deviation, lowest, total_of
from edgesim.load.results import Cell, LoadResult
from edgesim.load.scenario import Arrivals, Closed, Open, Scenario
from edgesim.load.span import length
from edgesim.telemetry import slots

_PERCENTS = (50.0, 75.0, 90.0, 95.0, 99.0, 99.9)
_SECOND = 1_000_000
_NO_ANSWER = "-1"
"""What fortio counts requests under that had no answer."""

Object = dict[str, Any]


def fortio(outcome: Outcome) -> bytes:
    """Return a run as a result of `fortio load -json`."""
    return msgspec.json.format(msgspec.json.encode(_result(outcome.result))) + b"\n"


def _result(result: LoadResult) -> Object:
    scenario, cells = result.scenario, result.cells
    mode, target = scenario.mode, scenario.target
    return {
        "RunType": "HTTP",
        "Labels": " ".join([f"{name}={value}" for name, value in scenario.labels.items()]) or "edgesim",
        "StartTime": result.started,
        "RequestedQPS": "max" if isinstance(mode, Closed) else f"{result.asked / result.seconds:.9g}",
        "RequestedDuration": f"exactly {scenario.count} calls" if scenario.count else _go_duration(length(scenario)),
        "ActualQPS": sum(cell.count for cell in cells) / result.seconds,
        "ActualDuration": round(result.seconds * 1e9),
        "NumThreads": scenario.connections,
        "Version": f"edgesim {result.version}",
        "DurationHistogram": _histogram(slots.total(cell.latency for cell in cells)),
        "ErrorsDurationHistogram": _histogram(slots.total(cell.latency for cell in cells if not _is_ok(cell))),
        "Exactly": scenario.count,
        "Jitter": False,
        "Uniform": isinstance(mode, Open) and mode.arrivals is Arrivals.EVEN,
        "NoCatchUp": False,
        "RunID": 0,
        "AccessLoggerInfo": "",
        "ID": datetime.fromisoformat(result.started).strftime("%Y-%m-%d-%H%M%S"),
        "RetCodes": _codes(cells),
        "Insecure": target.insecure,
        "URL": f"{target.scheme}://{target.authority}{target.path}",
        "NumConnections": scenario.connections,
        "DisableKeepAlive": scenario.per_connection == 1,
        "HTTPReqTimeOut": round(scenario.timeout * 1e9),
        **_payload(scenario),
    }


def _payload(scenario: Scenario) -> Object:
    one = scenario.requests[0]
    return {"MethodOverride": one.method} if len(scenario.requests) == 1 and one.method != "GET" else {}


def _is_ok(cell: Cell) -> bool:
    return 200 <= cell.status < 300


def _codes(cells: Iterable[Cell]) -> dict[str, int]:
    found: Counter[str] = Counter()
    for cell in cells:
        found[str(cell.status) if cell.status else _NO_ANSWER] += cell.count
    return dict(found)


def _histogram(counted: Mapping[int, int]) -> Object:
    percentiles = zip(_PERCENTS, slots.percentiles(counted, _PERCENTS), strict=True)
    return {
        "Count": slots.count(counted),
        "Min": lowest(counted) / _SECOND,
        "Max": slots.highest(counted) / _SECOND,
        "Sum": total_of(counted) / _SECOND,
        "Avg": slots.mean(counted) / _SECOND,
        "StdDev": deviation(counted) / _SECOND,
        "Data": _data(counted),
        "Percentiles": [{"Percentile": percent, "Value": value / _SECOND} for percent, value in percentiles],
    }


def _data(counted: Mapping[int, int]) -> list[Object]:
    """Return buckets of two digits, each with the percentage up to its end; the outermost end where the values do."""
    buckets: Counter[tuple[int, int]] = Counter()
    for slot, number in counted.items():
        buckets[_bucket(slots.bounds(slot)[1])] += number
    recorded, seen = slots.count(counted), 0
    made: list[Object] = []
    for (start, end), number in sorted(buckets.items()):
        seen += number
        limits = {"Start": max(start, lowest(counted)) / _SECOND, "End": min(end, slots.highest(counted)) / _SECOND}
        made.append({**limits, "Percent": 100 * seen / recorded, "Count": number})
    return made


def _bucket(microseconds: int) -> tuple[int, int]:
    width = 10 ** max(0, len(str(microseconds)) - 2)
    start = microseconds // width * width
    return start, start + width


def _go_duration(seconds: float) -> str:
    """Return a duration as Go's time.Duration prints one."""
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(int(minutes), 60)
    return f"{f'{hours}h' if hours else ''}{f'{minutes}m' if hours or minutes else ''}{rest:.9g}s"

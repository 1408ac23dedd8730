"""A run as Prometheus text (exposition format 0.0.4), for a file of node_exporter's or a push gateway.

https://prometheus.io/docs/instrumenting/exposition_formats/, names by https://prometheus.io/docs/practices/naming/:
base units, `_total` on counters. A histogram's bucket counts to the resolution of HdrHistogram, 0.1%.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime

from edgesim.analysis import Kind
from edgesim.load.outcome import Outcome
from edgesim.load.percentiles import cumulative, is_open, total_of
from edgesim.load.results import Cell, LoadResult
from edgesim.telemetry import slots
from edgesim.telemetry.slots import Slots

_BOUNDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Seconds."""
_LIMITS = [round(bound * 1e6) for bound in _BOUNDS]

Labels = Mapping[str, str]


def prometheus(outcome: Outcome) -> bytes:
    """Return the figures of a run."""
    families = (_run, _requests, _answers, _latencies, _client, _judged)
    return "".join(f"{line}\n" for family in families for line in family(outcome)).encode()


def _run(outcome: Outcome) -> Iterator[str]:
    result = outcome.result
    target = result.scenario.target
    labels = {
        "target": f"{target.scheme}://{target.authority}",
        "loop": "open" if is_open(result.scenario) else "closed",
        "version": result.version,
    }
    yield from _single("info", "gauge", "What was loaded, and how; always 1.", 1, labels)
    begun = datetime.fromisoformat(result.started).timestamp()
    yield from _single("start_time_seconds", "gauge", "When the run began, in seconds since 1970.", begun)
    yield from _single(
        "duration_seconds", "gauge", "How long was measured, without warm-up and cool-down.", result.seconds
    )


def _requests(outcome: Outcome) -> Iterator[str]:
    result, side = outcome.result, outcome.result.client
    rows = (
        ("asked", "Requests that the schedule wanted.", result.asked),
        ("sent", "Requests that were sent.", result.sent),
        ("late", "Requests that were sent late, counted from their intended time.", side.late),
        ("unsent", "Requests that found no free connection in time and were never sent.", side.unsent),
    )
    for name, what, value in rows:
        yield from _single(f"requests_{name}_total", "counter", what, value)


def _answers(outcome: Outcome) -> Iterator[str]:
    cells = outcome.result.cells
    answered = [cell for cell in cells if cell.status]
    yield from _head("responses_total", "counter", "Answers by request, status and destination.")
    yield from (_line("responses_total", _labels(cell), cell.count) for cell in answered)
    yield from _head("received_bytes_total", "counter", "Bytes of answers.")
    yield from (_line("received_bytes_total", _labels(cell), cell.received) for cell in answered)
    failed: Counter[tuple[str, str]] = Counter()
    for cell in cells:
        if not cell.status:
            failed[cell.request, cell.error] += cell.count
    yield from _head("errors_total", "counter", "Requests without an answer, by what ended them.")
    for (request, kind), number in sorted(failed.items()):
        yield _line("errors_total", {"request": request, "kind": kind}, number)


def _latencies(outcome: Outcome) -> Iterator[str]:
    result = outcome.result
    yield from _histogram(
        result, "latency_seconds", "From the intended send time to the end of the answer.", lambda cell: cell.latency
    )
    yield from _histogram(
        result, "service_time_seconds", "From the send to the end of the answer.", lambda cell: cell.service
    )
    yield from _head("connect_seconds", "histogram", "From a connection's start to its being ready, TLS included.")
    yield from _buckets("connect_seconds", {}, result.connects)


def _client(outcome: Outcome) -> Iterator[str]:
    side = outcome.result.client
    busy = "The share of its core that the busiest client process used."
    yield from _single("client_busy_ratio", "gauge", busy, side.busy)
    limits = "Signs that the client and not the server was measured; 0 is well."
    yield from _single("client_limits", "gauge", limits, len(side.limits))


def _judged(outcome: Outcome) -> Iterator[str]:
    yield from _head("condition_met", "gauge", "Whether a condition of --fail-if was met.")
    met = {each.condition.text: each.true for each in outcome.looked}
    yield from (_line("condition_met", {"condition": text}, int(true)) for text, true in met.items())
    yield from _head("verdict", "gauge", "1 for the word a question was answered with, 0 for the others.")
    for verdict in {each.question: each for each in outcome.verdicts}.values():
        for kind in Kind:
            labels = {"name": verdict.name, "question": verdict.question, "verdict": kind.value}
            yield _line("verdict", labels, int(kind is verdict.kind))


def _labels(cell: Cell) -> Labels:
    return {"request": cell.request, "status": str(cell.status), "destination": cell.destination}


def _histogram(result: LoadResult, name: str, what: str, of: Callable[[Cell], Slots]) -> Iterator[str]:
    yield from _head(name, "histogram", what)
    for cell in result.cells:
        if cell.status:
            yield from _buckets(name, _labels(cell), of(cell))


def _buckets(name: str, labels: Labels, counted: Slots) -> Iterator[str]:
    recorded = slots.count(counted)
    for bound, number in zip(_BOUNDS, cumulative(counted, _LIMITS), strict=True):
        yield _line(f"{name}_bucket", {**labels, "le": f"{bound:g}"}, number)
    yield _line(f"{name}_bucket", {**labels, "le": "+Inf"}, recorded)
    yield _line(f"{name}_sum", labels, total_of(counted) / 1e6)
    yield _line(f"{name}_count", labels, recorded)


def _single(name: str, kind: str, what: str, value: float, labels: Labels | None = None) -> Iterator[str]:
    yield from _head(name, kind, what)
    yield _line(name, labels or {}, value)


def _head(name: str, kind: str, what: str) -> Iterable[str]:
    return f"# HELP edgesim_load_{name} {what}", f"# TYPE edgesim_load_{name} {kind}"


def _line(name: str, labels: Labels, value: float) -> str:
    written = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels.items())
    return f"edgesim_load_{name}{f'{{{written}}}' if written else ''} {value!r}"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")

"""Stats as Envoy's `/stats/prometheus` writes them (exposition format 0.0.4), and edgesim's own by subset and endpoint.

https://prometheus.io/docs/instrumenting/exposition_formats/. Envoy's counters carry no `_total` of their own, which
libraries that write this format would put there: boards and queries made for Envoy need the names as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from edgesim.telemetry.envoy_names import Labels
from edgesim.telemetry.envoy_stats import Distribution, Metric, is_gauge
from edgesim.telemetry.envoy_text import BUCKETS, LIMITS
from edgesim.telemetry.histogram import Counts, answers, cumulative, duration_sum, recorded, whole
from edgesim.telemetry.tally import Tally

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
OWN: Final = (
    ("edgesim_requests", "requests by cluster, subset and status", ("cluster", "subset", "code")),
    ("edgesim_request_time", "durations in ms by cluster and subset", ("cluster", "subset", "le")),
    (
        "edgesim_endpoint_requests",
        "requests by cluster, endpoint, its pod and status",
        ("cluster", "endpoint", "pod", "code"),
    ),
)
"""Families of what Envoy does not tell: the versions of a canary in one cluster, and where requests went."""


def exposition(found: Iterable[Metric], durations: Iterable[Distribution]) -> str:
    """Return Envoy's families, each with its type."""
    counters: dict[str, list[str]] = {}
    gauges: dict[str, list[str]] = {}
    for metric in found:
        family = f"envoy_{metric.family}"
        (gauges if is_gauge(metric) else counters).setdefault(family, []).append(
            _line(family, metric.labels, metric.value)
        )
    lines = [*_typed("counter", counters), *_typed("gauge", gauges)]
    histograms: dict[str, list[str]] = {}
    for each in durations:
        family = f"envoy_{each.family}"
        histograms.setdefault(family, []).extend(_histogram(family, each.labels, each.counts))
    return "\n".join([*lines, *_typed("histogram", histograms), ""])


def own_exposition(tally: Tally, pods: Mapping[str, str], wanted: Callable[[str], bool] = bool) -> str:
    """Return what is told by subset and endpoint, of families that are wanted; `pods` names endpoints (`address:port`)."""
    by_subset = {(str(c), _subset(s)): counts for (c, s), counts in tally.by("cluster", "subset").items() if c}
    by_endpoint = {(str(c), str(e)): counts for (c, e), counts in tally.by("cluster", "endpoint").items() if c and e}
    families = {
        "edgesim_requests": [line for names, counts in by_subset.items() for line in _requests(names, counts)],
        "edgesim_endpoint_requests": [
            line for names, counts in by_endpoint.items() for line in _to_endpoint(names, counts, pods)
        ],
    }
    times = [
        line
        for (cluster, subset), counts in by_subset.items()
        for line in _histogram("edgesim_request_time", (("cluster", cluster), ("subset", subset)), whole(counts))
    ]
    kinds = (("counter", families), ("histogram", {"edgesim_request_time": times}))
    shown = [(kind, {name: lines for name, lines in each.items() if wanted(name)}) for kind, each in kinds]
    return "\n".join([*(line for kind, each in shown for line in _typed(kind, each)), ""])


def _requests(names: tuple[str, str], counts: Counts) -> Iterator[str]:
    for status, count in answers(counts).items():
        labels = (("cluster", names[0]), ("subset", names[1]), ("code", str(status)))
        yield _line("edgesim_requests", labels, count)


def _to_endpoint(names: tuple[str, str], counts: Counts, pods: Mapping[str, str]) -> Iterator[str]:
    cluster, endpoint = names
    for status, count in answers(counts).items():
        labels = (("cluster", cluster), ("endpoint", endpoint), ("pod", pods.get(endpoint, "")), ("code", str(status)))
        yield _line("edgesim_endpoint_requests", labels, count)


def _subset(subset: object) -> str:
    pairs: Iterable[tuple[str, str]] = subset if isinstance(subset, tuple) else ()
    return ",".join(f"{key}={value}" for key, value in pairs)


def _typed(kind: str, families: Mapping[str, list[str]]) -> Iterator[str]:
    for family, lines in families.items():
        if lines:
            yield f"# TYPE {family} {kind}"
            yield from lines


def _line(name: str, labels: Labels, value: float) -> str:
    inside = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels)
    return f"{name}{{{inside}}} {value:.15g}"


def _histogram(family: str, labels: Labels, counts: Mapping[int, int]) -> Iterator[str]:
    for bound, count in zip(BUCKETS, cumulative(counts, LIMITS), strict=True):
        yield _line(f"{family}_bucket", (*labels, ("le", f"{bound:.15g}")), count)
    yield _line(f"{family}_bucket", (*labels, ("le", "+Inf")), recorded(counts))
    yield _line(f"{family}_sum", labels, duration_sum(counts) / 1000)
    yield _line(f"{family}_count", labels, recorded(counts))


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")

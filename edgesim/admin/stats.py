"""What the proxy counted: in Envoy's names at /stats and /stats/prometheus, as rows at /edgesim/v1/stats."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import msgspec
from aiohttp import web

from edgesim.admin.context import CONTEXT, instance_of
from edgesim.admin.envoy_around import around, asked_of_envoy, matching
from edgesim.config.api_errors import ApiError
from edgesim.dialects.nearest import did_you_mean
from edgesim.telemetry.envoy_stats import Distribution, Metric, Surroundings, distributions, is_gauge, metrics
from edgesim.telemetry.envoy_text import as_json, as_text
from edgesim.telemetry.histogram import recorded
from edgesim.telemetry.prometheus import CONTENT_TYPE, exposition, own_exposition
from edgesim.telemetry.rows import SCOPES, Row, rows
from edgesim.telemetry.tally import Tally

if TYPE_CHECKING:
    import re2

_TYPES = ("All", "Counters", "Gauges", "Histograms", "TextReadouts")
_BUCKETS = ("", "summary", "cumulative", "disjoint")


class Named(Protocol):
    """A stat."""

    @property
    def name(self) -> str:
        """Its name as Envoy has it."""


N = TypeVar("N", bound=Named)


async def stats(request: web.Request) -> web.Response:
    """Answer Envoy's `/stats`."""
    form = one_of(request, "format", ("text", "json", "prometheus"))
    if form == "prometheus":
        return await prometheus(request)
    buckets = one_of(request, "histogram_buckets", _BUCKETS)
    told = await asked_of_envoy(request)
    if told is not None:
        return told
    choose = _chooser(request)
    tally = await request.app[CONTEXT].stats(reset=False)
    written = as_json if form == "json" else as_text
    text = await asyncio.to_thread(lambda: written(*choose(tally), "" if buckets == "summary" else buckets))
    return web.Response(text=text) if isinstance(text, str) else web.json_response(text)


async def prometheus(request: web.Request) -> web.Response:
    """Answer Envoy's `/stats/prometheus`, and behind it what Envoy does not tell."""
    context = request.app[CONTEXT]
    told = await asked_of_envoy(request)
    if told is not None:
        return web.Response(body=told.body, status=told.status, headers={"Content-Type": CONTENT_TYPE})
    choose, pods = _chooser(request), pods_by_address(context.instance.assignments)
    tally = await context.stats(reset=False)
    wanted = _keeping(request).takes

    def written() -> bytes:
        return (exposition(*choose(tally)) + own_exposition(tally, pods, wanted)).encode()

    return web.Response(body=await asyncio.to_thread(written), headers={"Content-Type": CONTENT_TYPE})


def one_of(request: web.Request, name: str, known: tuple[str, ...]) -> str:
    """Return a parameter of the query, by default the first of those known. Raises ApiError."""
    given = request.query.get(name, known[0])
    if given not in known:
        listed = ", ".join(word for word in known if word)
        raise ApiError("BadRequest", f"the {name} {given!r} is unknown; there are {listed}")
    return given


def _chooser(request: web.Request) -> Callable[[Tally], tuple[list[Metric], list[Distribution]]]:
    """Return what chooses what the query asks for: `type`, `usedonly`, `filter`, `invert_filter`. Raises ApiError.

    It is called in a thread: of thousands of clusters it takes a while, in which pods and others are served.
    """
    kind = one_of(request, "type", _TYPES)
    keep = _keeping(request)
    context, used = request.app[CONTEXT], "usedonly" in request.query
    return lambda tally: _chosen(tally, around(context), kind, keep, used=used)


def _chosen(
    tally: Tally, known: Surroundings, kind: str, keep: _Keep, *, used: bool
) -> tuple[list[Metric], list[Distribution]]:
    found = [each for each in keep(metrics(tally, known)) if _is(kind, each) and (each.value or not used)]
    durations = [each for each in keep(distributions(tally, known)) if recorded(each.counts) or not used]
    return found, durations if kind in {"All", "Histograms"} else []


def _is(kind: str, metric: Metric) -> bool:
    return kind == "All" or kind == ("Gauges" if is_gauge(metric) else "Counters")


@dataclass(frozen=True, slots=True)
class _Keep:
    """Which names are wanted; without a pattern, all."""

    wanted: re2._Regexp[str] | None
    inverted: bool

    def __call__(self, found: list[N]) -> list[N]:
        """Return those of stats that are."""
        return found if self.wanted is None else [each for each in found if self.takes(each.name)]

    def takes(self, name: str) -> bool:
        """Tell whether one name is wanted."""
        return self.wanted is None or (self.wanted.search(name) is None) is self.inverted


def _keeping(request: web.Request) -> _Keep:
    pattern = request.query.get("filter", "")
    return _Keep(matching(pattern) if pattern else None, "invert_filter" in request.query)


async def stats_rows(request: web.Request) -> web.Response:
    """Answer rows for every scope, or for that of `by`; and what explains some of them: names that cannot be resolved."""
    by = request.query.get("by")
    if by is not None and by not in SCOPES:
        hint = did_you_mean(by, list(SCOPES)) or f"there are {', '.join(SCOPES)}"
        raise ApiError("BadRequest", f"nothing is counted by {by!r}; {hint}")
    context = request.app[CONTEXT]
    tally = await context.stats(reset=False)
    pods = pods_by_address(instance_of(request).assignments)
    scopes = {scope: [_builtins(row) for row in rows(tally, scope, pods)] for scope in SCOPES if by in {None, scope}}
    unresolved = () if context.workers is None else context.workers.unresolved
    return web.json_response(asdict(tally.totals) | scopes | {"unresolved": unresolved})


def pods_by_address(assignments: Mapping[str, Any]) -> dict[str, str]:
    """Return the names of the pods behind endpoints, by `address:port`."""
    return {f"{one.address}:{one.port}": one.pod for listed in assignments.values() for one in listed if one.pod}


def _builtins(row: Row) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(row)
    return {name: value for name, value in plain.items() if value is not None}


async def reset_counters(request: web.Request) -> web.Response:
    """Begin to count at zero, histograms too."""
    told = await asked_of_envoy(request)
    await request.app[CONTEXT].stats(reset=True)
    return told or web.Response(text="OK\n")

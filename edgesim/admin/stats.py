"""What the proxy counted: in Envoy's names at /stats, as rows at /edgesim/v1/stats."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, TypeVar

import msgspec
from aiohttp import web

from edgesim.admin.context import CONTEXT, instance_of
from edgesim.config.api_errors import ApiError
from edgesim.dialects.nearest import did_you_mean
from edgesim.telemetry import envoy_stats
from edgesim.telemetry.rows import SCOPES, Row, rows

V = TypeVar("V")


async def stats(request: web.Request) -> web.Response:
    """Answer Envoy's `/stats`."""
    form = request.query.get("format", "text")
    if form not in {"text", "json"}:
        raise ApiError("BadRequest", f"the format {form!r} is unknown; there are text and json")
    tally = await request.app[CONTEXT].stats(reset=False)
    counters, recorded = envoy_stats.values(tally), envoy_stats.histograms(tally)
    if "usedonly" in request.query:
        counters = {name: value for name, value in counters.items() if value}
        recorded = {name: found for name, found in recorded.items() if found}
    pattern = request.query.get("filter", "")
    counters, recorded = _filtered(counters, pattern), _filtered(recorded, pattern)
    if form == "json":
        return web.json_response(envoy_stats.as_json(counters, recorded))
    return web.Response(text=envoy_stats.as_text(counters, recorded))


def _filtered(named: dict[str, V], pattern: str) -> dict[str, V]:
    try:
        found = re.compile(pattern)
    except re.error as wrong:
        raise ApiError("BadRequest", f"the filter {pattern!r} is no regular expression: {wrong}") from None
    return {name: value for name, value in named.items() if found.search(name)}


async def stats_rows(request: web.Request) -> web.Response:
    """Answer rows for every scope, or for that of `by`."""
    by = request.query.get("by")
    if by is not None and by not in SCOPES:
        hint = did_you_mean(by, list(SCOPES)) or f"there are {', '.join(SCOPES)}"
        raise ApiError("BadRequest", f"nothing is counted by {by!r}; {hint}")
    tally = await request.app[CONTEXT].stats(reset=False)
    pods = pods_by_address(instance_of(request).assignments)
    scopes = {scope: [_builtins(row) for row in rows(tally, scope, pods)] for scope in SCOPES if by in {None, scope}}
    return web.json_response(asdict(tally.totals) | scopes)


def pods_by_address(assignments: Mapping[str, Any]) -> dict[str, str]:
    """Return the names of the pods behind endpoints, by `address:port`."""
    return {f"{one.address}:{one.port}": one.pod for listed in assignments.values() for one in listed if one.pod}


def _builtins(row: Row) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(row)
    return {name: value for name, value in plain.items() if value is not None}


async def reset_counters(request: web.Request) -> web.Response:
    """Begin to count at zero, histograms too."""
    await request.app[CONTEXT].stats(reset=True)
    return web.Response(text="OK\n")

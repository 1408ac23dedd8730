"""Envoy's `/clusters`: endpoints, their health and what is under way to them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aiohttp import web

from edgesim.admin.context import CONTEXT
from edgesim.admin.envoy_around import asked_of_envoy, endpoints, laid_out, matching, served
from edgesim.admin.stats import one_of
from edgesim.model import CircuitBreakers, Cluster, Endpoint, Update
from edgesim.telemetry.histogram import Counts, classes, new_counts
from edgesim.telemetry.states import Host, State
from edgesim.telemetry.tally import Tally

if TYPE_CHECKING:
    import re2

_BREAKERS = ("max_connections", "max_pending_requests", "max_requests", "max_retries")
_RATES = ("success_rate", "local_origin_success_rate")
_UNKNOWN = -1
_OF_HIGH = CircuitBreakers()
"""Envoy's defaults hold for requests of high priority, which no route of Gloo's has."""


@dataclass(frozen=True, slots=True)
class _Member:
    """An endpoint, what workers know of it, and what was counted of it."""

    address: str
    endpoint: Endpoint
    host: Host
    counts: Counts

    @property
    def counters(self) -> dict[str, int]:
        """Envoy's counters of a host, by tries: a try after which another was made is an error where it went.

        What was not to wait for a connection (`max_pending_requests`) is neither a request nor an error of a host.
        """
        answered, refused = classes(self.counts), self.host.refused
        tries = sum(answered) + self.host.retried - refused
        return {
            "cx_connect_fail": self.host.failures,
            "cx_total": self.host.opened,
            "rq_error": max(0, answered[4] + self.host.retried - refused),
            "rq_success": sum(answered[:4]),
            "rq_timeout": self.host.timeouts,
            "rq_total": max(0, tries - self.host.unsent),
        }

    @property
    def gauges(self) -> dict[str, int]:
        """What is under way."""
        now = self.host
        return {"cx_active": now.connections, "rq_active": now.requests, "rq_pending_active": now.pending}

    @property
    def flags(self) -> str:
        """Envoy's words for what is wrong with it."""
        host = self.host
        known = {
            "failed_active_hc": host.check_failed,
            "failed_outlier_check": host.ejected,
            "pending_dynamic_removal": host.leaving,
        }
        return "".join(f"/{flag}" for flag, is_so in known.items() if is_so) or "healthy"


async def clusters(request: web.Request) -> web.Response:
    """Answer Envoy's `/clusters`."""
    form = one_of(request, "format", ("text", "json"))
    wanted = matching(request.query.get("filter", ""))
    told = await asked_of_envoy(request)
    if told is not None:
        return told
    context = request.app[CONTEXT]
    tally, update = await context.stats(reset=False), served(context)
    answer = await asyncio.to_thread(_answer, tally, update, form, wanted)
    return web.Response(text=answer) if isinstance(answer, str) else await laid_out(answer)


def _answer(tally: Tally, update: Update, form: str, wanted: re2._Regexp[str]) -> str | dict[str, Any]:
    counted = tally.answers_by_place()
    chosen = [each for each in update.model.clusters if wanted.search(each.name)]
    found = [(each, _members(each, endpoints(each, update.assignments), tally, counted)) for each in chosen]
    if form == "json":
        return {"cluster_statuses": [_status(cluster, members) for cluster, members in found]}
    return "".join(f"{line}\n" for cluster, members in found for line in _lines(cluster, members))


def _members(
    cluster: Cluster, known: dict[str, Endpoint], tally: Tally, counted: dict[tuple[str, str], Counts]
) -> list[_Member]:
    hosts = tally.states.get(("cluster", cluster.name), State()).hosts
    return [
        _Member(address, endpoint, hosts.get(address, Host()), counted.get((cluster.name, address)) or new_counts())
        for address, endpoint in known.items()
    ]


def _lines(cluster: Cluster, members: list[_Member]) -> Iterator[str]:
    name = cluster.name
    yield f"{name}::observability_name::{name}"
    if cluster.outlier is not None:
        for rate in _RATES:
            yield f"{name}::outlier::{rate}_average::{_UNKNOWN}"
            yield f"{name}::outlier::{rate}_ejection_threshold::{_UNKNOWN}"
    for priority, breakers in (("default", cluster.breakers), ("high", _OF_HIGH)):
        for limit in _BREAKERS:
            yield f"{name}::{priority}_priority::{limit}::{getattr(breakers, limit)}"
    yield f"{name}::added_via_api::true"
    for member in members:
        for key, value in _values(member):
            yield f"{name}::{member.address}::{key}::{value}"


def _values(member: _Member) -> Iterator[tuple[str, Any]]:
    yield from sorted({**member.counters, **member.gauges}.items())
    endpoint = member.endpoint
    yield "hostname", endpoint.hostname
    yield "health_flags", member.flags
    yield "weight", endpoint.weight
    yield "region", endpoint.locality.region
    yield "zone", endpoint.locality.zone
    yield "sub_zone", endpoint.locality.sub_zone
    yield "canary", "false"
    yield "priority", endpoint.priority
    for rate in _RATES:
        yield rate, _UNKNOWN


def _status(cluster: Cluster, members: list[_Member]) -> dict[str, Any]:
    limits, high = ({limit: getattr(each, limit) for limit in _BREAKERS} for each in (cluster.breakers, _OF_HIGH))
    return {
        "name": cluster.name,
        "added_via_api": True,
        "host_statuses": [_host(member) for member in members],
        "circuit_breakers": {"thresholds": [limits, {"priority": "HIGH", **high}]},
        "observability_name": cluster.name,
    }


def _host(member: _Member) -> dict[str, Any]:
    """Return a host as the JSON of a HostStatus: zeros and empty texts are left out."""
    endpoint, where = member.endpoint, member.endpoint.locality
    counters = [_valued({"name": name}, value) for name, value in member.counters.items()]
    gauges = [_valued({"type": "GAUGE", "name": name}, value) for name, value in member.gauges.items()]
    locality = {"region": where.region, "zone": where.zone, "sub_zone": where.sub_zone}
    found = {
        "address": {"socket_address": {"address": endpoint.address, "port_value": endpoint.port}},
        "stats": [*counters, *gauges],
        "health_status": _health(member.host),
        "weight": endpoint.weight,
        "hostname": endpoint.hostname,
        "priority": endpoint.priority,
    }
    return {name: value for name, value in found.items() if value} | {
        "locality": {name: value for name, value in locality.items() if value}
    }


def _health(host: Host) -> dict[str, Any]:
    known = {
        "failed_active_health_check": host.check_failed,
        "failed_outlier_check": host.ejected,
        "pending_dynamic_removal": host.leaving,
    }
    return {name: True for name, is_so in known.items() if is_so} | {"eds_health_status": "HEALTHY"}


def _valued(stat: dict[str, str], value: int) -> dict[str, str]:
    return {**stat, "value": str(value)} if value else stat

"""What Envoy's endpoints tell of an instance beside what it counted: clusters' endpoints, listeners, the process."""

from __future__ import annotations

import asyncio
import os
import re
import resource
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec
from aiohttp import web

from edgesim import __version__
from edgesim.admin.certificates import days_until_first_expires
from edgesim.admin.context import CONTEXT, Context
from edgesim.config.api_errors import ApiError
from edgesim.model import Assignments, Cluster, Endpoint, Update, endpoints_of
from edgesim.telemetry.envoy_names import sanitized
from edgesim.telemetry.envoy_stats import Surroundings

if TYPE_CHECKING:
    import re2

_STATES = ("LIVE", "DRAINING", "PRE_INITIALIZING", "INITIALIZING")
"""Envoy's, by their numbers."""


async def asked_of_envoy(request: web.Request) -> web.Response | None:
    """Return what a real Envoy answers where it is the engine, else None."""
    ask = request.app[CONTEXT].envoy
    if ask is None:
        return None
    status, text = await ask(request.path_qs, "POST" if request.method == "POST" else "GET")
    kind = "application/json" if text.startswith("{") else "text/plain"
    return web.Response(text=text, status=status, content_type=kind)


async def laid_out(data: dict[str, Any]) -> web.Response:
    """Answer JSON as Envoy lays it out, a field a line: people look for these lines with `grep`."""
    text = await asyncio.to_thread(lambda: msgspec.json.format(msgspec.json.encode(data), indent=1))
    return web.Response(body=text + b"\n", content_type="application/json")


def matching(pattern: str) -> re2._Regexp[str]:
    """Return a regular expression of a user's; RE2 as in Envoy, since it cannot blow up. Raises ApiError."""
    import re2  # noqa: PLC0415 - with the first regex: 2.5 MB that an idle process without any does not need

    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except re2.error as wrong:
        why = b" ".join(wrong.args).decode(errors="replace")
        raise ApiError("BadRequest", f"{pattern!r} is no regular expression: {why}") from None


def served(context: Context) -> Update:
    """Return the model that is served, with the addresses of names where they are known."""
    if context.workers is not None:
        return context.workers.latest
    return Update(0, context.instance.served.model, context.instance.assignments)


def endpoints(cluster: Cluster, assignments: Assignments) -> dict[str, Endpoint]:
    """Return the endpoints of a cluster by `address:port`."""
    return {f"{each.address}:{each.port}": each for each in endpoints_of(cluster, assignments)}


def addresses(context: Context) -> dict[str, tuple[str, int]]:
    """Return where each listener takes connections."""
    parts = ((each["name"], urlsplit(each["url"])) for each in context.listeners())
    return {name: (url.hostname or "", url.port or 0) for name, url in parts}


def around(context: Context) -> Surroundings:
    """Return what stats are told with."""
    update = served(context)
    listening = {name: f"{host}_{port}" for name, (host, port) in addresses(context).items()}
    return Surroundings(
        {each.name: tuple(endpoints(each, update.assignments)) for each in update.model.clusters},
        {name: sanitized(address) for name, address in listening.items()},
        _server(context, update, len(listening)),
    )


def _server(context: Context, update: Update, listening: int) -> dict[str, int]:
    physical = physical_bytes(context)
    return {
        "server.live": int(context.state == "LIVE"),
        "server.state": _STATES.index(context.state),
        "server.uptime": context.life.uptime,
        "server.concurrency": concurrency(context),
        "server.memory_allocated": physical,
        "server.memory_heap_size": physical,
        "server.memory_physical_size": physical,
        "server.version": _number(),
        "server.days_until_first_cert_expiring": days_until_first_expires(update.model),
        "cluster_manager.active_clusters": len(update.model.clusters),
        "listener_manager.total_listeners_active": listening,
    }


def concurrency(context: Context) -> int:
    """Return how many workers there are."""
    return 1 if context.workers is None else max(1, len(context.workers.pids))


def version_parts() -> list[int]:
    """Return the three numbers of edgesim's version."""
    return [int(part) for part in re.findall(r"[0-9]+", __version__)[:3]]


def _number() -> int:
    major, minor, patch = version_parts()
    return (major << 16) + (minor << 8) + patch


def physical_bytes(context: Context) -> int:
    """Return the memory of this process and its workers; on systems without /proc the most that this one ever had."""
    workers = [] if context.workers is None else context.workers.pids
    try:
        return sum(map(_resident, (os.getpid(), *workers)))
    except OSError:
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most if sys.platform == "darwin" else most * 1024


def _resident(pid: int) -> int:
    pages = Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")

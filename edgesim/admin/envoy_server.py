"""Envoy's endpoints about the server: what it is, its memory, runtime, listeners and certificates."""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import web

from edgesim import __version__
from edgesim.admin.certificates import certificates
from edgesim.admin.context import CONTEXT
from edgesim.admin.envoy_around import (
    addresses,
    asked_of_envoy,
    concurrency,
    laid_out,
    physical_bytes,
    served,
    version_parts,
)
from edgesim.admin.stats import one_of


async def server_info(request: web.Request) -> web.Response:
    """Answer what runs here, since when, and in what state."""
    told = await asked_of_envoy(request)
    if told is not None:
        return told
    context = request.app[CONTEXT]
    uptime = f"{context.life.uptime}s"
    version = dict(zip(("major_number", "minor_number", "patch"), version_parts(), strict=True))
    info = {
        "version": f"edgesim/{__version__}/Clean/RELEASE/OpenSSL",
        "state": context.state,
        "uptime_current_epoch": uptime,
        "uptime_all_epochs": uptime,
        "hot_restart_version": "disabled",
        "hot_restart_initializing": False,
        "command_line_options": {
            "concurrency": concurrency(context),
            "drain_time": f"{context.life.drain_time:g}s",
            "mode": "Serve",
            "disable_hot_restart": True,
            "restart_epoch": 0,
        },
        "node": {
            "id": "edgesim",
            "cluster": "edgesim",
            "user_agent_name": "edgesim",
            "user_agent_build_version": {"version": version},
        },
    }
    return await laid_out(info)


async def memory(request: web.Request) -> web.Response:
    """Answer how much memory the instance and its workers have; what only Envoy's allocator knows is 0."""
    told = await asked_of_envoy(request)
    if told is not None:
        return told
    physical = str(physical_bytes(request.app[CONTEXT]))
    whole = ("allocated", "heap_size", "total_physical_bytes")
    parts = ("pageheap_unmapped", "pageheap_free", "total_thread_cache")
    return await laid_out(dict.fromkeys(whole, physical) | dict.fromkeys(parts, "0"))


async def runtime(request: web.Request) -> web.Response:
    """Answer that there are no runtime values."""
    told = await asked_of_envoy(request)
    return told or await laid_out({"entries": {}, "layers": []})


async def listeners(request: web.Request) -> web.Response:
    """Answer the listeners that take connections."""
    form = one_of(request, "format", ("text", "json"))
    told = await asked_of_envoy(request)
    if told is not None:
        return told
    found = addresses(request.app[CONTEXT])
    if form == "json":
        return await laid_out({"listener_statuses": [_status(name, *place) for name, place in found.items()]})
    return web.Response(text="".join(f"{name}::{_written(*place)}\n" for name, place in found.items()))


def _written(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _status(name: str, host: str, port: int) -> dict[str, Any]:
    return {"name": name, "local_address": {"socket_address": {"address": host, "port_value": port}}}


async def certs(request: web.Request) -> web.Response:
    """Answer the certificates that are served, and those that endpoints and clients are checked with."""
    told = await asked_of_envoy(request)
    if told is not None:
        return told
    found = await asyncio.to_thread(lambda: [*certificates(served(request.app[CONTEXT]).model)])
    return await laid_out({"certificates": found})

"""Envoy's endpoints that change what the server does: failing health checks, draining listeners, log levels."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Mapping
from typing import Final

from aiohttp import web

from edgesim.admin.context import CONTEXT, Context
from edgesim.admin.envoy_around import asked_of_envoy
from edgesim.config.api_errors import ApiError
from edgesim.telemetry import spawn

LEVELS: Final[Mapping[str, int]] = {
    "trace": 5,
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "critical": logging.CRITICAL,
    "off": 60,
}
LOGGERS: Final = ("aiohttp.server", "asyncio", "edgesim")


async def fail_health_checks(request: web.Request) -> web.Response:
    """Answer `/ready` with 503 from now on, and clients with `connection: close`."""
    return await _set_failing(request, failing=True)


async def pass_health_checks(request: web.Request) -> web.Response:
    """Take `/healthcheck/fail` back."""
    return await _set_failing(request, failing=False)


async def _set_failing(request: web.Request, *, failing: bool) -> web.Response:
    context = request.app[CONTEXT]
    told = await asked_of_envoy(request)
    context.life.failing = failing
    _hint(context)
    return told or web.Response(text="OK\n")


def _hint(context: Context) -> None:
    if context.workers is not None:
        context.workers.hint(closes=context.life.failing or context.life.draining)


async def drain_listeners(request: web.Request) -> web.Response:
    """Take no connections any more, with `graceful` after the drain time only; `skip_exit` never ends that time.

    `inboundonly` drains listeners that say that they are inbound; none does.
    """
    told = await asked_of_envoy(request)
    if told is not None:
        return told
    context, query = request.app[CONTEXT], request.query
    if "skip_exit" in query and "graceful" not in query:
        raise ApiError("BadRequest", "skip_exit needs graceful")
    if "inboundonly" not in query:
        await _drain(context, graceful="graceful" in query, ends="skip_exit" not in query)
    return web.Response(text="OK\n")


async def _drain(context: Context, *, graceful: bool, ends: bool) -> None:
    if context.workers is None:
        return
    if not graceful:
        await context.workers.stop_listening()
    elif not context.life.draining:
        context.life.draining = True
        _hint(context)
        if ends:
            _ = spawn(_stop_later(context), "drain the listeners")


async def _stop_later(context: Context) -> None:
    await asyncio.sleep(context.life.drain_time)
    if context.workers is not None:
        await context.workers.stop_listening()


async def set_levels(request: web.Request) -> web.Response:
    """Change the levels of this process's loggers, if the query says so, and list them."""
    told = await asked_of_envoy(request)
    if told is not None:
        return told
    for name, level in [*_wanted(request.query)]:
        logging.getLogger(name).setLevel(LEVELS[level])
    lines = [f"  {name}: {_level(name)}" for name in LOGGERS]
    return web.Response(text="\n".join(["active loggers:", *lines, ""]))


def _wanted(query: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield loggers and their new levels, all of them known. Raises ApiError."""
    for key, value in query.items():
        if key == "level":
            yield from ((name, _known(value)) for name in LOGGERS if value)
        elif key == "paths":
            yield from (_path(part) for part in value.split(",") if part)
        else:
            yield _logger(key), _known(value)


def _path(part: str) -> tuple[str, str]:
    name, _, level = part.rpartition(":")
    return _logger(name), _known(level)


def _logger(name: str) -> str:
    if name not in LOGGERS:
        raise ApiError("BadRequest", f"there is no logger {name!r}; there are {', '.join(LOGGERS)}")
    return name


def _known(level: str) -> str:
    if level not in LEVELS:
        raise ApiError("BadRequest", f"there is no level {level!r}; there are {', '.join(LEVELS)}")
    return level


def _level(name: str) -> str:
    """Return the word for a logger's level, or for the next higher one."""
    number = logging.getLogger(name).getEffectiveLevel()
    return next((word for word, level in LEVELS.items() if level >= number), "off")

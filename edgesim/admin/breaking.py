"""The endpoints that break pods and upstreams on purpose, and mend them."""

from __future__ import annotations

from collections.abc import Iterable

from aiohttp import web

from edgesim.admin.breakable import Breakable, NotBreakableError, breakables, find, said_of
from edgesim.admin.breakages import NoBreakageError, read_breakage
from edgesim.admin.context import CONTEXT, as_json
from edgesim.admin.envoy_around import served
from edgesim.admin.wire import Broken, BrokenTarget
from edgesim.config.api_errors import ApiError
from edgesim.model import UpdateRefusedError
from edgesim.policies.breakage import Breakage
from edgesim.proxy.breaking import Breaking


async def break_target(request: web.Request) -> web.Response:
    """Let requests to `?target=` fail from now on."""
    breaking, word = _breaking(request), request.query.get("target", "")
    if not word:
        raise ApiError("BadRequest", "break what? the query needs target=POD or target=UPSTREAM")
    try:
        breakage, seconds = read_breakage({key: value for key, value in request.query.items() if key != "target"})
    except NoBreakageError as error:
        raise ApiError("BadRequest", f"{error.key}: {error}" if error.key else str(error)) from None
    target = _found(request, word)
    for key in target.keys:
        breaking.break_(key, breakage, seconds)
    try:
        await _reached(breaking)
    except ApiError:
        for key in target.keys:
            breaking.mend(key)
        raise
    return as_json(Broken((_described(target, breakage, seconds),)))


async def mend(request: web.Request) -> web.Response:
    """Let requests to `?target=`, or to all that is broken, go through again; answer what was broken."""
    breaking, word = _breaking(request), request.query.get("target", "")
    before = breaking.broken
    if not word:
        breaking.mend()
        await _reached(breaking)
        return as_json(_all(before, _breakables(request), breaking))
    target = _found(request, word)
    mended = {key: before[key] for key in target.keys if breaking.mend(key)}
    await _reached(breaking)
    return as_json(_all(mended, (target,), breaking))


async def broken(request: web.Request) -> web.Response:
    """Answer what is broken."""
    breaking = _breaking(request)
    return as_json(_all(breaking.broken, _breakables(request), breaking))


def _breaking(request: web.Request) -> Breaking:
    return request.app[CONTEXT].breaking


async def _reached(breaking: Breaking) -> None:
    """Return when requests meet what was said. Raises ApiError where Envoy does not take it."""
    try:
        await breaking.reached()
    except UpdateRefusedError as refused:
        raise _coded("ServiceUnavailable", refused.reason, "ES0741") from None


def _breakables(request: web.Request) -> Iterable[Breakable]:
    """Return what is served and can be broken, then what is broken and served no more."""
    context = request.app[CONTEXT]
    pods = [entry.resource.key for entry in context.instance.store.entries("Pod")]
    known = breakables(served(context), pods)
    return dict.fromkeys((*known, *said_of(context.breaking.broken, known)))


def _found(request: web.Request, word: str) -> Breakable:
    try:
        return find(word, _breakables(request))
    except NotBreakableError as error:
        raise _coded("BadRequest" if error.found else "NotFound", str(error), "ES0740") from None


def _coded(reason: str, message: str, code: str) -> ApiError:
    return ApiError(reason, message, {"causes": [{"reason": code, "message": message}]})


def _all(said: dict[str, Breakage], things: Iterable[Breakable], breaking: Breaking) -> Broken:
    found = said_of(said, things)
    return Broken(tuple(_described(each, said[each.keys[0]], breaking.broken_for(each.keys[0])) for each in found))


def _described(target: Breakable, how: Breakage, seconds: float | None) -> BrokenTarget:
    endings = (how.latency, how.error_rate, how.hang, how.reset, how.kill)
    return BrokenTarget(target.kind, target.namespace, target.name, *endings, seconds)

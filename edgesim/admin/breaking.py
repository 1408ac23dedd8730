"""The endpoints that break pods and upstreams on purpose, and mend them."""

from __future__ import annotations

from collections.abc import Iterable

from aiohttp import web

from edgesim.admin.breakable import Breakable, NotBreakableError, breakables, find, said_of
from edgesim.admin.breakages import NoBreakageError, read_breakage
from edgesim.admin.context import CONTEXT, Workers, as_json, instance_of
from edgesim.admin.wire import Broken, BrokenTarget
from edgesim.config.api_errors import ApiError
from edgesim.policies.breakage import Breakage


async def break_target(request: web.Request) -> web.Response:
    """Let requests to `?target=` fail from now on."""
    workers, word = _workers(request), request.query.get("target", "")
    if not word:
        raise ApiError("BadRequest", "break what? the query needs target=POD or target=UPSTREAM")
    try:
        breakage, seconds = read_breakage({key: value for key, value in request.query.items() if key != "target"})
    except NoBreakageError as error:
        raise ApiError("BadRequest", f"{error.key}: {error}" if error.key else str(error)) from None
    target = _found(request, word)
    for key in target.keys:
        workers.break_(key, breakage, seconds)
    return as_json(Broken((_described(target, breakage, seconds),)))


async def mend(request: web.Request) -> web.Response:
    """Let requests to `?target=`, or to all that is broken, go through again; answer what was broken."""
    workers, word = _workers(request), request.query.get("target", "")
    before = workers.broken
    if not word:
        workers.mend()
        return as_json(_all(before, _breakables(request), workers))
    target = _found(request, word)
    mended = {key: before[key] for key in target.keys if workers.mend(key)}
    return as_json(_all(mended, (target,), workers))


async def broken(request: web.Request) -> web.Response:
    """Answer what is broken."""
    workers = _workers(request)
    return as_json(_all(workers.broken, _breakables(request), workers))


def _workers(request: web.Request) -> Workers:
    """Return what serves. Raises ApiError where that is a real Envoy."""
    workers = request.app[CONTEXT].workers
    if workers is None:
        why = "Envoy serves, and nothing can be broken there"
        raise _coded("BadRequest", why, "ES0741")
    return workers


def _breakables(request: web.Request) -> Iterable[Breakable]:
    """Return what is served and can be broken, then what is broken and served no more."""
    workers, pods = _workers(request), [entry.resource.key for entry in instance_of(request).store.entries("Pod")]
    served = breakables(workers.latest, pods)
    return dict.fromkeys((*served, *said_of(workers.broken, served)))


def _found(request: web.Request, word: str) -> Breakable:
    try:
        return find(word, _breakables(request))
    except NotBreakableError as error:
        raise _coded("BadRequest" if error.found else "NotFound", str(error), "ES0740") from None


def _coded(reason: str, message: str, code: str) -> ApiError:
    return ApiError(reason, message, {"causes": [{"reason": code, "message": message}]})


def _all(said: dict[str, Breakage], things: Iterable[Breakable], workers: Workers) -> Broken:
    found = said_of(said, things)
    return Broken(tuple(_described(each, said[each.keys[0]], workers.broken_for(each.keys[0])) for each in found))


def _described(target: Breakable, how: Breakage, seconds: float | None) -> BrokenTarget:
    endings = (how.latency, how.error_rate, how.hang, how.reset, how.kill)
    return BrokenTarget(target.kind, target.namespace, target.name, *endings, seconds)

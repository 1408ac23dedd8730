"""The endpoints under /edgesim/v1: apply, delete and patch as commands send them, problems, check, route."""

from __future__ import annotations

from aiohttp import web

from edgesim.admin.bodies import Target, body_files, body_patch
from edgesim.admin.context import CONTEXT, Kube, as_json, instance_of
from edgesim.admin.endpoints import ENDPOINTS, help_text
from edgesim.admin.writes import apply_files, delete_files, delete_keys, patch_outcome
from edgesim.config.api_errors import ApiError
from edgesim.control.statuses import problems_of
from edgesim.dialects import find_kind
from edgesim.inspect import Question, RequestError, route_report


async def help_page(_request: web.Request) -> web.Response:
    """Answer the table of endpoints as text."""
    return web.Response(text=help_text(ENDPOINTS))


async def ready(request: web.Request) -> web.Response:
    """Answer `LIVE` once the proxy serves, as Envoy's admin does; with `?format=json` also what it serves where."""
    context, instance = request.app[CONTEXT], instance_of(request)
    state = context.state
    status = 200 if state == "LIVE" else 503
    if request.query.get("format") == "json":
        report = {
            "state": state,
            "listeners": context.listeners(),
            "revision": 0 if instance.recorder is None else instance.recorder.number,
            "frozen": instance.served.frozen,
            "restored": instance.restored is not None,
            "kube": None if context.kube is None else {"url": context.kube.url, "kubeconfig": _path(context.kube)},
        }
        return web.json_response(report, status=status)
    return web.Response(text=f"{state}\n", status=status)


def _path(kube: Kube) -> str:
    return "" if kube.kubeconfig is None else str(kube.kubeconfig)


async def apply(request: web.Request) -> web.Response:
    """Apply files, as kubectl's client-side apply."""
    return as_json(await apply_files(instance_of(request), await body_files(request)))


async def delete(request: web.Request) -> web.Response:
    """Delete what files name, or one object by `kind`, `namespace` and `name`."""
    instance = instance_of(request)
    if "kind" in request.query:
        target = _target(request)
        return as_json(await delete_keys(instance, [(target.kind, target.key)]))
    return as_json(await delete_files(instance, await body_files(request)))


async def patch(request: web.Request) -> web.Response:
    """Patch one object by `kind`, `namespace` and `name`."""
    target = _target(request)
    return as_json(await patch_outcome(instance_of(request), target, await body_patch(request)))


async def problems(request: web.Request) -> web.Response:
    """List every problem, or those of one object by `kind`, `namespace` and `name`."""
    found = instance_of(request).problems
    return as_json({"problems": problems_of(found, _target(request).key) if "kind" in request.query else found})


async def check(request: web.Request) -> web.Response:
    """Report as `edgesim check` does."""
    context = request.app[CONTEXT]
    return as_json(await context.checked.report_of(context.instance))


async def route(request: web.Request) -> web.Response:
    """Decide one request on the configuration that is served."""
    instance, query = instance_of(request), request.query
    if "url" not in query:
        raise ApiError("BadRequest", "which url? e.g. /edgesim/v1/route?url=http://localhost:8080/")
    question = Question(
        query["url"],
        query.get("method", "GET"),
        tuple(query.getall("header", [])),
        _random(query.get("random")),
        query.get("listener", ""),
        explained=_flag(query.get("explain")),
        everything=_flag(query.get("all")),
    )
    tables = request.app[CONTEXT].compiled.tables_of(instance.served.model)
    try:
        return as_json(route_report(tables, question, instance.translation.where, instance.assignments))
    except RequestError as error:
        raise ApiError("BadRequest", str(error)) from None


def _flag(text: str | None) -> bool:
    return text is not None and text.lower() not in {"", "0", "false", "no"}


def _random(text: str | None) -> int | None:
    if text is None:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 20 or int(text) >= 2**64:
        raise ApiError("BadRequest", f"random is a whole number below 2**64, got {text!r}")
    return int(text)


def _target(request: web.Request) -> Target:
    word, name = request.query.get("kind", ""), request.query.get("name", "")
    kind = find_kind(word)
    if kind is None:
        raise ApiError("BadRequest", f"the server doesn't have a resource type {word!r}")
    if not name:
        raise ApiError("BadRequest", "which object? the query needs name=NAME")
    return Target(kind, request.query.get("namespace", "default") if kind.namespaced else None, name)

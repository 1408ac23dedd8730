"""The admin app: the table of its endpoints, and what holds for all of them."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from aiohttp import web

from edgesim.admin import history, reports, resources, route_tests, stats
from edgesim.admin.bodies import MAX_BODY
from edgesim.admin.context import CONTEXT, Context
from edgesim.admin.endpoints import Endpoint, help_text
from edgesim.admin.errors import ApiError
from edgesim.admin.guard import admit
from edgesim.telemetry.rows import SCOPES

_log = logging.getLogger("edgesim")
_RESOURCES = ("/api/v1", "/apis/{group}/{version}")
_COLLECTIONS = ("/{plural}", "/namespaces/{namespace}/{plural}")


async def help_page(_request: web.Request) -> web.Response:
    """Answer the table as text."""
    return web.Response(text=help_text(ENDPOINTS))


ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("GET", "/", "this page", help_page),
    Endpoint(
        "GET",
        "/ready",
        "200 `LIVE` once the proxy serves, 503 before; `?format=json` tells of listeners and revision",
        reports.ready,
    ),
    Endpoint("GET", "{resources}", "list a kind, of one namespace or of all", resources.list_objects),
    Endpoint("POST", "{resources}", "create an object; 409 if it is there", resources.create_object),
    Endpoint("GET", "{resources}/{name}", "one object", resources.read_object),
    Endpoint("PUT", "{resources}/{name}", "replace it; 409 on a stale resourceVersion", resources.replace_object),
    Endpoint("PATCH", "{resources}/{name}", "merge patch or JSON patch, by content type", resources.patch_object),
    Endpoint(
        "DELETE", "{resources}/{name}", "delete it; a namespace takes along what is in it", resources.delete_object
    ),
    Endpoint("POST", "/edgesim/v1/apply", "apply files: YAML, or JSON with a list of files", reports.apply),
    Endpoint("POST", "/edgesim/v1/delete", "delete what files name, or `?kind=&namespace=&name=`", reports.delete),
    Endpoint(
        "POST", "/edgesim/v1/patch", "patch `?kind=&namespace=&name=`, with the problems that come of it", reports.patch
    ),
    Endpoint("GET", "/edgesim/v1/problems", "every problem, or those of `?kind=&namespace=&name=`", reports.problems),
    Endpoint("GET", "/edgesim/v1/check", "the report of `edgesim check`", reports.check),
    Endpoint(
        "GET",
        "/edgesim/v1/stats",
        "requests, answers and latencies, `?by=` one scope: " + ", ".join(SCOPES),
        stats.stats_rows,
    ),
    Endpoint("GET", "/stats", "counters in Envoy's names: `?format=text|json&filter=REGEX&usedonly`", stats.stats),
    Endpoint("POST", "/reset_counters", "begin to count at zero, histograms too", stats.reset_counters),
    Endpoint(
        "GET",
        "/edgesim/v1/route",
        "where `?url=&method=&header=&random=&listener=` goes; `explain=true` tells the whole decision, `all=true` every miss",
        reports.route,
    ),
    Endpoint("POST", "/edgesim/v1/test", "run the route tests of files, sent as for apply", route_tests.run_tests),
    Endpoint("GET", "/edgesim/v1/history", "what was served, who blocked it and when, newest first", history.history),
    Endpoint("GET", "/edgesim/v1/history/{revision}", "the resources and the model of one revision", history.revision),
    Endpoint("GET", "/edgesim/v1/served", "the resources and the model of what is served now", history.served),
    Endpoint(
        "POST",
        "/edgesim/v1/undo",
        "bring the resources of `?rev=` back, by default those before the last change",
        history.undo,
    ),
)
"""Everything the admin API answers. `{resources}` stands for the paths of every kind."""


def create_app(context: Context) -> web.Application:
    """Make the app for one running instance."""
    app = web.Application(client_max_size=MAX_BODY, middlewares=[_answer_errors])
    app[CONTEXT] = context
    for endpoint in ENDPOINTS:
        for path in _paths(endpoint.path):
            app.router.add_route(endpoint.method, path, endpoint.handler)
            if endpoint.method == "GET":
                app.router.add_route("HEAD", path, endpoint.handler)
    return app


def _paths(path: str) -> list[str]:
    """Spell `{resources}` out: core and grouped kinds, in a namespace or not."""
    return [
        path.replace("{resources}", group + collection)
        for group in (_RESOURCES if "{resources}" in path else ("",))
        for collection in (_COLLECTIONS if "{resources}" in path else ("",))
    ]


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@web.middleware
async def _answer_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let in who may ask, and answer every failure with a Status object."""
    try:
        admit(request, request.app[CONTEXT].token)
        return await handler(request)
    except ApiError as error:
        return _status(error)
    except web.HTTPNotFound:
        return _status(ApiError("NotFound", f"there is nothing at {request.path}; GET / lists what there is"))
    except web.HTTPMethodNotAllowed as error:
        response = _status(ApiError("MethodNotAllowed", f"{request.method} is not possible at {request.path}"))
        response.headers["Allow"] = ", ".join(sorted(error.allowed_methods))
        return response
    except web.HTTPException as error:
        return error
    except Exception as error:  # noqa: BLE001 - the last resort: a mistake of ours, told in one line
        _log.error("%s %s failed: %s: %s", request.method, request.path, type(error).__name__, error)
        return _status(ApiError("InternalError", f"{type(error).__name__}: {error}"))


def _status(error: ApiError) -> web.Response:
    return web.json_response(error.status(), status=error.code)

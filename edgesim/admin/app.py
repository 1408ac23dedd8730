"""The admin app: the endpoints of the table, and what holds for all of them."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from importlib import import_module

from aiohttp import web

from edgesim.admin.bodies import MAX_BODY
from edgesim.admin.context import CONTEXT, Context
from edgesim.admin.endpoints import ENDPOINTS
from edgesim.config.api_errors import ApiError
from edgesim.control import ClosedError
from edgesim.control.guard import admit

_log = logging.getLogger("edgesim")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def create_app(context: Context) -> web.Application:
    """Make the app for one running instance."""
    app = web.Application(client_max_size=MAX_BODY, middlewares=[_answer_errors])
    app[CONTEXT] = context
    for endpoint in ENDPOINTS:
        handler = _handler(endpoint.handler)
        for path in endpoint.paths():
            app.router.add_route(endpoint.method, path, handler)
            if endpoint.method == "GET":
                app.router.add_route("HEAD", path, handler)
    return app


def _handler(name: str) -> Handler:
    """Return the function a row names."""
    module, _, function = name.partition(".")
    handler: Handler = getattr(import_module(f"edgesim.admin.{module}"), function)
    return handler


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
        return _last_resort(request, error)


def _last_resort(request: web.Request, error: Exception) -> web.Response:
    if isinstance(error, ClosedError):
        return _status(ApiError("ServiceUnavailable", "edgesim is shutting down"))
    _log.error("%s %s failed: %s: %s", request.method, request.path, type(error).__name__, error)
    return _status(ApiError("InternalError", f"{type(error).__name__}: {error}"))


def _status(error: ApiError) -> web.Response:
    return web.json_response(error.status(), status=error.code)

"""The app that answers as a Kubernetes API server: which request goes where, and what holds for all of them."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

from aiohttp import web

from edgesim.config.api_errors import ApiError
from edgesim.control import ClosedError
from edgesim.kube import deleting, logs, objects, patching, subresources, writing
from edgesim.kube.access import Access
from edgesim.kube.access_reviews import review
from edgesim.kube.answers import answer, warning
from edgesim.kube.bodies import MAX_BODY, BrokenBodyError, object_body
from edgesim.kube.context import ACCESS, CONTEXT, KubeContext, access_of, begin, is_from, user_of, warnings_of
from edgesim.kube.discovering import serve_discovery
from edgesim.kube.discovery_rows import subresources_of, verbs_of
from edgesim.kube.forms import form_of
from edgesim.kube.happenings import Hub
from edgesim.kube.options import flag, selection
from edgesim.kube.paths import ReviewTarget, Target, find_review, find_target, no_method, no_resource
from edgesim.kube.rbac import Attributes, NonResource
from edgesim.kube.watching import HUB

_log = logging.getLogger("edgesim")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
OfTarget = Callable[[web.Request, Target], Awaitable[web.StreamResponse]]

_OF_NAMES: Final[dict[str, tuple[str, OfTarget]]] = {
    "GET": ("get", objects.read_object),
    "HEAD": ("get", objects.read_object),
    "PUT": ("update", writing.replace_object),
    "PATCH": ("patch", patching.patch_object),
    "DELETE": ("delete", deleting.delete_object),
}
_OF_PLURALS: Final[dict[str, tuple[str, OfTarget]]] = {
    "GET": ("list", objects.list_objects),
    "HEAD": ("list", objects.list_objects),
    "POST": ("create", writing.create_object),
    "DELETE": ("deletecollection", deleting.delete_collection),
}
_OF_PARTS: Final[dict[str, OfTarget]] = {
    "status": subresources.serve_status,
    "scale": subresources.serve_scale,
    "log": logs.serve_log,
    "finalize": subresources.finalize,
}
_UNLISTED: Final[dict[tuple[str, str], OfTarget]] = {
    ("Pod", "exec"): subresources.refuse_stream,
    ("Pod", "attach"): subresources.refuse_stream,
    ("Pod", "portforward"): subresources.refuse_stream,
    ("Pod", "eviction"): subresources.evict,
    ("Pod", "proxy"): subresources.refuse_proxy,
    ("Service", "proxy"): subresources.refuse_proxy,
}
_DEPRECATED: web.RequestKey[str] = web.RequestKey("deprecated", str)
_DEPRECATIONS: Final = {
    ("v1", "Endpoints"): "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice",
}
_VERBS: Final = {"GET": "get", "HEAD": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
"""Verbs of subresources."""


def create_app(context: KubeContext) -> web.Application:
    """Make the app for one running instance."""
    app = web.Application(client_max_size=MAX_BODY, middlewares=[_answer_errors])
    store = context.instance.store
    app[CONTEXT], app[ACCESS] = context, Access(store, context.users, context.rbac)
    app[HUB] = Hub(store)
    app.on_shutdown.append(_end_watches)
    app.on_response_prepare.append(_warn_of_deprecation)
    app.router.add_route("*", "/{path:.*}", _serve)
    return app


async def _warn_of_deprecation(request: web.Request, response: web.StreamResponse) -> None:
    """Warn of a kind on its way out, whatever the answer."""
    if request.get(_DEPRECATED):
        response.headers.add("Warning", warning(request[_DEPRECATED]))


async def _end_watches(app: web.Application) -> None:
    app[HUB].close()


@web.middleware
async def _answer_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let in who may ask, and answer every failure with a Status object."""
    begin(request)
    try:
        is_from(request, access_of(request).user_of(request))
        return await handler(request)
    except BrokenBodyError as error:
        response = _status(error, warnings_of(request))
        response.force_close()
        return response
    except ApiError as error:
        return _status(error, warnings_of(request))
    except ClosedError:
        response = _status(ApiError("ServiceUnavailable", "edgesim is shutting down"), warnings_of(request))
        response.force_close()
        return response
    except web.HTTPException as error:
        missing = isinstance(error, web.HTTPNotFound)
        return _status(no_resource() if missing else ApiError("BadRequest", error.reason))
    except Exception as error:  # noqa: BLE001 - the last resort: a mistake of ours, told in one line
        _log.exception("%s %s failed", request.method, request.path)
        return _status(ApiError("InternalError", f"Internal error occurred: {type(error).__name__}"))


def _status(error: ApiError, warnings: Iterable[str] = ()) -> web.Response:
    return answer(error.status(), status=error.code, warnings=warnings)


async def _serve(request: web.Request) -> web.StreamResponse:
    target = find_target(request.path)
    if target is None:
        asked = find_review(request.path)
        return await (_serve_other(request) if asked is None else _serve_review(request, asked))
    request[_DEPRECATED] = _DEPRECATIONS.get((target.kind.api_version, target.kind.kind), "")
    verb, handler = _handler(request, target)
    access_of(request).require(user_of(request), _attributes(request, target, verb))
    return await handler(request, target)


async def _serve_other(request: web.Request) -> web.StreamResponse:
    access_of(request).require(user_of(request), NonResource(request.method.lower(), request.path))
    if request.method not in {"GET", "HEAD"}:
        raise no_resource()
    return await serve_discovery(request)


async def _serve_review(request: web.Request, asked: ReviewTarget) -> web.StreamResponse:
    """Answer what is asked by creating it."""
    if request.method != "POST":
        raise no_method()
    access, user = access_of(request), user_of(request)
    access.require(user, Attributes("create", asked.group, asked.plural, "", asked.namespace))
    body = (await object_body(request)).manifest
    return answer(review(asked.plural, body, asked.namespace, user, access.policy()), form_of(request), status=201)


def _handler(request: web.Request, target: Target) -> tuple[str, OfTarget]:
    """Return the verb of a request, and what does it. Raises ApiError."""
    if target.subresource:
        return _VERBS.get(request.method, ""), _part(target)
    found = (_OF_NAMES if target.name else _OF_PLURALS).get(request.method)
    if found is None or (not target.namespace and target.kind.namespaced and request.method in {"POST", "DELETE"}):
        raise no_method()
    verb, handler = found
    if verb == "list" and flag(request, "watch") and request.method == "GET":
        verb, handler = "watch", objects.watch_objects
    if verb not in verbs_of(target.kind):
        raise no_method()
    return verb, handler


def _part(target: Target) -> OfTarget:
    unlisted = _UNLISTED.get((target.kind.kind, target.subresource))
    if unlisted is not None:
        return unlisted
    listed = {each.name for each in subresources_of(target.kind)}
    if target.subresource not in listed or target.subresource not in _OF_PARTS:
        raise no_resource()
    return _OF_PARTS[target.subresource]


def _attributes(request: web.Request, target: Target, verb: str) -> Attributes:
    """Return what is to be allowed; a list of one name is a request for that name."""
    kind, name = target.kind, target.name
    if verb in {"list", "watch"}:
        name = selection(request, target).name
    namespace = target.name if kind.kind == "Namespace" else target.namespace  # a namespace is in itself
    return Attributes(verb, kind.group, kind.plural, target.subresource, namespace, name)

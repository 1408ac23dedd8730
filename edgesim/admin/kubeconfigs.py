"""The endpoint that makes kubeconfig files."""

from __future__ import annotations

from aiohttp import web

from edgesim.admin.context import CONTEXT, as_json
from edgesim.admin.wire import Kubeconfig
from edgesim.config.api_errors import ApiError

NO_API = "ES0728"
_LONGEST = 253


async def kubeconfig(request: web.Request) -> web.Response:
    """Write the kubeconfig of a user, of the administrator where none is named, and answer its path."""
    kube = request.app[CONTEXT].kube
    if kube is None or kube.kubeconfig is None:
        raise _no_api("this instance serves no Kubernetes API: start it with `edgesim up --kube`")
    user, groups = request.query.get("as", ""), tuple(request.query.getall("group", ()))
    for name in (*([user] if "as" in request.query else []), *groups):
        _check(name)
    if groups and not user:
        raise ApiError("BadRequest", "groups are a user's: name one, as=USER")
    try:
        path = await kube.kubeconfig_of(user, groups)
    except OSError as refused:
        raise _no_api(f"no kubeconfig can be made: {(refused.strerror or str(refused)).lower()}") from None
    return as_json(Kubeconfig(str(path), user, kube.url))


def _check(name: str) -> None:
    if not name or len(name) > _LONGEST or not name.isprintable() or name != name.strip():
        message = (
            f"a name of a user or group has 1 to {_LONGEST} printable characters and no space around, got {name!r}"
        )
        raise ApiError("BadRequest", message)


def _no_api(message: str) -> ApiError:
    return ApiError("ServiceUnavailable", message, {"causes": [{"reason": NO_API, "message": message}]})

"""What the handlers of the Kubernetes API share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from aiohttp import web

from edgesim.control import Instance
from edgesim.kube.access import Access
from edgesim.kube.pod_logs import LogsOf, no_logs
from edgesim.kube.users import User, Users


@dataclass(frozen=True, slots=True)
class KubeContext:
    """The instance the API speaks for, and what it needs besides.

    `now` is the clock (UTC), `random_bytes` the source of generated names. `rbac` asks for roles even while
    no binding exists. `logs` returns what a pod logged, None for a pod that does not run.
    """

    instance: Instance
    now: Callable[[], datetime]
    random_bytes: Callable[[int], bytes]
    users: Users = field(default_factory=Users)
    rbac: bool = False
    logs: LogsOf = no_logs


CONTEXT: web.AppKey[KubeContext] = web.AppKey("context", KubeContext)
ACCESS: web.AppKey[Access] = web.AppKey("access", Access)
_USER: web.RequestKey[User] = web.RequestKey("user", User)
_WARNINGS: web.RequestKey[list[str]] = web.RequestKey("warnings", list)


def context_of(request: web.Request) -> KubeContext:
    """Return the context of the app that serves a request."""
    return request.app[CONTEXT]


def access_of(request: web.Request) -> Access:
    """Return who may do what."""
    return request.app[ACCESS]


def user_of(request: web.Request) -> User:
    """Return who sends a request."""
    return request[_USER]


def is_from(request: web.Request, user: User) -> None:
    """Note who sends a request."""
    request[_USER] = user


def begin(request: web.Request) -> None:
    """Make ready for a request: nobody is to be warned of anything yet."""
    request[_WARNINGS] = []


def warnings_of(request: web.Request) -> list[str]:
    """Return what the client is to be warned of, to be added to: an answer that refuses tells it, too."""
    return request[_WARNINGS]

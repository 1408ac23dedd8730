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
_USER = "edgesim.user"


def context_of(request: web.Request) -> KubeContext:
    """Return the context of the app that serves a request."""
    return request.app[CONTEXT]


def access_of(request: web.Request) -> Access:
    """Return who may do what."""
    return request.app[ACCESS]


def user_of(request: web.Request) -> User:
    """Return who sends a request."""
    user: User = request[_USER]
    return user


def is_from(request: web.Request, user: User) -> None:
    """Note who sends a request."""
    request[_USER] = user

"""What the handlers of the admin app share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import web

from edgesim.control import Instance


@dataclass(frozen=True, slots=True)
class Context:
    """The instance the app speaks for; `ready` tells whether the proxy serves, `token` who may ask."""

    instance: Instance
    ready: Callable[[], bool]
    token: str | None = None


CONTEXT: web.AppKey[Context] = web.AppKey("context", Context)


def instance_of(request: web.Request) -> Instance:
    """Return the running instance."""
    return request.app[CONTEXT].instance

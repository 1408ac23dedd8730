"""The table of the admin API: what it answers, and the pages that tell people so."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One method on one path, with the sentence that describes it."""

    method: str
    path: str
    summary: str
    handler: Handler = field(repr=False)


def help_text(endpoints: tuple[Endpoint, ...]) -> str:
    """Return the page at `/`: one line an endpoint."""
    width = max(len(endpoint.path) for endpoint in endpoints)
    lines = [f"{endpoint.method:<6} {endpoint.path:<{width}}  {endpoint.summary}" for endpoint in endpoints]
    return "\n".join(["edgesim admin API", "", *lines, ""])


def markdown(endpoints: tuple[Endpoint, ...]) -> str:
    """Return `docs/admin-api.md`."""
    rows = [f"| {endpoint.method} | `{endpoint.path}` | {endpoint.summary} |" for endpoint in endpoints]
    return "\n".join([_INTRODUCTION, "| method | path | what it does |", "|---|---|---|", *rows, ""])


_INTRODUCTION = """\
# The admin API

Made from the table in `edgesim/admin/app.py` by `docs/generate/admin_api.py`: change it there.

`edgesim up` serves it on `http://127.0.0.1:9901`. Answers are JSON; what cannot be done is answered with
a Kubernetes `Status`. Bodies are YAML or JSON, at most 64 MiB. Requests whose `Host` or `Origin` is not
this machine are refused (403); bound to another address, every request but `/ready` needs
`Authorization: Bearer TOKEN` (401).

`{resources}` stands for Kubernetes' paths: `/api/v1/...` for the core kinds, `/apis/{group}/{version}/...`
for the others, then `namespaces/{namespace}/` for kinds that live in one, then the plural name.
"""

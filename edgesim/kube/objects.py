"""Reading objects: one, a list, or a watch of them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Final

from aiohttp import web

from edgesim.config.api_errors import ApiError
from edgesim.config.store import Entry
from edgesim.kube.answers import Manifest, answer, answer_beside, in_form, list_in_form, shown
from edgesim.kube.beside import beside
from edgesim.kube.context import KubeContext, context_of, warnings_of
from edgesim.kube.forms import Form, form_of
from edgesim.kube.options import Selection, selection, version_of
from edgesim.kube.paths import Target, not_found
from edgesim.kube.watching import serve_watch, watch_of

AT_ONCE: Final = 500
"""Objects that are made ready before others on this event loop have their turn: the embedded pods are there."""


async def read_object(request: web.Request, target: Target) -> web.StreamResponse:
    """GET of a name."""
    form, context = form_of(request), context_of(request)
    entry = existing(context, target)
    return await answer_beside(in_form(shown(entry), target.kind, form, context.now()), form)


async def list_objects(request: web.Request, target: Target) -> web.StreamResponse:
    """GET of a plural: the objects of one namespace, or of all."""
    form, context, chosen = form_of(request), context_of(request), selection(request, target)
    _check_list(request)
    version, found = context.instance.store.version, await selected(context, target, chosen)
    return await answer_list(request, target, found, form, version)


async def answer_list(
    request: web.Request, target: Target, found: list[Manifest], form: Form, version: int
) -> web.Response:
    """Answer with a list of shown objects, a long one made beside the event loop; `version` is the store's."""
    now, warnings = context_of(request).now(), warnings_of(request)

    def written() -> web.Response:
        return answer(list_in_form(found, target.kind, form, now, version), form, warnings=warnings)

    return await beside(written, found)


async def watch_objects(request: web.Request, target: Target) -> web.StreamResponse:
    """GET of a plural with `watch`."""
    chosen = selection(request, target)
    return await serve_watch(request, context_of(request), watch_of(request, target, chosen, form_of(request)))


def existing(context: KubeContext, target: Target) -> Entry:
    """Return the entry a path names. Raises ApiError NotFound."""
    entry = context.instance.store.get(target.key)
    if entry is None:
        raise not_found(target)
    return entry


async def selected(context: KubeContext, target: Target, chosen: Selection) -> list[Manifest]:
    """Return the objects of a list, as they were when this was called."""
    entries = in_order(context.instance.store.entries(target.kind.kind, target.namespace or None))
    found: list[Manifest] = []
    for begin in range(0, len(entries), AT_ONCE):
        if begin:
            await asyncio.sleep(0)
        objects = map(shown, entries[begin : begin + AT_ONCE])
        found += objects if chosen.everything else filter(chosen, objects)
    return found


def in_order(entries: Iterable[Entry]) -> list[Entry]:
    """Return entries of one kind by namespace and name, as etcd lists them; events by when they came, to be read."""
    found = [*entries]
    if found and found[0].resource.kind.kind != "Event":
        found.sort(key=lambda entry: (entry.resource.namespace, entry.resource.name))
    return found


def _check_list(request: web.Request) -> None:
    """Refuse what asks for a part of a list that was never given: every list is whole. Raises ApiError."""
    version_of(request.query.get("resourceVersion"))
    if request.query.get("continue"):
        raise ApiError("BadRequest", "continue key is not valid: this server answers lists whole")
    match = request.query.get("resourceVersionMatch", "")
    if match not in {"", "Exact", "NotOlderThan"}:
        raise ApiError("BadRequest", f'resourceVersionMatch: Unsupported value: "{match[:100]}"')

"""DELETE: one object, or all a selector finds.

Kubernetes, "Garbage Collection" and DeleteOptions of meta/v1.
"""

from __future__ import annotations

import asyncio
from typing import Final

from aiohttp import web

from edgesim.config.api_errors import ApiError, success
from edgesim.config.store import Entry
from edgesim.control import Delete
from edgesim.kube.admission import admitted
from edgesim.kube.answers import Manifest, answer, shown
from edgesim.kube.bodies import optional_body
from edgesim.kube.context import KubeContext, context_of, warnings_of
from edgesim.kube.forms import Form, form_of
from edgesim.kube.identity import modified, other_uid
from edgesim.kube.objects import AT_ONCE, answer_list, existing
from edgesim.kube.options import DeleteOptions, delete_options, selection
from edgesim.kube.paths import Target
from edgesim.kube.writing import with_retries

LASTING: Final = frozenset({"default", "kube-system", "gloo-system"})
"""Namespaces that cannot be deleted."""


async def delete_object(request: web.Request, target: Target) -> web.StreamResponse:
    """DELETE of a name: a Status or, while something still holds the object, the object."""
    form, options = form_of(request), delete_options(request, await optional_body(request))
    context, warnings = context_of(request), warnings_of(request)
    _check_lasting(target)

    async def change() -> Entry:
        entry = existing(context, target)
        _check_preconditions(target, options, entry)
        if await _admitted(context, [entry], options, warnings):
            await context.instance.accept(_deletes([entry], options))
        return entry

    entry = await with_retries(target, change)
    return answer(_outcome(context, target, entry, options), Form(yaml=form.yaml), warnings=warnings)


async def delete_collection(request: web.Request, target: Target) -> web.StreamResponse:
    """DELETE of a plural: everything in a namespace that the selectors choose, one after the other as on a cluster."""
    form, options = form_of(request), delete_options(request, await optional_body(request))
    context, chosen, warnings = context_of(request), selection(request, target), warnings_of(request)

    async def admit() -> list[Entry]:
        held = context.instance.store.entries(target.kind.kind, target.namespace or None)
        found = [each for each in held if chosen.everything or chosen(shown(each))]
        await _admitted(context, found, options, warnings)
        return found

    found = await with_retries(target, admit)
    if not options.dry_run:
        await _delete_all(context, found, options)
    return await answer_list(request, target, [*map(shown, found)], form, context.instance.store.version)


async def _delete_all(context: KubeContext, entries: list[Entry], options: DeleteOptions) -> None:
    """Delete entries part by part, in whatever version they are by then: others have their turn in between."""
    for begin in range(0, len(entries), AT_ONCE):
        now = [(each, context.instance.store.get(each.resource.key)) for each in entries[begin : begin + AT_ONCE]]
        there = [entry for each, entry in now if entry is not None and entry.uid == each.uid]
        await context.instance.accept(_deletes(there, options))
        await asyncio.sleep(0)


async def _admitted(context: KubeContext, entries: list[Entry], options: DeleteOptions, warnings: list[str]) -> bool:
    """Tell whether entries may be deleted, and it is no dry run. Raises ApiError, ConflictError."""
    return await admitted(context.instance, _deletes(entries, options), warnings, dry_run=options.dry_run)


def _deletes(entries: list[Entry], options: DeleteOptions) -> list[Delete]:
    return [
        Delete(each.resource.key, expected=each.version, propagation=options.propagation, uid=each.uid)
        for each in entries
    ]


def _outcome(context: KubeContext, target: Target, entry: Entry, options: DeleteOptions) -> Manifest:
    left = context.instance.store.get(target.key)
    if left is not None and left.uid == entry.uid and not options.dry_run:
        return shown(left)
    return success({**target.details(), "uid": entry.uid})


def _check_lasting(target: Target) -> None:
    if target.kind.kind == "Namespace" and target.name in LASTING:
        why = "this namespace may not be deleted"
        raise ApiError("Forbidden", f'namespaces "{target.name}" is forbidden: {why}', target.details())


def _check_preconditions(target: Target, options: DeleteOptions, entry: Entry) -> None:
    if options.uid is not None and options.uid != entry.uid:
        raise other_uid(target, options.uid[:100], entry)
    if options.version is not None and options.version != entry.version:
        raise modified(target)

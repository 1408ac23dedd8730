"""Watches: what happens to the objects of a kind, one JSON object a line, until the client has enough.

Kubernetes, "API concepts": efficient detection of changes, watch bookmarks, streaming lists.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any, Final

import msgspec
from aiohttp import web

from edgesim.config.api_errors import ApiError
from edgesim.config.store import Entry, Store
from edgesim.kube.answers import in_form, shown
from edgesim.kube.context import KubeContext
from edgesim.kube.forms import Form
from edgesim.kube.happenings import Hub, KindLog, Told
from edgesim.kube.options import Selection, flag, number, version_of
from edgesim.kube.paths import Target

Manifest = dict[str, Any]

HUB: web.AppKey[Hub] = web.AppKey("hub", Hub)

LONGEST: Final = 1800
"""Seconds after which a watch ends that names no end."""
BETWEEN_BOOKMARKS: Final = 60.0
SEND_WITHIN: Final = 30.0
"""Seconds a client may leave what it is sent unread."""
PIECE: Final = 64 * 1024
"""Bytes that are sent at once."""


@dataclass(frozen=True, slots=True)
class Watch:
    """What a client watches: from which version, whether with what there is already, and how it is told."""

    target: Target
    selection: Selection
    form: Form
    since: int | None
    initial: bool
    marked: bool
    """Whether the end of what there is already is marked."""
    bookmarks: bool
    seconds: int

    def wants(self, found: Manifest) -> bool:
        """Tell whether a shown object is watched."""
        if self.target.namespace and found["metadata"].get("namespace", "") != self.target.namespace:
            return False
        return self.selection.everything or self.selection(found)


def watch_of(request: web.Request, target: Target, selection: Selection, form: Form) -> Watch:
    """Read what is to be watched. Raises ApiError BadRequest, Invalid."""
    since = version_of(request.query.get("resourceVersion"))
    streamed = flag(request, "sendInitialEvents") if "sendInitialEvents" in request.query else None
    match = request.query.get("resourceVersionMatch", "")
    if (streamed is None) != (not match) or match not in {"", "NotOlderThan"}:
        raise _bad_match(streamed=streamed)
    marked = bool(streamed) and flag(request, "allowWatchBookmarks")
    return Watch(
        target,
        selection,
        replace(form, yaml=False, pretty=False),
        since,
        since is None if streamed is None else streamed,
        marked,
        flag(request, "allowWatchBookmarks"),
        min(number(request, "timeoutSeconds") or LONGEST, 24 * 3600),
    )


def _bad_match(*, streamed: bool | None) -> ApiError:
    why = (
        "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"
        if streamed is None
        else "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
    )
    field = "resourceVersionMatch"
    causes = [{"reason": "FieldValueForbidden", "message": f"Forbidden: {why}", "field": field}]
    message = f'ListOptions.meta.k8s.io "" is invalid: {field}: Forbidden: {why}'
    return ApiError("Invalid", message, {"group": "meta.k8s.io", "kind": "ListOptions", "causes": causes})


async def serve_watch(request: web.Request, context: KubeContext, watch: Watch) -> web.StreamResponse:
    """Answer with a watch; returns when it has ended."""
    hub = request.app[HUB]
    with hub.watching(watch.target.kind.kind) as log:
        teller, store = _Teller(watch, context), context.instance.store
        begun, cursor = _beginning(store, teller), store.version
        response = web.StreamResponse()
        response.content_type = "application/json"
        await response.prepare(request)
        stream = _Stream(request, response)
        if await stream.send(begun):
            await _go_on(stream, teller, log, cursor)
    return response


def _beginning(store: Store, teller: _Teller) -> Iterable[bytes]:
    """Return what is told at once: what there is already, or what happened since, as it is when this is called."""
    watch, kind = teller.watch, teller.watch.target.kind.kind
    if watch.initial and not (watch.since is not None and watch.since > store.version):
        end = [_bookmark(watch, store.version, ended=True)] if watch.marked else []
        return chain(teller.existing([*store.entries(kind, watch.target.namespace or None)]), end)
    if watch.since is None:
        return []
    happened = store.since(watch.since) if watch.since <= store.version else None
    if happened is None:
        return [_expired(watch.since)]
    return teller.events([Told(each) for each in happened if each.entry.resource.key.kind == kind])


async def _go_on(stream: _Stream, teller: _Teller, log: KindLog, cursor: int) -> None:
    """Tell what happens until the client, its time or the server ends it."""
    watch, store = teller.watch, teller.context.instance.store
    clock = asyncio.get_running_loop().time
    end, bookmark = clock() + watch.seconds, clock() + BETWEEN_BOOKMARKS
    while not log.closed and clock() < end:
        told = log.after(cursor)
        if told is None:
            await stream.send([_expired(cursor)])
            return
        if told:
            cursor = told[-1].version
            if not await stream.send(teller.events(told)):
                return
        elif watch.bookmarks and clock() >= bookmark:
            bookmark = clock() + BETWEEN_BOOKMARKS
            cursor = max(cursor, store.version)
            if not await stream.send([_bookmark(watch, cursor)]):
                return
        else:
            await log.wait(max(0.0, min(end, bookmark if watch.bookmarks else end) - clock()))


@dataclass(slots=True)
class _Stream:
    """The answer, as far as it is written."""

    request: web.Request
    response: web.StreamResponse

    async def send(self, lines: Iterable[bytes]) -> bool:
        """Send lines; False where the client is gone or does not read them."""
        piece: list[bytes] = []
        size = 0
        for line in lines:
            piece.append(line)
            size += len(line)
            if size >= PIECE:
                if not await self._write(b"".join(piece)):
                    return False
                piece, size = [], 0
                await asyncio.sleep(0)  # the embedded pods are on this event loop, too
        return not piece or await self._write(b"".join(piece))

    async def _write(self, data: bytes) -> bool:
        try:
            async with asyncio.timeout(SEND_WITHIN):
                await self.response.write(data)
        except TimeoutError:
            if self.request.transport is not None:
                self.request.transport.abort()
            return False
        except ConnectionError:
            return False
        return True


@dataclass(slots=True)
class _Teller:
    """Writes the events of one watch; `headed` once the columns of its Tables were told."""

    watch: Watch
    context: KubeContext
    headed: bool = False

    def events(self, told: Iterable[Told]) -> Iterator[bytes]:
        """Return what is told of happenings: an object may enter what is watched, or leave it."""
        for each in told:
            kind, found = _seen(self.watch, each)
            if found is None:
                continue
            key = (kind, found is each.after(), self.watch.form, self.headed)
            line = each.encoded.get(key)
            if line is None:
                line = each.encoded[key] = self.line(kind, found)
            self.headed = self.watch.form.shape == "Table"
            yield line

    def existing(self, entries: Iterable[Entry]) -> Iterator[bytes]:
        """Return what is told of what there is already."""
        for each in map(shown, entries):
            if self.watch.wants(each):
                yield self.line("ADDED", each)

    def line(self, kind: str, found: Manifest) -> bytes:
        """Return an event."""
        shaped = in_form(found, self.watch.target.kind, self.watch.form, self.context.now())
        if self.watch.form.shape == "Table":
            if self.headed:
                shaped = {**shaped, "columnDefinitions": []}
            self.headed = True
        return _line(kind, shaped)


def _seen(watch: Watch, told: Told) -> tuple[str, Manifest | None]:
    """Return how a watcher sees a happening: as which type of event, and of what; None for not at all."""
    happening = told.happening
    if watch.target.namespace and happening.entry.resource.namespace != watch.target.namespace:
        return happening.type, None
    if watch.selection.everything:
        return happening.type, told.after()
    before = told.before()
    was = before is not None and watch.selection(before)
    if happening.type == "DELETED":
        return "DELETED", told.after() if was else None
    if watch.selection(told.after()):
        return "MODIFIED" if was else "ADDED", told.after()
    return "DELETED", before if was else None


def _line(kind: str, found: Manifest) -> bytes:
    return msgspec.json.encode({"type": kind, "object": found}) + b"\n"


def _bookmark(watch: Watch, version: int, *, ended: bool = False) -> bytes:
    """Return the event that tells only how far the watch has come."""
    metadata: Manifest = {"resourceVersion": str(version), "creationTimestamp": None}
    if ended:
        metadata["annotations"] = {"k8s.io/initial-events-end": "true"}
    kind = watch.target.kind
    partial = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata}
    if watch.form.shape == "PartialObjectMetadata":
        return _line("BOOKMARK", partial)
    if watch.form.shape == "Table":
        row = {"cells": [], "object": partial}
        table = {"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": metadata, "columnDefinitions": []}
        return _line("BOOKMARK", {**table, "rows": [row]})
    return _line("BOOKMARK", {"kind": kind.kind, "apiVersion": kind.api_version, "metadata": metadata})


def _expired(version: int) -> bytes:
    error = ApiError("Expired", f"too old resource version: {version}")
    return _line("ERROR", error.status())

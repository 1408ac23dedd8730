"""The endpoints of what was served: the history, one revision of it, and going back to one."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import msgspec
from aiohttp import web

from edgesim.admin.context import instance_of
from edgesim.admin.errors import ApiError
from edgesim.admin.wire import History, Outcome, Undone
from edgesim.admin.writes import caused, result_of
from edgesim.config.encoding import pack
from edgesim.config.revisions import Revision
from edgesim.config.state_rows import StateError
from edgesim.control import ConflictError, Instance
from edgesim.control.recorder import Recorder
from edgesim.control.undo import plan_undo
from edgesim.model import Problem, ResourceKey
from edgesim.model.codes import problem


async def history(request: web.Request) -> web.Response:
    """Answer the history."""
    recorder = _recorder(instance_of(request))
    try:
        revisions = await recorder.history()
    except StateError as error:
        raise ApiError("InternalError", f"the state cannot be read: {error}") from None
    folder = "" if recorder.folder is None else str(recorder.folder)
    return _json(History(recorder.number, folder, revisions))


async def revision(request: web.Request) -> web.Response:
    """Answer one revision: its resources as manifests, and its model as `config.encoding.pack` writes it."""
    found = await _revision(_recorder(instance_of(request)), request.match_info["revision"])
    listed = [each.manifest for each in found.resources]
    model = base64.b64encode(await asyncio.to_thread(pack, found.model)).decode()
    return _json({"number": found.number, "time": found.time, "resources": listed, "model": model})


async def undo(request: web.Request) -> web.Response:
    """Bring the resources of `?rev=` back, by default those of the revision before the current one."""
    instance = instance_of(request)
    recorder = _recorder(instance)
    wanted = request.query.get("rev") or await _before(recorder)
    found = await _revision(recorder, wanted)
    return _json(await _undone(instance, found))


async def _undone(instance: Instance, found: Revision) -> Undone:
    known = set(instance.problems)
    plan = await asyncio.to_thread(plan_undo, [*instance.store.entries()], found.resources, [*instance.followed()])
    before = {write.key: instance.store.get(write.key) for write in plan.writes}
    try:
        changes = await instance.write(plan.writes)
    except ConflictError:
        raise ApiError("Conflict", "somebody else writes at the same time; try again") from None
    results = tuple(result_of(change, before[change.key]) for change in changes)
    problems = caused(instance.problems, known, set(before))
    return Undone(found.number, Outcome(results, tuple(map(_lost, plan.lost)), problems), plan.files)


def _lost(key: ResourceKey) -> Problem:
    return problem("ES0725", f"{key} of that revision is not taken any more: it stays as it is", resource=key)


def _recorder(instance: Instance) -> Recorder:
    if instance.recorder is None:
        raise ApiError("NotFound", "this instance keeps no history")
    return instance.recorder


async def _before(recorder: Recorder) -> str:
    await recorder.flush()
    if recorder.number < 2:
        raise ApiError("NotFound", "there is no revision before the current one")
    return str(recorder.number - 1)


async def _revision(recorder: Recorder, wanted: str) -> Revision:
    if not wanted.isascii() or not wanted.isdigit() or len(wanted) > 15:
        raise ApiError("BadRequest", f"a revision is a whole number, got {wanted!r}")
    try:
        found = await recorder.revision(int(wanted))
    except StateError as error:
        raise ApiError("InternalError", f"the state cannot be read: {error}") from None
    if found is None:
        raise ApiError("NotFound", f"revision {wanted} is not kept; `edgesim history` lists those that are")
    return found


def _json(report: Any) -> web.Response:
    return web.json_response(msgspec.to_builtins(report))

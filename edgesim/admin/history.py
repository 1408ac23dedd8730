"""The endpoints of what was served: the history, one revision of it, and going back to one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from contextlib import suppress
from typing import TypeVar

from aiohttp import web

from edgesim.admin.context import as_json, instance_of
from edgesim.admin.wire import History, Kept, Outcome, Undone
from edgesim.admin.writes import caused, result_of
from edgesim.config.api_errors import ApiError, no_revision
from edgesim.config.encoding import pack, shape
from edgesim.config.revisions import Revision
from edgesim.config.serving import Policy
from edgesim.config.state_rows import StateError
from edgesim.control import ConflictError, Instance
from edgesim.control.recorder import Recorder, stored
from edgesim.control.undo import plan_undo
from edgesim.model import Problem, ResourceKey
from edgesim.model.codes import problem

T = TypeVar("T")
_ATTEMPTS = 5


async def history(request: web.Request) -> web.Response:
    """Answer the history."""
    recorder = _recorder(instance_of(request))
    revisions = await _read(recorder.history())
    folder = "" if recorder.folder is None else str(recorder.folder)
    return as_json(History(recorder.number, folder, revisions))


async def revision(request: web.Request) -> web.Response:
    """Answer one revision."""
    return as_json(await _kept(await _revision(_recorder(instance_of(request)), request.match_info["revision"])))


async def served(request: web.Request) -> web.Response:
    """Answer what is served now."""
    instance = instance_of(request)
    last = await _read(_recorder(instance).current())
    model = instance.served.model
    # What never was sound, or what the disk did not take, is in no revision.
    found = (
        last
        if last is not None and last.model == model
        else Revision(0, "", model, (), stored(instance.store.entries()))
    )
    return as_json(await _kept(found))


async def _kept(found: Revision) -> Kept:
    model = await asyncio.to_thread(pack, found.model)
    return Kept(found.number, found.time, found.resources, shape(), model)


async def undo(request: web.Request) -> web.Response:
    """Bring the resources of `?rev=` back, by default those before the last change."""
    instance = instance_of(request)
    wanted = request.query.get("rev") or await _before(instance)
    found = await _revision(_recorder(instance), wanted)
    for _ in range(_ATTEMPTS):
        with suppress(ConflictError):
            return as_json(await _undone(instance, found))
    raise ApiError("Conflict", "somebody else writes at the same time; try again")


async def _undone(instance: Instance, found: Revision) -> Undone:
    """Bring resources back. Raises ConflictError where one of them is written meanwhile, if only its status."""
    known = set(instance.problems)
    plan = await asyncio.to_thread(plan_undo, [*instance.store.entries()], found.resources, [*instance.followed()])
    before = {write.key: instance.store.get(write.key) for write in plan.writes}
    changes = await instance.write(plan.writes)
    results = tuple(result_of(change, before[change.key]) for change in changes)
    problems = caused(instance.problems, known, set(before))
    return Undone(found.number, Outcome(results, tuple(map(_lost, plan.lost)), problems), plan.files)


def _lost(key: ResourceKey) -> Problem:
    return problem("ES0725", f"{key} of that revision is not taken any more: it stays as it is", resource=key)


def _recorder(instance: Instance) -> Recorder:
    if instance.recorder is None:
        raise no_revision("this instance keeps no history")
    return instance.recorder


async def _before(instance: Instance) -> str:
    """Return the revision before the last change: the current one where a freeze holds that change back."""
    recorder = _recorder(instance)
    await recorder.flush()
    if instance.served.frozen and instance.served.policy is Policy.FREEZE and recorder.number:
        return str(recorder.number)
    if recorder.number < 2:
        raise no_revision("there is no revision before the current one")
    return str(recorder.number - 1)


async def _revision(recorder: Recorder, wanted: str) -> Revision:
    if not wanted.isascii() or not wanted.isdigit() or len(wanted) > 15:
        raise ApiError("BadRequest", f"a revision is a whole number, got {wanted!r}")
    found = await _read(recorder.revision(int(wanted)))
    if found is None:
        raise no_revision(f"revision {wanted} is not kept; `edgesim history` lists those that are")
    return found


async def _read(asked: Awaitable[T]) -> T:
    try:
        return await asked
    except StateError as error:
        raise ApiError("InternalError", f"the state cannot be read: {error}") from None

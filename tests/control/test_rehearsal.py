from __future__ import annotations

import pytest

from edgesim.config.store import Store
from edgesim.control import ConflictError, Delete, Instance
from edgesim.model import ResourceKey
from tests.control.scenes import ECHO, UPSTREAM, RecordingEngine, puts, virtual_service

VIRTUAL_SERVICE = ResourceKey("VirtualService", "gloo-system", "echo")


async def test_a_rehearsal_tells_what_would_be_wrong_and_keeps_nothing(
    instance: Instance, store: Store, engine: RecordingEngine
) -> None:
    """The problems of writes are told before they are written; store, translation and engine stay as they are."""
    await instance.write(puts(ECHO))
    version, translation, pushed = store.version, instance.translation, len(engine.updates)
    rehearsal = await instance.rehearse(puts(virtual_service("echo-typo")))
    assert [problem.resource for problem in rehearsal.problems] == [VIRTUAL_SERVICE]
    assert [(change.verb, change.entry.generation) for change in rehearsal.changes] == [("configured", 2)]
    assert (await instance.rehearse(puts(virtual_service(prefix="/fine")))).problems == ()
    assert (store.version, instance.translation, len(engine.updates)) == (version, translation, pushed)
    assert instance.problems == ()


async def test_what_is_wrong_already_is_not_new(instance: Instance) -> None:
    """A problem there is already is none of the rehearsed write's, but one that a deletion makes is."""
    await instance.write(puts(ECHO))
    await instance.write(puts(virtual_service("echo-typo")))
    assert (await instance.rehearse(puts(virtual_service("echo-typo", "/other")))).problems == ()
    await instance.write(puts(virtual_service()))
    deletion = Delete(ResourceKey("Upstream", "gloo-system", "echo"))
    assert {each.resource for each in (await instance.rehearse([deletion])).problems} == {VIRTUAL_SERVICE}


async def test_the_next_translation_finds_all_as_it_was(instance: Instance, engine: RecordingEngine) -> None:
    """After a rehearsal nothing is translated anew: the model stays the identical one, and nothing is pushed."""
    await instance.write(puts(ECHO))
    model, pushed = instance.served.model, len(engine.updates)
    await instance.rehearse(puts(virtual_service(prefix="/new")))
    await instance.write([])
    assert instance.served.model is model
    assert len(engine.updates) == pushed


async def test_a_rehearsed_conflict_is_one(instance: Instance) -> None:
    """A write against another version is refused in the rehearsal, too."""
    (change,) = await instance.write(puts(UPSTREAM))
    with pytest.raises(ConflictError):
        await instance.rehearse([Delete(change.key, expected=change.entry.version + 1)])

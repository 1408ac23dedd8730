from __future__ import annotations

import asyncio
import math
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edgesim.backends import Controllers, PodRuntime
from edgesim.config.state import DATABASE
from edgesim.config.state_folder import open_explicit
from edgesim.config.store import Store
from edgesim.control import ConflictError, Delete, Files, Instance, Put
from edgesim.control.bursts import PROMPT, Burst
from edgesim.control.changes import API_WRITER
from edgesim.control.recorder import Recorder
from edgesim.model import Problem, ResourceKey
from edgesim.telemetry.tasks import spawn
from tests.control.scenes import ECHO, RecordingEngine, made_store, puts, until, virtual_service

UPSTREAM = """
apiVersion: gloo.solo.io/v1
kind: Upstream
metadata: {name: echo, namespace: gloo-system}
spec: {static: {hosts: [{addr: 127.0.0.1, port: 1}]}}
"""
VIRTUAL_SERVICE = ResourceKey("VirtualService", "gloo-system", "echo")


@dataclass
class Steps:
    """Controllers without pods, that say when they want to go on."""

    again: list[float | None] = field(default_factory=list)
    made: int = 0
    leaving: tuple[str, ...] = ()
    again_in: float | None = None
    problems: tuple[Problem, ...] = ()
    gate: asyncio.Event | None = None
    endless: bool = False

    async def reconcile(self) -> Steps:
        self.made += 1
        if self.gate is not None:
            await self.gate.wait()
        self.again_in = 0 if self.endless else self.again.pop(0) if self.again else None
        return self

    def retire(self, leaving: list[str]) -> None:
        assert leaving == []

    async def close(self, grace: float) -> None:
        assert grace >= 0


@pytest.fixture
def steps() -> Steps:
    return Steps()


@pytest.fixture
async def plain(engine: RecordingEngine, store: Store, steps: Steps) -> AsyncIterator[Instance]:
    """An instance without pods."""
    made = Instance(store, engine, steps)
    yield made
    await made.close(grace=0)


def just_translated(instance: Instance) -> None:
    """Have the next accepted write not wait, as in the middle of a burst of writes."""
    now = asyncio.get_running_loop().time()
    instance._burst = Burst(rests_from=now + 0.05, _until=math.inf, _spent=PROMPT)


def prefix(engine: RecordingEngine) -> str:
    return str(engine.last.model.virtual_hosts[0].routes[0].matches[0].path.value)


async def test_a_single_write_is_served_when_it_is_accepted(plain: Instance, engine: RecordingEngine) -> None:
    """Where nothing was translated of late an accepted write is served: who asks next meets the new route."""
    (change, _) = await plain.accept(puts(virtual_service(prefix="/a") + "---" + UPSTREAM))
    assert change.verb == "created"
    assert prefix(engine) == "/a"


async def test_a_few_writes_in_a_row_are_each_served(plain: Instance, engine: RecordingEngine) -> None:
    """Of a short burst each write is served when it is accepted, not only the first."""
    await plain.accept(puts(UPSTREAM))
    await plain.accept(puts(virtual_service(prefix="/a")))
    assert prefix(engine) == "/a"


async def test_what_controllers_do_makes_no_burst(plain: Instance, engine: RecordingEngine, steps: Steps) -> None:
    """While pods roll one step after the other a single write is served when it is accepted, all the same."""
    await plain.accept(puts(UPSTREAM))
    steps.endless = True
    busy = spawn(plain.accept(puts(virtual_service(prefix="/a"))), "a rollout without end")
    await until(lambda: steps.made > 50)
    plain._burst = Burst(_spent=PROMPT)
    await plain.accept(puts(virtual_service(prefix="/b")))
    assert prefix(engine) == "/b"
    steps.endless = False
    await busy


async def test_what_follows_shortly_shares_one_translation(
    plain: Instance, engine: RecordingEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hundred writes one after the other are each in the store at once, and few translations serve them all."""
    monkeypatch.setattr("edgesim.control.bursts.LINGER", 0.5)
    await plain.accept(puts(UPSTREAM))
    just_translated(plain)
    pushed = len(engine.updates)
    for number in range(100):
        await plain.accept(puts(virtual_service(prefix=f"/{number}")))
        entry = plain.store.get(VIRTUAL_SERVICE)
        assert entry is not None
        assert entry.resource.manifest["spec"]["virtualHost"]["routes"][0]["matchers"] == [{"prefix": f"/{number}"}]
    await until(lambda: bool(engine.last.model.virtual_hosts) and prefix(engine) == "/99")
    assert len(engine.updates) - pushed < 50


async def test_who_writes_serves_what_was_accepted_before(plain: Instance, engine: RecordingEngine) -> None:
    """A write that waits does not linger, and what others had accepted is served with it."""
    just_translated(plain)
    await plain.accept(puts(UPSTREAM))
    await plain.accept(puts(virtual_service(prefix="/a")))
    await plain.write([])
    assert prefix(engine) == "/a"


async def test_a_write_is_accepted_while_another_is_being_served(
    plain: Instance, engine: RecordingEngine, steps: Steps
) -> None:
    """The store changes while the controllers are at work; what came in between is served next."""
    steps.gate = asyncio.Event()
    first = spawn(plain.write(puts(UPSTREAM)), "write")
    await until(lambda: steps.made == 1)
    just_translated(plain)
    (change,) = await plain.accept(puts(virtual_service(prefix="/a")))
    assert change.verb == "created"
    assert not first.done()
    steps.gate.set()
    await until(lambda: bool(engine.updates) and bool(engine.last.model.virtual_hosts))
    assert (await first)[0].verb == "created"


async def test_a_conflict_is_told_at_once_and_writes_nothing(plain: Instance, store: Store) -> None:
    """A write against another version is refused when it is accepted."""
    (change,) = await plain.accept(puts(UPSTREAM))
    (put,) = puts(virtual_service())
    with pytest.raises(ConflictError):
        await plain.accept([put, Delete(change.key, expected=change.entry.version + 1)])
    assert store.get(VIRTUAL_SERVICE) is None


async def test_the_controllers_go_on_until_they_are_done(plain: Instance, steps: Steps) -> None:
    """A write waits for all steps that are due at once, an accepted one for the first only."""
    steps.again = [0, 0, None]
    await plain.write(puts(UPSTREAM))
    assert steps.made == 3


async def test_a_later_step_is_made_later(plain: Instance, steps: Steps) -> None:
    """A step that is due later is made by itself, and nobody waits for it."""
    steps.again = [0.01, None]
    await plain.write(puts(UPSTREAM))
    assert steps.made == 1
    await until(lambda: steps.made == 2)


async def test_closing_ends_steps_without_end(engine: RecordingEngine, store: Store) -> None:
    """Controllers that always want to go on do not keep an instance from closing, nor who waits from his answer."""
    steps = Steps(endless=True)
    instance = Instance(store, engine, steps)
    waiting = spawn(instance.write(puts(UPSTREAM)), "write")
    await until(lambda: steps.made > 3)
    await instance.close(grace=0)
    assert [change.verb for change in await waiting] == ["created"]


async def test_an_engine_that_fails_nobody_waits_for_is_logged(
    plain: Instance, engine: RecordingEngine, caplog: pytest.LogCaptureFixture
) -> None:
    """What was accepted and cannot be served is logged, and served with the next write."""
    await plain.accept(puts(UPSTREAM))
    engine.failure = RuntimeError("worker gone")
    just_translated(plain)
    await plain.accept(puts(virtual_service(prefix="/a")))
    await until(lambda: "worker gone" in caplog.text)
    engine.failure = None
    await plain.write([])
    assert prefix(engine) == "/a"


def kept(folder: Path) -> list[str]:
    """Read from another connection which objects are on disk."""
    with closing(sqlite3.connect(folder / DATABASE)) as connection:
        return [name for (name,) in connection.execute("SELECT name FROM written ORDER BY rowid")]


async def test_what_is_accepted_is_on_disk(engine: RecordingEngine, store: Store, tmp_path: Path) -> None:
    """With a state folder each accepted write is on disk when it is acknowledged, a deletion too."""
    recorder = Recorder(open_explicit(tmp_path), lambda: datetime(2026, 1, 1, tzinfo=UTC))
    instance = Instance(store, engine, Controllers(store, PodRuntime()), recorder=recorder)
    written = [Put(put.resource, API_WRITER) for put in puts(ECHO)]
    await instance.accept(written)
    assert len(kept(tmp_path)) == 4
    just_translated(instance)
    await instance.accept([Delete(VIRTUAL_SERVICE)])
    assert str(VIRTUAL_SERVICE) not in kept(tmp_path)
    await asyncio.gather(*(instance.accept([put]) for put in written))
    assert str(VIRTUAL_SERVICE) in kept(tmp_path)
    await instance.close(grace=0)


async def test_a_restart_keeps_who_an_object_is(engine: RecordingEngine, store: Store, tmp_path: Path) -> None:
    """After a restart an object that the API wrote has its uid, its times and its managed fields, and is still held."""
    managed = ({"manager": "kubectl", "operation": "Apply", "fieldsV1": {"f:spec": {}}},)
    (put,) = puts(UPSTREAM.replace("namespace: gloo-system", "namespace: gloo-system, finalizers: [a.example/x]"))
    first = Instance(store, engine, Steps(), recorder=recorded(tmp_path))
    await first.accept([Put(put.resource, API_WRITER, managed=managed)])
    await first.accept([Delete(put.key)])
    before = store.get(put.key)
    await first.close(grace=0)
    recorder, again = recorded(tmp_path), made_store()
    second = Instance(again, RecordingEngine(), Steps(), recorder=recorder)
    _, kept_objects = await recorder.restored()
    await Files(second, []).load(kept_objects)
    after = again.get(put.key)
    assert before is not None
    assert after is not None
    assert (after.uid, after.created, after.generation) == (before.uid, before.created, before.generation)
    assert (after.managed, after.deleting) == (managed, before.deleting)
    assert after.deleting is not None
    await second.close(grace=0)


def recorded(folder: Path) -> Recorder:
    return Recorder(open_explicit(folder), lambda: datetime(2026, 1, 1, tzinfo=UTC))

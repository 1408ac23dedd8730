"""The history over the admin API: what was served, and going back to it."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from edgesim.admin.app import create_app
from edgesim.admin.context import Context
from edgesim.backends import Controllers, PodRuntime
from edgesim.config.state_folder import temporary
from edgesim.config.store import Store
from edgesim.control import Instance
from edgesim.control.changes import install
from edgesim.control.recorder import Recorder
from tests.control.scenes import RecordingEngine, puts
from tests.control.test_policies import GOOD, REGEX, REPLACING, broken, shown, team


@dataclass
class World:
    """A running instance and its admin API."""

    instance: Instance
    client: Any

    async def ask(self, method: str, path: str) -> tuple[int, Any]:
        response = await self.client.request(method, f"/edgesim/v1{path}")
        return response.status, await response.json()

    async def undo(self, query: str = "") -> tuple[int, list[str]]:
        """Undo; return the revision that is back and what that did, in kubectl's words."""
        status, answer = await self.ask("POST", f"/undo{query}")
        if status != 200:
            return status, [answer["message"]]
        results = answer["outcome"]["results"]
        return answer["revision"], [f"{each['name']} {each['verb']}" for each in results]

    @property
    def shown(self) -> str:
        return shown(self.instance.served.model)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    numbers = itertools.count(1)
    store = Store(lambda: datetime(2026, 1, 1, tzinfo=UTC), lambda: f"uid-{next(numbers)}")
    install(store)
    recorder = Recorder(temporary(), lambda: datetime(2026, 1, 1, tzinfo=UTC))
    instance = Instance(store, RecordingEngine(), Controllers(store, PodRuntime()), recorder=recorder)
    context = Context(instance, lambda: True)
    async with TestClient(TestServer(create_app(context))) as client:
        yield World(instance, client)
    await instance.close(grace=0)


async def test_undo_takes_the_last_change_back(world: World) -> None:
    """Without a revision it is the one before; what came since is deleted, and the way back is open."""
    assert await world.undo() == (404, ["there is no revision before the current one"])
    await world.instance.write(puts(GOOD))
    await world.instance.write(puts(team("echo", "e2") + "---\n" + team("golf", "g")))
    assert await world.undo() == (1, ["echo configured", "golf deleted"])
    assert world.shown == "echo=e1 foxtrot=f1"
    assert await world.undo() == (2, ["echo configured", "golf created"])
    assert await world.undo("?rev=2") == (2, [])


async def test_undo_drops_what_a_freeze_holds_back(world: World) -> None:
    """The last change is then the one that is not served: the resources are again those of what is."""
    await world.instance.write(puts(GOOD))
    await world.instance.write(puts(broken(REGEX)))
    assert world.instance.served.frozen
    assert await world.undo() == (1, ["echo configured", "foxtrot configured"])
    assert (world.instance.served.frozen, world.instance.problems) == (False, ())
    assert world.shown == "echo=e1 foxtrot=f1"


async def test_applying_what_is_there_is_no_change(world: World) -> None:
    """What `apply` calls unchanged is in no revision, and undo takes back what came before."""
    await world.instance.write(puts(GOOD))
    await world.instance.write(puts(team("echo", "e2")))
    files = {"files": [{"name": "test.yaml", "text": team("foxtrot", "f1")}]}
    response = await world.client.post("/edgesim/v1/apply", json=files)
    assert [each["verb"] for each in (await response.json())["results"]] == ["unchanged"]
    assert await world.undo() == (1, ["echo configured"])


async def test_undo_of_settings_leaves_those_of_the_installation(world: World) -> None:
    """Settings that were patched are as they were installed again: they are never gone."""
    await world.instance.write(puts(GOOD))
    await world.instance.write(puts(REPLACING + "---\n" + team("echo", "e2")))
    assert await world.undo() == (1, ["echo configured", "default configured"])
    (settings,) = world.instance.store.entries("Settings")
    assert settings.resource.manifest["spec"]["gloo"]["invalidConfigPolicy"]["replaceInvalidRoutes"] is False


async def test_settings_are_only_ever_configured(world: World) -> None:
    """They are there from the start and when nobody declares them: the history neither creates nor deletes them."""
    await world.instance.write(puts(GOOD))
    await world.instance.write(puts(REPLACING))
    await world.undo()
    _, answer = await world.ask("GET", "/history")
    verbs = [(each["verb"], each["resource"]["kind"]) for info in answer["revisions"][:2] for each in info["changes"]]
    assert verbs == [("configured", "Settings")] * 2


async def test_revisions_that_are_none(world: World) -> None:
    """A revision that is not kept, or is no number, is one line."""
    assert (await world.ask("GET", "/history/7"))[0] == 404
    assert await world.undo("?rev=7") == (404, ["revision 7 is not kept; `edgesim history` lists those that are"])
    assert await world.undo("?rev=x") == (400, ["a revision is a whole number, got 'x'"])


async def test_the_history_names_what_changed_and_who_blocked(world: World) -> None:
    """A line for each revision with its changes, and a blockage with its problems and those who waited."""
    await world.instance.write(puts(GOOD))
    await world.instance.write(puts(broken(REGEX)))
    await world.instance.write(puts(GOOD))
    _, answer = await world.ask("GET", "/history")
    (revision,) = answer["revisions"]
    assert (answer["current"], revision["changed"]) == (1, 2)
    (blockage,) = revision["blockages"]
    assert [each["code"] for each in blockage["problems"]] == ["ES0208"]
    assert [each["name"] for each in blockage["waiting"]] == ["echo", "foxtrot"]
    assert blockage["until"] is not None

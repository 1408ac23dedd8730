"""Watches: what they begin with, what they tell, and how they end."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import aiohttp
import pytest

from edgesim.config.store import Entry
from edgesim.kube import happenings, watching
from edgesim.kube.answers import shown
from tests.control.scenes import until
from tests.kube.api import CONFIG_MAPS, MERGE, Api, Json, config_map

SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Watcher:
    """A watch that is open."""

    response: aiohttp.ClientResponse

    async def next(self) -> Json:
        """Return the next event; fails where none comes."""
        line = await asyncio.wait_for(self.response.content.readline(), SECONDS)
        assert line, "the watch has ended"
        found: Json = json.loads(line)
        return found

    async def told(self) -> tuple[str, str]:
        """Return type and name of the next event."""
        event = await self.next()
        return event["type"], event["object"]["metadata"]["name"]

    async def ended(self) -> bool:
        return await asyncio.wait_for(self.response.content.readline(), SECONDS) == b""


@asynccontextmanager
async def watch(api: Api, query: str = "", path: str = CONFIG_MAPS, accept: str = "*/*") -> AsyncIterator[Watcher]:
    address = f"{api.url}{path}?watch=true&{query}"
    async with api.session.get(address, headers={"Accept": accept}) as response:
        assert response.status == 200, await response.text()
        yield Watcher(response)


async def create(api: Api, name: str, **labels: str) -> Json:
    made = config_map(name)
    made["metadata"]["labels"] = labels
    return (await api.ask("POST", CONFIG_MAPS, made)).json


async def relabel(api: Api, name: str, **labels: str | None) -> None:
    await api.ask("PATCH", f"{CONFIG_MAPS}/{name}", {"metadata": {"labels": labels}}, Content_Type=MERGE)


@pytest.mark.parametrize("query", ["", "resourceVersion=0"])
async def test_it_begins_with_what_there_is(api: Api, query: str) -> None:
    """Without a version what exists is ADDED first, and what happens follows."""
    await create(api, "one")
    async with watch(api, query) as watcher:
        assert await watcher.told() == ("ADDED", "one")
        await create(api, "two")
        assert await watcher.told() == ("ADDED", "two")
        await relabel(api, "one", a="b")
        assert await watcher.told() == ("MODIFIED", "one")
        await api.ask("DELETE", f"{CONFIG_MAPS}/one")
        deleted = await watcher.next()
        assert (deleted["type"], deleted["object"]["metadata"]["labels"]) == ("DELETED", {"a": "b"})


async def test_a_pod_has_a_phase_from_the_first(api: Api) -> None:
    """A pod somebody makes is ADDED as Pending: clients read the phase without asking whether there is one."""
    pods = "/api/v1/namespaces/default/pods"
    container = {"name": "c", "image": "hashicorp/http-echo", "args": ["-text=x"]}
    async with watch(api, path=pods) as watcher:
        await api.ask("POST", pods, {"metadata": {"name": "one"}, "spec": {"containers": [container]}})
        added = await watcher.next()
    assert (added["type"], added["object"]["status"]["phase"]) == ("ADDED", "Pending")


async def test_it_goes_on_from_a_version(api: Api) -> None:
    """From a version on only what happened since is told: of this kind and namespace, no other."""
    first = await create(api, "one")
    await create(api, "two")
    await api.ask("POST", "/api/v1/namespaces", {"metadata": {"name": "other"}})
    await api.ask("POST", CONFIG_MAPS.replace("default", "other"), config_map("three"))
    async with watch(api, f"resourceVersion={first['metadata']['resourceVersion']}") as watcher:
        assert await watcher.told() == ("ADDED", "two")
        await relabel(api, "two", a="b")
        assert await watcher.told() == ("MODIFIED", "two")


async def test_objects_enter_and_leave_a_selector(api: Api) -> None:
    """What comes to match is ADDED, what no longer does is DELETED, and what never did is not told."""
    async with watch(api, "labelSelector=a%3Db") as watcher:
        await create(api, "one")
        await create(api, "two", a="b")
        assert await watcher.told() == ("ADDED", "two")
        await relabel(api, "one", a="b")
        assert await watcher.told() == ("ADDED", "one")
        await relabel(api, "two", a="c")
        left = await watcher.next()
        assert (left["type"], left["object"]["metadata"]["labels"]) == ("DELETED", {"a": "b"})
        await api.ask("DELETE", f"{CONFIG_MAPS}/two")
        await api.ask("DELETE", f"{CONFIG_MAPS}/one")
        assert await watcher.told() == ("DELETED", "one")


async def test_one_object_is_watched_by_its_name(api: Api) -> None:
    """A field selector of a name tells of that object only."""
    await create(api, "one")
    async with watch(api, "fieldSelector=metadata.name%3Dtwo") as watcher:
        await create(api, "two")
        assert await watcher.told() == ("ADDED", "two")


async def test_a_streamed_list_marks_its_end(api: Api) -> None:
    """SendInitialEvents tells what exists, then a bookmark that says so, then what happens."""
    await create(api, "one")
    query = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
    async with watch(api, query) as watcher:
        assert await watcher.told() == ("ADDED", "one")
        mark = await watcher.next()
        metadata = mark["object"]["metadata"]
        assert (mark["type"], mark["object"]["kind"]) == ("BOOKMARK", "ConfigMap")
        assert metadata["annotations"] == {"k8s.io/initial-events-end": "true"}
        assert int(metadata["resourceVersion"]) == api.instance.store.version
        await create(api, "two")
        assert await watcher.told() == ("ADDED", "two")


async def test_bookmarks_tell_how_far_it_has_come(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """A watch that allows them is told the version from time to time."""
    monkeypatch.setattr(watching, "BETWEEN_BOOKMARKS", 0.01)
    async with watch(api, "allowWatchBookmarks=true") as watcher:
        mark = await watcher.next()
        assert (mark["type"], mark["object"]["metadata"]["resourceVersion"]) == (
            "BOOKMARK",
            str(api.instance.store.version),
        )


@pytest.mark.parametrize("version", ["1", "999999"])
async def test_a_version_that_is_not_known(api: Api, version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A version too old, or of another life of the server, is an ERROR with 410 Expired, and the end."""
    monkeypatch.setattr(api.instance.store, "since", lambda _version: None)
    async with watch(api, f"resourceVersion={version}") as watcher:
        event = await watcher.next()
        assert (event["type"], event["object"]["code"], event["object"]["reason"]) == ("ERROR", 410, "Expired")


async def test_it_ends_in_time(api: Api) -> None:
    """TimeoutSeconds ends a watch without an error."""
    async with watch(api, "timeoutSeconds=1") as watcher:
        assert await watcher.ended()


async def test_it_ends_with_the_server(api: Api) -> None:
    """A server that stops ends its watches at once."""
    async with watch(api) as watcher:
        api.app[watching.HUB].close()
        assert await watcher.ended()


async def test_rows_of_tables(api: Api) -> None:
    """A watch of Tables tells rows, with the columns in the first only."""
    await create(api, "one")
    async with watch(api, accept="application/json;as=Table;v=v1;g=meta.k8s.io") as watcher:
        first = (await watcher.next())["object"]
        await create(api, "two")
        second = (await watcher.next())["object"]
        assert [each["rows"][0]["cells"][0] for each in (first, second)] == ["one", "two"]
        assert [bool(each.get("columnDefinitions")) for each in (first, second)] == [True, False]


async def test_a_happening_is_written_once_for_all(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many watch a kind, an object is made ready once; and nothing is kept of kinds nobody watches."""
    made = 0

    def counted(entry: Entry) -> Json:
        nonlocal made
        made += 1
        return shown(entry)

    monkeypatch.setattr(happenings, "shown", counted)
    async with watch(api) as one, watch(api) as two, watch(api, path="/api/v1/secrets"):
        await create(api, "one")
        assert [await one.told(), await two.told()] == [("ADDED", "one")] * 2
    assert made == 1


async def test_a_watcher_that_falls_behind_ends(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """What happened is kept to a bound for all watchers together; who is behind it begins anew (410)."""
    monkeypatch.setattr(happenings, "MOST_TOLD", 2)
    log = happenings.KindLog()
    for version in range(1, 5):
        await create(api, f"one-{version}")
    happened = api.instance.store.since(0)
    assert happened is not None
    for each in happened[-4:]:
        log.add(each)
    assert [told.version for told in log.after(happened[-3].version) or ()] == [each.version for each in happened[-2:]]
    assert log.after(happened[-4].version) is None


@pytest.mark.slow
async def test_a_thousand_watches_are_told(api: Api) -> None:
    """A thousand watchers of a kind are all told of a write; when they go nothing of them stays."""
    async with AsyncExitStack() as stack:
        watchers = [await stack.enter_async_context(watch(api)) for _ in range(1000)]
        await create(api, "one")
        assert {await each.told() for each in watchers} == {("ADDED", "one")}
    hub = api.app[watching.HUB]
    await until(lambda: not hub.watched())


@pytest.mark.slow
async def test_a_watch_that_is_never_read_ends(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that does not read what it is sent is cut off in time, and holds nothing meanwhile."""
    monkeypatch.setattr(watching, "SEND_WITHIN", 0.5)
    host, port = api.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port), limit=1024)
    writer.write(f"GET {CONFIG_MAPS}?watch=1 HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    hub = api.app[watching.HUB]
    await until(lambda: hub.watched() == 1)
    for number in range(60):
        await api.ask("POST", CONFIG_MAPS, config_map(f"large-{number}", a="x" * 400_000))
        if not hub.watched():
            break
    await until(lambda: not hub.watched())
    assert not reader.at_eof()
    writer.close()

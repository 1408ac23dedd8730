"""Five hundred reloads under constant load: no request fails, and no answer comes from a configuration out of its time."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import pytest

from tests.e2e.reloads import PATHS, Answer, Reload, State, everything, reloads
from tests.running import DEADLINE, Gateway, children, resident, running

CONNECTIONS: Final = 64
SLOW: Final = 4
"""Of them so many send the second half of a body only after more reloads."""
REQUESTS: Final = 100
"""What a client sends on one connection."""
RELOADS: Final = 500
PLATEAU: Final = 100
"""Reloads after which memory must not grow any more than it may."""
PARENT_MAY_GROW: Final = 6 << 20
"""Bytes: its history fills up, to as many revisions as are kept."""
WORKER_MAY_GROW: Final = 1 << 20
YAML: Final = {"content-type": "application/yaml"}


@dataclass(slots=True)
class Timeline:
    """What was served, in order: up to `done` for sure, and up to the last perhaps already."""

    states: list[State]
    done: int = 0
    reloads: int = 0
    answers: Counter[str] = field(default_factory=Counter)
    news: asyncio.Condition = field(default_factory=asyncio.Condition)

    def begin(self, state: State) -> None:
        """From now on this may be served."""
        if state != self.states[-1]:
            self.states.append(state)

    async def end(self) -> None:
        """From now on nothing older is served to a new request."""
        self.done = len(self.states) - 1
        self.reloads += 1
        async with self.news:
            self.news.notify_all()

    async def see(self, path: str, answer: Answer, first: int) -> int:
        """Take an answer to a request that was sent while `first` was served; return which state gave it."""
        possible = [at for at in range(first, len(self.states)) if self.states[at].answer(path) == answer]
        window = [state.answer(path) for state in self.states[first:]]
        assert possible, f"{path}: {answer} is none of {window}"
        self.answers[path] += 1
        async with self.news:
            self.news.notify_all()
        return possible[0]

    async def until(self, *, reloads: int = 0, answers: int = 0) -> None:
        """Wait for so many more."""
        reloads, answers = self.reloads + reloads, self.answers.total() + answers
        async with asyncio.timeout(DEADLINE), self.news:
            await self.news.wait_for(lambda: self.reloads >= reloads and self.answers.total() >= answers)


async def client(gateway: Gateway, timeline: Timeline, *, slow: bool) -> None:
    """Ask until cancelled, on one connection after the other; each sees only newer and newer configurations."""
    parts = urlsplit(gateway.proxy)
    while True:
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        seen = 0
        try:
            for path in itertools.islice(itertools.cycle(PATHS), REQUESTS):
                seen = max(seen, timeline.done)
                first = seen
                writer.write(f"POST {path} HTTP/1.1\r\nhost: shop\r\ncontent-length: 10\r\n\r\nhalf-".encode())
                if slow:
                    await timeline.until(reloads=2)
                writer.write(b"whole")
                async with asyncio.timeout(DEADLINE):
                    answer = await read_answer(reader)
                seen = await timeline.see(path, answer, first)
        finally:
            writer.close()


async def read_answer(reader: asyncio.StreamReader) -> Answer:
    """Read one whole answer, which must be 200, and return what made it."""
    status, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().lower().split("\r\n")
    fields = dict(line.split(": ", 1) for line in lines if line)
    body = await reader.readexactly(int(fields["content-length"]))
    assert status.startswith("http/1.1 200 "), (status, fields, body)
    return fields["x-host"], fields["x-table"], body.decode().strip()


@asynccontextmanager
async def load(gateway: Gateway, timeline: Timeline) -> AsyncIterator[None]:
    """Run the clients for the length of a block; the first that fails ends it."""
    async with asyncio.TaskGroup() as group:
        clients = [group.create_task(client(gateway, timeline, slow=number < SLOW)) for number in range(CONNECTIONS)]
        await timeline.until(answers=CONNECTIONS)
        yield
        for one in clients:
            one.cancel()


def write(gateway: Gateway, reload: Reload) -> None:
    """Make a reload; returns when it is served, or held back, or refused."""
    if reload.manifests:
        status, answer = gateway.ask("POST", "/edgesim/v1/apply", reload.manifests, YAML)
        assert (status, bool(answer["refused"])) == (200, reload.refused), (reload.name, answer)
    for name in reload.deleted:
        status, answer = gateway.ask("DELETE", f"/apis/gloo.solo.io/v1/namespaces/gloo-system/upstreams/{name}")
        assert status == 200, (reload.name, answer)


def held(gateway: Gateway) -> list[int]:
    """Return the memory of the parent and its workers, in bytes."""
    return [resident(pid) for pid in (gateway.process.pid, *children(gateway.process.pid))]


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
async def test_reloads_harm_nobody(workers: int, tmp_path: Path) -> None:
    """Every answer is whole, made by one configuration that was served while its request ran, and memory stays flat."""
    file = tmp_path / "all.yaml"
    start = State()
    file.write_text(everything(start))
    timeline = Timeline([start])
    memory: list[list[int]] = []
    with running(file, "--workers", str(workers)) as gateway:
        async with load(gateway, timeline):
            for number, reload in enumerate(reloads(RELOADS, start), 1):
                timeline.begin(reload.served)
                await asyncio.to_thread(write, gateway, reload)
                await timeline.end()
                await timeline.until(answers=CONNECTIONS)
                if number in {PLATEAU, RELOADS}:
                    memory.append(held(gateway))
        assert gateway.errors
    plateau, end = memory
    parent, *grown = (after - before for before, after in zip(plateau, end, strict=True))
    assert parent <= PARENT_MAY_GROW, (plateau, end)
    assert max(grown) <= WORKER_MAY_GROW, (plateau, end)

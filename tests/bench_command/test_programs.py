"""The programs that come with the benchmarks: a backend, and a plain proxy of aiohttp, in this process."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from edgesim.bench import aiohttp_program, backend_program
from edgesim.bench.processes import answers, free_port, get
from edgesim.telemetry.tasks import spawn
from tests.running import wait_until


@asynccontextmanager
async def _serving(program: Coroutine[Any, Any, None], *ports: int) -> AsyncIterator[None]:
    """Run a program until a block is through, and let nothing of it stay."""
    task = spawn(program, "program")
    try:
        await asyncio.to_thread(wait_until, lambda: all(map(answers, ports)), "nobody answers")
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_the_backend_answers_both_versions() -> None:
    """Each port has its version; answers to `/` are alike, others differ; heads that come in pieces or together count."""
    v1, v2 = free_port(), free_port()
    async with _serving(backend_program.serve(v1, v2), v1, v2):
        assert await asyncio.to_thread(get, v2) == "version:v2\n"
        reader, writer = await asyncio.open_connection("127.0.0.1", v1)
        writer.write(b"GET /a HTTP/1.1\r\nhost: x\r\n\r\nGET /b HTTP/1.1\r\nhost")
        first = await reader.readuntil(b"version:v1\n")
        writer.write(b": x\r\n\r\nGET / HTTP/1.1\r\n\r\n")
        second, third = await reader.readuntil(b"version:v1\n"), await reader.readuntil(b"version:v1\n")
        assert len({first, second}) == 2
        assert b"x-answer" not in third
        writer.close()
        await writer.wait_closed()


async def test_the_plain_proxy_splits() -> None:
    """Half of the requests go to each version, those of the canary's header to v2."""
    v1, v2, port = free_port(), free_port(), free_port()

    def ask() -> tuple[Counter[str], set[str]]:
        split = Counter(get(port, "/some/path?a=b") for _ in range(60))
        return split, {get(port, headers={"stage": "canary"}) for _ in range(10)}

    async with (
        _serving(backend_program.serve(v1, v2), v1, v2),
        _serving(aiohttp_program.serve(port, v1, v2), port),
    ):
        split, canary = await asyncio.to_thread(ask)
    assert set(split) == {"version:v1\n", "version:v2\n"}
    assert canary == {"version:v2\n"}


def test_nobody_answers() -> None:
    """A port nobody listens on does not answer, and asking it raises OSError."""
    port = free_port()
    assert not answers(port)
    with pytest.raises(OSError, match="refused"):
        get(port)

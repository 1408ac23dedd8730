"""The whole release, from v1 only to v1 gone, with a thousand requests in flight at every step."""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.running import DEADLINE, Finished, Gateway, canary, running

IN_FLIGHT = 1000
AFTERWARDS = 100
HELD_HEAD = b"POST /held HTTP/1.1\r\nhost: echo\r\n%scontent-length: 10\r\nconnection: close\r\n\r\nhalf-"
HELD_REST = b"whole"
Z = 4.8916
"""Standard normal quantile of the two-sided interval that one draw of a million misses: how many draws came before
depends on the moment a change took effect, so the seed alone makes no run the same."""


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    with running("--seed", "20261124", *canary("echo", "upstream", "vs-1")) as started:
        yield started


async def _connect(gateway: Gateway) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    parts = urlsplit(gateway.proxy)
    return await asyncio.open_connection(parts.hostname, parts.port)


async def _answer(reader: asyncio.StreamReader) -> str:
    """Read one answer to the end of its connection; anything but a whole 200 fails."""
    received = bytearray()
    try:
        async with asyncio.timeout(DEADLINE):
            while chunk := await reader.read(65536):
                received += chunk
    except TimeoutError:
        pytest.fail(f"no whole answer within {DEADLINE:g} s, only {bytes(received)!r}")
    head, _, body = bytes(received).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 "), head + body
    length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    assert length == len(body)
    return body.decode().strip()


async def _held_requests(gateway: Gateway, header: bytes, change: Callable[[], Awaitable[None]]) -> Counter[str]:
    """Send the first half of a thousand requests, make the change, send the rest; count the answers."""
    connections = [await _connect(gateway) for _ in range(IN_FLIGHT)]
    for _reader, writer in connections:
        writer.write(HELD_HEAD % header)
    await asyncio.gather(*(writer.drain() for _reader, writer in connections))
    await change()
    for _reader, writer in connections:
        writer.write(HELD_REST)
    answers = await asyncio.gather(*(_answer(reader) for reader, _writer in connections))
    for _reader, writer in connections:
        writer.close()
    return Counter(answers)


async def _fresh_requests(gateway: Gateway, header: bytes, count: int = AFTERWARDS) -> Counter[str]:
    """Send requests all at once, each on a connection of its own; count the answers."""

    async def one() -> str:
        reader, writer = await _connect(gateway)
        writer.write(b"GET / HTTP/1.1\r\nhost: echo\r\n%sconnection: close\r\n\r\n" % header)
        try:
            return await _answer(reader)
        finally:
            writer.close()

    return Counter(await asyncio.gather(*(one() for _ in range(count))))


CANARY = b"stage: canary\r\n"
V1, V2 = {"version:v1"}, {"version:v2"}
BOTH = V1 | V2


async def _step(
    gateway: Gateway, change: Callable[[], Finished], said: str, everyone: set[str], canaries: set[str]
) -> None:
    """Make one change of the release under a thousand requests; afterwards each answer is as the step says."""
    before = set(await _fresh_requests(gateway, b"", 20)) | set(await _fresh_requests(gateway, CANARY, 20))

    async def make() -> None:
        done = await asyncio.to_thread(change)
        assert (0, said) == (done.code, done.out.strip()), done.err

    held = await _held_requests(gateway, b"", make)
    assert held.total() == IN_FLIGHT
    assert set(held) <= before | everyone
    after = await _fresh_requests(gateway, b"")
    assert (AFTERWARDS, everyone) == (after.total(), set(after))
    asked = await _fresh_requests(gateway, CANARY)
    assert (AFTERWARDS, canaries) == (asked.total(), set(asked))


async def test_the_release_from_v1_only_to_v1_gone(gateway: Gateway) -> None:
    """At each step every request is answered, whole, by a version that step allows."""
    configured = "virtualservice.gateway.solo.io/echo configured"

    def apply(name: str) -> Callable[[], Finished]:
        paths: list[Path] = list(canary(name))
        return lambda: gateway.apply(*paths)

    assert set(await _fresh_requests(gateway, b"")) == V1
    await _step(gateway, apply("vs-2"), configured, V1, V1)
    await _step(gateway, apply("echo-v2"), "deployment.apps/echo-v2 created", V1, V1)
    await _step(gateway, apply("vs-3"), configured, V1, V2)
    await _step(gateway, apply("vs-4"), configured, V1, V2)
    await _step(gateway, apply("vs-5"), configured, BOTH, V2)
    split = await _fresh_requests(gateway, b"", 2000)
    margin = Z * math.sqrt(2000 * 0.5 * 0.5)
    assert 1000 - margin <= split["version:v1"] <= 1000 + margin
    assert 1000 - margin <= split["version:v2"] <= 1000 + margin
    await _step(gateway, apply("vs-6"), configured, V2, V2)
    await _step(gateway, apply("vs-7"), configured, V2, V2)
    delete = ("delete", "deployment", "echo-v1", "-n", "echo")
    await _step(gateway, lambda: gateway.run(*delete), 'deployment.apps "echo-v1" deleted', V2, V2)
    assert "No problems detected." in gateway.run("check").out

"""The management server, asked by a gRPC client that has Envoy's messages from a library."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from edgesim.dialects.envoy import Kind
from edgesim.envoy.discovery import Discovery, Refusal
from edgesim.envoy.discovery_server import Bytes, server
from tests.envoy_engine.ads import snapshot
from tests.proxy.scenes import until

client = pytest.importorskip("grpclib.client")
exceptions = pytest.importorskip("grpclib.exceptions")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # the library's
METHOD = "/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources"
PATIENT = 30.0


@dataclass
class Served:
    """A server that runs."""

    port: int = 0
    refusals: list[Refusal] = field(default_factory=list)
    discovery: Discovery = field(init=False)

    def __post_init__(self) -> None:
        self.discovery = Discovery(self.refusals.append)


@asynccontextmanager
async def serving(token: str | None = None) -> AsyncIterator[Served]:
    made = Served()
    serves = server(made.discovery, token)
    listening = socket.create_server(("127.0.0.1", 0))
    made.port = listening.getsockname()[1]
    await serves.start(sock=listening)
    try:
        yield made
    finally:
        serves.close()
        await serves.wait_closed()


@dataclass
class Talk:
    """A stream of a client."""

    stream: Any
    messages: Any

    async def ask(self, kind: Kind, *names: str, node: str = "", **more: Any) -> None:
        said = {"type_url": kind.type_url, "resource_names": [*names], **more}
        node_said = {"node": {"id": node}} if node else {}
        await self.stream.send_message(self.messages.DiscoveryRequest.from_dict(said | node_said))

    async def hear(self) -> Any:
        return await asyncio.wait_for(self.stream.recv_message(), PATIENT)


@asynccontextmanager
async def talking(port: int, token: str | None = None) -> AsyncIterator[Talk]:
    messages = pytest.importorskip("envoy_data_plane.envoy.service.discovery.v3")
    metadata = {} if token is None else {"authorization": token}
    channel = client.Channel("127.0.0.1", port)
    try:
        call = client.StreamStreamMethod(channel, METHOD, messages.DiscoveryRequest, messages.DiscoveryResponse)
        async with call.open(metadata=metadata) as stream:
            yield Talk(stream, messages)
            await stream.cancel()
    finally:
        channel.close()


async def greet(port: int, token: str | None, node: str) -> Any:
    """Ask for clusters; returns what comes."""
    async with talking(port, token) as talk:
        await talk.ask(Kind.CLUSTER, node=node)
        return await talk.hear()


async def test_a_client_is_served_and_answers() -> None:
    """Clusters come when they are asked for, the next ones when they are there; a refusal is told with its reason."""
    async with serving() as made, talking(made.port) as talk:
        made.discovery.serve(snapshot("a", listeners=()))
        await talk.ask(Kind.CLUSTER, node="one")
        first = await talk.hear()
        assert (first.type_url, len(first.resources)) == (Kind.CLUSTER.type_url, 1)
        assert first.resources[0].unpack().name == "a"
        await talk.ask(Kind.CLUSTER, version_info=first.version_info, response_nonce=first.nonce)
        await until(lambda: made.discovery.taken("one"), "it is not taken")
        made.discovery.serve(snapshot("a", "b", listeners=()))
        second = await talk.hear()
        assert {each.unpack().name for each in second.resources} == {"a", "b"}
        error = {"code": 13, "message": "b is bad"}
        await talk.ask(Kind.CLUSTER, version_info=first.version_info, response_nonce=second.nonce, error_detail=error)
        third = await talk.hear()
        assert third.version_info == first.version_info
        assert [(each.node, each.what.reason) for each in made.refusals] == [("one", "b is bad")]


@pytest.mark.parametrize("token", [None, "Bearer wrong", "Basic secret", "secret"])
async def test_who_shows_no_token_gets_nothing(token: str | None) -> None:
    """A stream without the token is unauthenticated."""
    async with serving("secret") as made:
        made.discovery.serve(snapshot("a"))
        with pytest.raises(exceptions.GRPCError, match="UNAUTHENTICATED"):
            await greet(made.port, token, "one")
        assert not made.discovery.connections


async def test_who_shows_the_token_is_served() -> None:
    """A stream with the token is served."""
    async with serving("secret") as made:
        made.discovery.serve(snapshot("a"))
        assert (await greet(made.port, "Bearer secret", "one")).resources


async def test_a_stream_names_its_node() -> None:
    """A first request without a node is refused, and later ones need none."""
    async with serving() as made:
        with pytest.raises(exceptions.GRPCError, match="names no node"):
            await greet(made.port, None, "")


async def test_no_request_is_refused(caplog: pytest.LogCaptureFixture) -> None:
    """A message that is no request ends its stream with a status; nobody else notices, and nothing is logged."""
    caplog.set_level(logging.INFO)
    async with serving() as made, talking(made.port) as other:
        made.discovery.serve(snapshot("a"))
        await other.ask(Kind.CLUSTER, node="other")
        assert (await other.hear()).resources
        with pytest.raises(exceptions.GRPCError, match="no DiscoveryRequest"):
            await say(made.port, b"\x0a\xff")
        made.discovery.serve(snapshot("b"))
        assert (await other.hear()).resources
    assert not [each for each in caplog.records if each.levelno >= logging.WARNING]


async def say(port: int, message: bytes) -> None:
    """Send a message of any bytes, and wait for what comes of it."""
    channel = client.Channel("127.0.0.1", port, codec=Bytes())
    try:
        async with client.StreamStreamMethod(channel, METHOD, bytes, bytes).open() as stream:
            await stream.send_message(message)
            await stream.recv_message()
    finally:
        channel.close()


async def test_no_http_2_is_refused() -> None:
    """A request of HTTP/1.1 is not answered, and the server goes on."""
    async with serving() as made:
        reader, writer = await asyncio.open_connection("127.0.0.1", made.port)
        writer.write(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        await asyncio.wait_for(reader.read(), PATIENT)
        writer.close()
        made.discovery.serve(snapshot("a"))
        assert (await greet(made.port, None, "one")).resources


async def test_a_node_that_goes_is_forgotten_as_a_stream() -> None:
    """When a client leaves, in the middle of a message or not, its stream is gone and what it had is remembered."""
    async with serving() as made:
        made.discovery.serve(snapshot("a"))
        async with talking(made.port) as talk:
            await talk.ask(Kind.CLUSTER, node="one")
            await talk.hear()
            assert len(made.discovery.connections) == 1
        await until(lambda: not made.discovery.connections, "it is still there")


async def test_many_nodes_are_served_at_once() -> None:
    """Each of many streams gets a change, and all of it."""
    async with serving() as made:
        made.discovery.serve(snapshot("a"))
        messages = pytest.importorskip("envoy_data_plane.envoy.service.discovery.v3")
        channel = client.Channel("127.0.0.1", made.port)
        try:
            method = client.StreamStreamMethod(channel, METHOD, messages.DiscoveryRequest, messages.DiscoveryResponse)
            await asyncio.gather(*(_follow(method, messages, f"node-{number}", made) for number in range(20)))
        finally:
            channel.close()


async def _follow(method: Any, messages: Any, node: str, made: Served) -> None:
    async with method.open() as stream:
        talk = Talk(stream, messages)
        await talk.ask(Kind.CLUSTER, node=node)
        first = await talk.hear()
        await talk.ask(Kind.CLUSTER, version_info=first.version_info, response_nonce=first.nonce)
        if node == "node-0":
            made.discovery.serve(snapshot("b"))
        second = await talk.hear() if [each.unpack().name for each in first.resources] == ["a"] else first
        assert [each.unpack().name for each in second.resources] == ["b"]
        await stream.cancel()

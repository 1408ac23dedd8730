"""A relay before an endpoint that speaks HTTP/2."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    ResponseReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from edgesim.envoy.detours import HOST
from edgesim.envoy.relay import Relay, Way
from edgesim.envoy.relay_http2 import Streams
from edgesim.model import UpstreamTls
from edgesim.policies.breakage import ERROR_BODY, Breakage
from edgesim.policies.http2_frames import PREFACE
from tests.proxy.authority import authority, issued, server_context
from tests.proxy.http2 import OK, Call, http2_server
from tests.proxy.scenes import until

DEADLINE = 60.0
FIELDS = [
    (b":method", b"POST"),
    (b":scheme", b"http"),
    (b":authority", b"any"),
    (b":path", b"/a%2f?b"),
    (b"x-odd", b"1"),
]


class Answer:
    """What came of a request."""

    def __init__(self) -> None:
        self.fields: list[tuple[bytes, bytes]] = []
        self.ended_with_head = False
        self.body = b""
        self.trailers: list[tuple[bytes, bytes]] = []
        self.ended: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()
        """The code of a reset, None for an end in good order."""

    @property
    def status(self) -> bytes:
        return dict(self.fields).get(b":status", b"")


class Http2Client:
    """A connection as Envoy makes one: many requests at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.http2 = H2Connection(H2Configuration(client_side=True, header_encoding=None))
        self.http2.initiate_connection()
        self.answers: dict[int, Answer] = {}
        self.left = False

    def ask(self, body: bytes | None = b"") -> Answer:
        """Send a request; with None its end is not sent."""
        number = self.http2.get_next_available_stream_id()
        self.http2.send_headers(number, FIELDS, end_stream=body == b"")
        if body:
            self.http2.send_data(number, body, end_stream=True)
        self.writer.write(self.http2.data_to_send())
        answer = self.answers[number] = Answer()
        return answer

    async def read(self) -> None:
        """Take what comes."""
        while data := await self.reader.read(65536):
            for event in self.http2.receive_data(data):
                self._take(event)
            self.writer.write(self.http2.data_to_send())

    def _take(self, event: object) -> None:
        match event:
            case ResponseReceived():
                answer = self.answers[event.stream_id or 0]
                answer.fields = list(event.headers or ())
                answer.ended_with_head = event.stream_ended is not None
            case TrailersReceived():
                self.answers[event.stream_id or 0].trailers = list(event.headers or ())
            case DataReceived():
                self.answers[event.stream_id or 0].body += event.data or b""
                self.http2.acknowledge_received_data(event.flow_controlled_length or 0, event.stream_id or 0)
            case StreamEnded():
                self.answers[event.stream_id].ended.set_result(None)
            case StreamReset():
                self.answers[event.stream_id or 0].ended.set_result(event.error_code)
            case ConnectionTerminated():
                self.left = True


@asynccontextmanager
async def connected(relay: Relay) -> AsyncIterator[Http2Client]:
    """Connect as Envoy does."""
    client = Http2Client(*await asyncio.open_connection(HOST, relay.port))
    task = asyncio.get_running_loop().create_task(client.read())
    try:
        async with asyncio.timeout(DEADLINE):
            yield client
    finally:
        client.writer.close()
        await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def relayed(way: Way, how: Breakage | None = None) -> AsyncIterator[Relay]:
    relay = Relay(way, lambda: 0)
    relay.become(how)
    try:
        yield relay
    finally:
        relay.abort()


async def test_what_passes_is_not_changed() -> None:
    """Fields, data, trailers and the end arrive as they were sent."""

    def answer(call: Call) -> None:
        call.head((b"x-answer", b"2")).data(b"data").trailers(OK)

    async with http2_server(answer) as up, relayed(Way("127.0.0.1", up.port, http2=True)) as relay:
        async with connected(relay) as client:
            asked = [client.ask(), client.ask(b"body"), client.ask(b"more")]
            for each in asked:
                assert await each.ended is None
                assert (each.status, each.body, each.trailers) == (b"200", b"data", [OK])
                assert (b"x-answer", b"2") in each.fields
        assert up.heads == [FIELDS] * 3
        assert (sorted(up.bodies), up.connections) == ([b"", b"body", b"more"], 1)


async def test_an_answer_of_a_head_alone_ends_with_it() -> None:
    """Where an answer's end is that of its head, it is so behind the relay (gRPC calls it trailers only)."""
    async with (
        http2_server(lambda call: call.head(OK, ends=True)) as up,
        relayed(Way("127.0.0.1", up.port, http2=True)) as relay,
        connected(relay) as client,
    ):
        asked = client.ask()
        assert await asked.ended is None
        assert OK in asked.fields
        assert asked.ended_with_head


class Wire:
    """A client, the relay's streams and a server, joined without sockets: bytes go on until there are none."""

    def __init__(self) -> None:
        self.client = H2Connection(H2Configuration(client_side=True, header_encoding=None))
        self.server = H2Connection(H2Configuration(client_side=False, header_encoding=None))
        self.client.initiate_connection()
        self.server.initiate_connection()
        self.to_client, self.to_server = bytearray(), bytearray()
        first = self.client.data_to_send()
        self.streams = Streams(self.to_client.extend, self.to_server.extend, lambda: 0)
        self.streams.from_envoy(first[len(PREFACE) :])
        self.bodies: dict[H2Connection, dict[int, bytes]] = {self.client: {}, self.server: {}}
        self.left: dict[H2Connection, dict[int, bytes]] = {self.client: {}, self.server: {}}
        self.answers: list[bytes] = []

    def run(self) -> None:
        """Let everything arrive."""
        moved = True
        while moved:
            self._send(self.client)
            self._send(self.server)
            sent = (self.client.data_to_send(), self.server.data_to_send())
            for data, take in zip(sent, (self.streams.from_envoy, self.streams.from_endpoint), strict=True):
                if data:
                    take(data)
            moved = bool(sent[0] or sent[1] or self.to_client or self.to_server)
            for end, pipe in ((self.client, self.to_client), (self.server, self.to_server)):
                data = bytes(pipe)
                pipe.clear()
                for event in end.receive_data(data) if data else ():
                    self._take(end, event)

    def _send(self, end: H2Connection) -> None:
        for number, data in [*self.left[end].items()]:
            size = min(end.local_flow_control_window(number), 16384, len(data))
            if size or not data:
                end.send_data(number, data[:size], end_stream=size == len(data))
                self.left[end][number] = data[size:]
                if size == len(data):
                    del self.left[end][number]

    def _take(self, end: H2Connection, event: object) -> None:
        if isinstance(event, DataReceived):
            bodies, number = self.bodies[end], event.stream_id or 0
            bodies[number] = bodies.get(number, b"") + (event.data or b"")
            end.acknowledge_received_data(event.flow_controlled_length or 0, number)
        elif isinstance(event, StreamEnded) and end is self.server:
            self.server.send_headers(event.stream_id, [(b":status", b"200")])
            self.left[end][event.stream_id] = self.answers[self.bodies[end][event.stream_id][0]]


SIZES = st.lists(st.tuples(st.integers(1, 200_000), st.integers(0, 200_000)), min_size=1, max_size=4)


@settings(max_examples=15, deadline=None)
@given(SIZES)
def test_bodies_of_many_windows_pass(sizes: list[tuple[int, int]]) -> None:
    """Bodies larger than windows arrive whole in both directions, however many requests share a connection."""
    wire = Wire()
    wire.answers = [bytes([index]) * answer for index, (_, answer) in enumerate(sizes)]
    for index, (size, _) in enumerate(sizes):
        number = wire.client.get_next_available_stream_id()
        wire.client.send_headers(number, FIELDS)
        wire.left[wire.client][number] = bytes([index]) * size
    wire.run()
    assert sorted(map(len, wire.bodies[wire.server].values())) == sorted(size for size, _ in sizes)
    found = sorted(filter(None, wire.bodies[wire.client].values()))
    assert found == sorted(filter(None, wire.answers))
    assert not wire.streams.busy


@pytest.mark.parametrize("body", [b"", b"body"])
async def test_errors_are_answered(body: bytes) -> None:
    """Each request is answered 500 by itself, and the next one as it is told then."""
    draws = iter((0, 2**63, 0))
    async with http2_server() as up, relayed(Way("127.0.0.1", up.port, http2=True), Breakage(error_rate=0.5)) as relay:
        relay.draw = lambda: next(draws)
        async with connected(relay) as client:
            asked = [client.ask(body) for _ in range(3)]
            assert [await each.ended for each in asked] == [None] * 3
            assert [each.status for each in asked] == [b"500", b"200", b"500"]
            assert asked[0].body == ERROR_BODY
        assert len(up.heads) == 1


async def test_requests_are_reset_and_hang_alone() -> None:
    """A stream that is reset or hangs leaves others alone; one that Envoy gives up is forgotten."""
    async with (
        http2_server() as up,
        relayed(Way("127.0.0.1", up.port, http2=True)) as relay,
        connected(relay) as client,
    ):
        relay.become(Breakage(reset=True))
        assert await client.ask(b"body").ended == ErrorCodes.INTERNAL_ERROR
        assert not relay.busy
        relay.become(Breakage(hang=True))
        hanging = client.ask(b"body")
        await until(lambda: relay.busy, "it never came")
        relay.become(None)
        assert await client.ask().ended is None
        assert not hanging.ended.done()
        client.http2.reset_stream(3, ErrorCodes.CANCEL)
        client.writer.write(client.http2.data_to_send())
        await until(lambda: not relay.busy, "it is not forgotten")
        assert (await client.ask(b"last").ended, up.bodies) == (None, [b"", b"last"])


async def test_a_killed_endpoint_is_left() -> None:
    """What is under way when an endpoint is killed is finished, and then the connection is no more used."""
    async with (
        http2_server() as up,
        relayed(Way("127.0.0.1", up.port, http2=True), Breakage(latency=0.1)) as relay,
        connected(relay) as client,
    ):
        client.ask()
        await until(lambda: relay.busy, "it never came")
        relay.become(Breakage(kill=True))
        await until(lambda: client.left, "nobody said goodbye")
        await until(lambda: bool(up.heads), "it never arrived")
        await until(lambda: not relay.busy, "it was never answered")


async def test_latency_comes_first_and_order_stays() -> None:
    """Requests wait; one that need not wait any more follows those before it."""
    loop = asyncio.get_running_loop()
    way_latency = Breakage(latency=0.1)
    async with http2_server() as up, relayed(Way("127.0.0.1", up.port, http2=True), way_latency) as relay:
        async with connected(relay) as client:
            began = loop.time()
            first = client.ask(b"first")
            await client.writer.drain()
            await until(lambda: relay.busy, "it never came")
            relay.become(None)
            second = client.ask(b"second")
            assert await first.ended is None
            assert await second.ended is None
            assert loop.time() - began >= 0.1
        assert up.bodies == [b"first", b"second"]


async def test_an_endpoint_that_says_goodbye_is_left() -> None:
    """After a GOAWAY of the endpoint Envoy gets one, too, and what was asked before is answered."""

    def answer(call: Call) -> None:
        call.goodbye().head(ends=True)

    async with http2_server(answer) as up, relayed(Way("127.0.0.1", up.port, http2=True)) as relay:
        client = Http2Client(*await asyncio.open_connection(HOST, relay.port))
        client.ask()
        received = b""
        async with asyncio.timeout(DEADLINE):
            while b"\x07\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00" not in received:
                received += await client.reader.read(65536)
        client.writer.close()


async def test_tls_agrees_on_http2() -> None:
    """Over TLS the relay asks for HTTP/2."""
    context = server_context(issued("a.example"))
    context.set_alpn_protocols(["h2", "http/1.1"])
    async with http2_server(context=context) as up:
        way = Way("127.0.0.1", up.port, tls=UpstreamTls(root_ca=authority("authority").pem), http2=True)
        async with relayed(way) as relay, connected(relay) as client:
            assert await client.ask().ended is None
        assert up.protocols == ["h2"]


async def test_what_is_no_http2_ends_the_connection() -> None:
    """A connection that begins as HTTP/2 and is none is reset."""
    async with http2_server() as up, relayed(Way("127.0.0.1", up.port, http2=True)) as relay:
        reader, writer = await asyncio.open_connection(HOST, relay.port)
        writer.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"x" * 100)
        async with asyncio.timeout(DEADLINE):
            with pytest.raises(ConnectionResetError):
                await reader.read()
        writer.close()

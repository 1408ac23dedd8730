"""Pods that are spoken HTTP/2 to."""

from __future__ import annotations

import asyncio
import json

import pytest
from grpclib.client import Channel
from grpclib.health.v1.health_grpc import HealthStub
from grpclib.health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgesim.backends.answers import Answer, text_echo
from edgesim.backends.behaviour import Behaviour, Latency
from edgesim.backends.http2 import behind_preface, request_of
from edgesim.backends.pod_log import PodLog
from edgesim.backends.program import Program
from edgesim.backends.runtime import PodRuntime, RunningPod
from edgesim.policies.grpc_health import CHECK, Serving, check_request, check_response
from edgesim.policies.http2_frames import PREFACE
from tests.backends.http2 import DEADLINE, Reply, connected
from tests.backends.wire import JSON, TEXT, connect, port_of, running
from tests.control.scenes import until

GRPC = [("content-type", "application/grpc"), ("te", "trailers")]


async def test_http_echo_over_http2() -> None:
    """The answer is the one of HTTP/1.1, on every stream of the connection."""
    async with running() as pod, connected(pod) as client:
        for _ in range(3):
            reply = await client.ask()
            assert (reply.status, reply.body, reply.trailers) == (200, b"version:v1\n", {})
            assert reply.headers["x-app-name"] == "http-echo"
            assert reply.headers["content-length"] == "11"
            assert reply.headers["date"].endswith("GMT")
            assert "connection" not in reply.headers


async def test_what_is_asked_is_seen_as_over_http1() -> None:
    """The authority is the host, pseudo headers are none, cookies are joined, the body is counted."""
    fields = [("x-a", "1"), ("x-a", "2"), ("cookie", "a=1"), ("cookie", "b=2")]
    async with running(JSON) as pod, connected(pod) as client:
        told = json.loads((await client.ask("/a/b?c=d", "POST", fields, b"hello")).body)
        assert (told["method"], told["path"], told["query"], told["body_size"]) == ("POST", "/a/b", "c=d", 5)
        assert told["headers"] == {"host": "echo", "x-a": "1, 2", "cookie": "a=1; b=2"}


async def test_bodies_are_taken_whatever_their_size() -> None:
    """The client is given room for more than its first window."""
    async with running(JSON) as pod, connected(pod) as client:
        stream = client.http2.get_next_available_stream_id()
        client.replies[stream] = Reply()
        head = [(":method", "PUT"), (":scheme", "http"), (":path", "/"), (":authority", "echo")]
        client.http2.send_headers(stream, head)
        left = 300_000
        while left:
            room = min(left, client.http2.local_flow_control_window(stream), client.http2.max_outbound_frame_size)
            left -= room
            if room:
                client.http2.send_data(stream, bytes(room), end_stream=not left)
                client.flush()
            else:
                await client.read()
        assert json.loads((await client.reply(stream)).body)["body_size"] == 300_000


async def test_answers_without_a_body() -> None:
    """HEAD has a length and no body, a 204 neither."""

    class NoContent:
        def answer(self, _request: object) -> Answer:
            return Answer(204, b"", b"text\n")

    async with running() as pod, connected(pod) as client:
        reply = await client.ask(method="HEAD")
        assert (reply.headers["content-length"], reply.body) == ("11", b"")
    async with running(NoContent()) as pod, connected(pod) as client:
        reply = await client.ask()
        assert (reply.status, reply.headers.get("content-length"), reply.body) == (204, None, b"")


async def test_a_client_is_sent_what_it_has_room_for() -> None:
    """An answer larger than the client's window is sent piece by piece, as it makes room."""
    text = "x" * 300_000
    async with running(text_echo(text, 200, "1.0.0")) as pod, connected(pod) as client:
        client.acknowledges = False
        stream = client.send()
        while len(client.replies[stream].body) < 65_535:
            await client.read()
        assert len(client.replies[stream].body) == 65_535
        client.acknowledges = True
        client.http2.increment_flow_control_window(65_535)
        client.http2.increment_flow_control_window(65_535, stream)
        client.flush()
        assert (await client.reply(stream)).body == text.encode() + b"\n"


async def test_streams_are_answered_side_by_side() -> None:
    """A slow answer holds nobody up: each stream waits for its own latency, and errors are scripted as over HTTP/1.1."""
    slow = Behaviour(latency=Latency("fixed", 0.02))
    async with running(JSON, slow) as pod, connected(pod) as client:
        streams = [client.send(f"/{number}") for number in range(20)]
        paths = [json.loads((await client.reply(each)).body)["path"] for each in streams]
        assert paths == [f"/{number}" for number in range(20)]
    async with running(TEXT, Behaviour(error_rate=1.0, error_code=503)) as pod, connected(pod) as client:
        assert (await client.ask()).status == 503


async def test_a_request_that_is_given_up_is_forgotten() -> None:
    """So is every one of a connection that is gone."""
    async with running(TEXT, Behaviour(latency=Latency("fixed", DEADLINE))) as pod:
        async with connected(pod) as client:
            stream = client.send()
            client.send()
            client.http2.reset_stream(stream)
            client.flush()
        assert pod.server is not None
        await until(lambda: pod.server is not None and not pod.server.connections)
        assert pod.server.served == 0


async def test_requests_are_logged() -> None:
    """As http-echo logs them, with their version."""
    runtime = PodRuntime(wall=lambda: 0.0, now=lambda: 0.0)
    log = PodLog(lambda: 0.0)
    pod = await runtime.start("echo-1", Program((20_001,), TEXT), log)
    try:
        async with connected(pod) as client:
            await client.ask("/a?b", fields=[("user-agent", "test")])
        (line,) = log.lines()
        assert '"GET /a?b HTTP/2.0" 200 11 "test"' in line.text
        assert " echo 127." in line.text
    finally:
        await runtime.stop(pod, grace=0)


# --- the preface ------------------------------------------------------------------------------------


async def test_the_preface_may_come_in_pieces() -> None:
    """However it is cut, HTTP/2 is spoken behind it."""
    async with running() as pod, connected(pod) as client:
        for byte in client.http2.data_to_send():
            client.writer.write(bytes((byte,)))
            await client.writer.drain()
            await asyncio.sleep(0)
        assert (await client.ask()).status == 200


@pytest.mark.parametrize("begin", range(0, 24, 5))
def test_what_follows_the_preface(begin: int) -> None:
    """It is found where only the preface's end came with it."""
    assert behind_preface(PREFACE[begin:] + b"\0\0\0\x04rest") == b"\0\0\0\x04rest"
    assert behind_preface(b"GET / HTTP/1.1\r\n\r\n") is None


@pytest.mark.parametrize("text", ["PRI / HTTP/1.1\nHost: a\n\n", "PRI * HTTP/2.0\nHost: a\n\n"])
async def test_what_only_looks_like_it(text: str) -> None:
    """Is answered, or refused, by HTTP/1.1."""
    async with running() as pod:
        client = await connect(pod)
        client.send(text)
        assert (await client.reply()).status in {200, 400}


async def test_no_frames_behind_the_preface() -> None:
    """The connection is closed, and says why."""
    async with running() as pod:
        client = await connect(pod)
        client.writer.write(PREFACE + b"GET / HTTP/1.1\r\nhost: a\r\n\r\n" * 1000)
        await client.writer.drain()
        received = await asyncio.wait_for(client.reader.read(), DEADLINE)
        assert received[3] == 4  # SETTINGS
        assert b"\x07\0\0\0\0\0" in received  # GOAWAY


@given(st.lists(st.binary(max_size=60), max_size=5))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_frames_are_survived(payloads: list[bytes]) -> None:
    """Whatever comes, nothing is raised; the connection is served on, or closed."""
    raised: list[object] = []

    async def play() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: raised.append(context))
        async with running() as pod:
            client = await connect(pod)
            frames = [len(each[2:]).to_bytes(3, "big") + each[:2] + b"\0\0\0\1" + each[2:] for each in payloads if each]
            client.writer.write(PREFACE + b"\0\0\0\x04\0\0\0\0\0" + b"".join(frames))
            client.writer.write_eof()
            await asyncio.wait_for(client.reader.read(), DEADLINE)

    asyncio.run(play())
    assert raised == []


def test_requests_without_the_usual_pseudo_headers() -> None:
    """A Host stands in for the authority; CONNECT has no path."""
    made = request_of([(b":method", b"GET"), (b":path", b"/"), (b"host", b"a"), (b"x", b"y")], 0, 0.0)
    assert (made.target, made.headers) == (b"/", [(b"host", b"a"), (b"x", b"y")])
    made = request_of([(b":method", b"CONNECT"), (b":authority", b"a:1")], 0, 0.0)
    assert (made.method, made.target, made.headers) == (b"CONNECT", b"a:1", [(b"host", b"a:1")])


# --- gRPC -------------------------------------------------------------------------------------------


async def check(pod: RunningPod, service: str = "") -> int:
    """Ask as a real client does."""
    channel = Channel(pod.address.host, port_of(pod))
    try:
        reply: HealthCheckResponse = await HealthStub(channel).Check(
            HealthCheckRequest(service=service), timeout=DEADLINE
        )
        return int(reply.status)
    finally:
        channel.close()


async def test_health_is_answered_by_grpc() -> None:
    """A pod that is ready serves, whatever service it is asked for; one that is not yet, or leaves, does not."""
    async with running() as pod:
        assert pod.server is not None
        assert await check(pod) == HealthCheckResponse.SERVING
        assert await check(pod, "shop.Cart") == HealthCheckResponse.SERVING
        pod.server.ready_at += DEADLINE
        assert await check(pod) == HealthCheckResponse.NOT_SERVING
        pod.server.ready_at -= DEADLINE
        pod.server.drain()
        async with connected(pod) as client:
            reply = await client.ask(CHECK.decode(), "POST", GRPC, check_request(""))
            assert reply.body == check_response(Serving.NOT_SERVING)


async def test_a_pod_is_ready_late() -> None:
    """`edgesim.io/ready-after` counts for its health, too."""
    now = 0.0
    runtime = PodRuntime(now=lambda: now)
    pod = await runtime.start("echo-1", Program((20_002,), TEXT, ready_after=5.0))
    try:
        assert await check(pod) == HealthCheckResponse.NOT_SERVING
        now = 5.0
        assert await check(pod) == HealthCheckResponse.SERVING
    finally:
        await runtime.stop(pod, grace=0)


async def test_other_methods_are_not_implemented() -> None:
    """Of gRPC's; what is no gRPC is answered at that path as well."""
    async with running() as pod, connected(pod) as client:
        reply = await client.ask("/grpc.health.v1.Health/Watch", "POST", GRPC, check_request(""))
        assert (reply.status, reply.headers["grpc-status"], reply.body) == (200, "12", b"")
        assert (await client.ask(CHECK.decode())).body == b"version:v1\n"


async def test_health_calls_are_scripted_and_counted_as_requests() -> None:
    """A pod that answers with errors does so to checks, as it does to those by HTTP."""
    async with running(TEXT, Behaviour(error_rate=1.0)) as pod, connected(pod) as client:
        reply = await client.ask(CHECK.decode(), "POST", GRPC, check_request(""))
        assert (reply.status, reply.trailers) == (500, {})
        assert pod.server is not None
        assert pod.server.served == 1


async def test_an_answer_by_grpc_ends_in_trailers() -> None:
    """With the status of the call, behind one message."""
    async with running() as pod, connected(pod) as client:
        reply = await client.ask(CHECK.decode(), "POST", GRPC, check_request(""))
        assert reply.headers["content-type"] == "application/grpc"
        assert (reply.body, reply.trailers) == (check_response(Serving.SERVING), {"grpc-status": "0"})


# --- the end ----------------------------------------------------------------------------------------


async def test_a_pod_that_goes_loses_no_stream() -> None:
    """It says that it goes, answers what is on its way, and closes behind the last answer."""
    runtime = PodRuntime()
    async with running(TEXT, Behaviour(latency=Latency("fixed", 0.3)), runtime) as pod, connected(pod) as client:
        first = client.send()
        await until(lambda: _streams(pod) == 1)
        stopping = asyncio.ensure_future(runtime.stop(pod))  # noqa: TID251 - awaited below
        assert (await client.reply(first)).body == b"version:v1\n"
        assert await client.ended()
        assert client.goodbyes[-1] == (first, 0)
        await stopping


async def test_an_idle_connection_is_closed_with_its_pod() -> None:
    """And told so."""
    runtime = PodRuntime()
    async with running(runtime=runtime) as pod, connected(pod) as client:
        assert (await client.ask()).status == 200
        await runtime.stop(pod)
        assert await client.ended()
        assert client.goodbyes == [(1, 0)]


async def test_a_client_that_says_goodbye_is_closed() -> None:
    """Whatever it still waits for."""
    async with running(TEXT, Behaviour(latency=Latency("fixed", DEADLINE))) as pod, connected(pod) as client:
        client.send()
        client.http2.close_connection()
        client.flush()
        assert await client.ended()


def _streams(pod: RunningPod) -> int:
    assert pod.server is not None
    return sum(len(getattr(each, "_streams", ())) for each in pod.server.connections)


async def test_requests_on_their_way_to_a_pod_that_goes_are_served() -> None:
    """The first answer says that it goes and refuses nothing: what was sent before that is heard is answered."""
    runtime = PodRuntime()
    async with running(runtime=runtime) as pod, connected(pod) as client:
        await client.ask()
        runtime._linger = DEADLINE  # it goes on for as long as this test asks
        stopping = asyncio.ensure_future(runtime.stop(pod))  # noqa: TID251 - cancelled below
        await until(lambda: pod.server is not None and pod.server.draining)
        for _ in range(3):
            assert (await client.ask()).status == 200
        assert client.goodbyes == [(2**31 - 1, 0)]
        stopping.cancel()
        runtime._linger = 0.0

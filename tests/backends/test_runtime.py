from __future__ import annotations

import asyncio
from collections.abc import Collection

import pytest

from edgesim.backends.behaviour import Behaviour, Latency
from edgesim.backends.program import Program
from edgesim.backends.runtime import PodRuntime, RunningPod
from edgesim.backends.server import EchoProtocol
from tests.backends.wire import TEXT, connect, running
from tests.control.scenes import until

GET = "GET / HTTP/1.1\nHost: echo\n\n"


def connections(pod: RunningPod) -> Collection[EchoProtocol]:
    """The connections by HTTP/1.1 that a pod holds open."""
    assert pod.server is not None
    return [each for each in pod.server.connections if isinstance(each, EchoProtocol)]


async def test_stopping_lets_requests_finish() -> None:
    """A request in progress is answered, idle connections are closed, new ones refused."""
    runtime = PodRuntime()
    async with running(TEXT, Behaviour(latency=Latency("fixed", 0.3)), runtime) as pod:
        busy, idle = await connect(pod), await connect(pod)
        busy.send(GET)
        await until(lambda: len(connections(pod)) == 2 and any(each._timer for each in connections(pod)))
        stopping = asyncio.ensure_future(runtime.stop(pod))  # noqa: TID251 - awaited below
        assert await idle.ended()
        reply = await busy.reply()
        assert (reply.status, reply.headers["connection"]) == (200, "close")
        assert await busy.ended()
        await stopping
        with pytest.raises(ConnectionRefusedError):
            await connect(pod)


async def test_a_connection_on_its_way_is_served() -> None:
    """A client that connects just after the pod left the endpoints is served once, and closed."""
    runtime = PodRuntime()
    async with running(runtime=runtime) as pod:
        runtime._linger = 30.0  # on a busy machine connecting takes its time
        stopping = asyncio.ensure_future(runtime.stop(pod))  # noqa: TID251 - cancelled below
        await asyncio.sleep(0)
        client = await connect(pod)
        client.send(GET)
        reply = await client.reply()
        assert (reply.status, reply.headers["connection"]) == (200, "close")
        stopping.cancel()
        runtime._linger = 0.0


async def test_a_request_halfway_in_is_taken() -> None:
    """A request whose body is still coming when the pod is stopped is answered when it is whole."""
    runtime = PodRuntime()
    async with running(runtime=runtime) as pod:
        client = await connect(pod)
        client.send("POST / HTTP/1.1\nHost: echo\nContent-Length: 5\n\nhe")
        await until(lambda: any(each._headers for each in connections(pod)))
        stopping = asyncio.ensure_future(runtime.stop(pod))  # noqa: TID251 - awaited below
        await until(lambda: not any(each.is_serving() for each in pod.listeners))
        client.send("llo")
        assert (await client.reply()).status == 200
        await stopping


async def test_grace_ends() -> None:
    """What is not done within the grace is cut."""
    runtime = PodRuntime()
    async with running(TEXT, Behaviour(latency=Latency("fixed", 60)), runtime) as pod:
        client = await connect(pod)
        client.send(GET)
        await until(lambda: any(each._timer for each in connections(pod)))
        await runtime.stop(pod, grace=0.05)
        with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
            await client.reply()


async def test_the_users_own_program() -> None:
    """For edgesim.io/address nothing is started and nothing stopped; a name becomes an address."""
    runtime = PodRuntime()
    pod = await runtime.start("mine", Program((3000,), external=("localhost", 3000), any_port=True))
    assert (pod.address.host, pod.address.port(80), pod.server) == ("127.0.0.1", 3000, None)
    await runtime.stop(pod)


async def test_what_cannot_start() -> None:
    """A program that would crash, and a name without address, are told of as the system's errors."""
    runtime = PodRuntime()
    with pytest.raises(OSError, match="needs -text"):
        await runtime.start("echo-1", Program((1,), crash="http-echo needs -text"))
    with pytest.raises(OSError, match=r"."):
        await runtime.start("mine", Program((3000,), external=("no.such.host.invalid", 3000)))


async def test_two_pods_on_one_port() -> None:
    """Each pod has the port its program asks for, on an address of its own."""
    runtime = PodRuntime()
    async with running(runtime=runtime) as pod:
        twin = await runtime.start("echo-2", pod.program)
        assert twin.address.ports == pod.address.ports
        assert twin.address.host != pod.address.host
        await runtime.stop(twin, grace=0)

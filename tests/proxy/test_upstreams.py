"""What the parent finds out of upstreams reaches the workers, also those that take the place of others."""

from __future__ import annotations

import asyncio
import os
import signal
from dataclasses import replace

from edgesim.model import Cluster, ClusterType, Endpoint, HealthCheck, HttpCheck, LoadBalancer, Update
from edgesim.policies.breakage import Breakage
from edgesim.proxy import Supervisor
from tests.proxy.scenes import GET, Client, Peer, cluster, model, to, until, upstream

CHECK = HealthCheck(1.0, 0.02, 1, 1, HttpCheck("/healthz"), no_traffic_interval=0.02)
NO_PANIC = LoadBalancer(panic_threshold=0.0)


async def test_workers_know_what_checks_found_and_where_names_lead() -> None:
    """What fails its checks gets nothing, from a new worker neither; what recovers does; names work; so does breaking."""
    ill = True

    async def script(peer: Peer) -> None:
        while head := await peer.head():
            status = b"503 No" if ill and b"/healthz" in head else b"200 OK"
            peer.send(b"HTTP/1.1 %b\r\ncontent-length: 3\r\n\r\nill" % status)

    supervisor = Supervisor("127.0.0.1", 0, 1, "seed")

    async def ask(path: bytes = b"/") -> bytes:
        client = Client(*await asyncio.open_connection("127.0.0.1", supervisor.port))
        try:
            return (await client.ask(GET.replace(b"/", path, 1))).body
        finally:
            client.close()

    async with upstream(script) as one, upstream(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nwell") as other:
        both = cluster(one.endpoint, other.endpoint, health_checks=(CHECK,), balancer=NO_PANIC)
        named = Cluster("named", ClusterType.STRICT_DNS, (Endpoint("localhost", other.port),))
        await supervisor.start()
        try:
            await supervisor.push(Update(1, model([to("named", "/named"), to()], [both, named]), {}))
            assert {await ask() for _ in range(6)} == {b"well"}
            assert await ask(b"/named") == b"well"
            (pid,) = supervisor.pids
            os.kill(pid, signal.SIGKILL)
            await until(lambda: supervisor.pids not in ([], [pid]), "no other worker comes")
            assert {await ask() for _ in range(6)} == {b"well"}
            ill = False
            await until(lambda: supervisor._checks.passing["echo"]["127.0.0.1", one.port], "it stays ill")
            assert {await ask() for _ in range(6)} == {b"well", b"ill"}
            await supervisor.push(Update(2, model([to()], [replace(both, health_checks=())]), {}))
            assert {await ask() for _ in range(6)} == {b"well", b"ill"}
            supervisor.breaking.break_(f"127.0.0.1:{one.port}", Breakage(error_rate=1.0))
            assert {await ask() for _ in range(6)} == {b"well", b"broken on purpose\n"}
            assert supervisor.breaking.mend()
            assert not supervisor.breaking.mend("echo")
            supervisor.breaking.break_("echo", Breakage(error_rate=1.0), seconds=0.2)
            assert await ask() == b"broken on purpose\n"
            await until(lambda: not supervisor.breaking.broken, "it is never mended")
            assert {await ask() for _ in range(6)} == {b"well", b"ill"}
        finally:
            await supervisor.close(0.5)

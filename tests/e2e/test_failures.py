"""Under a constant load of many connections, what fails hurts only whom it must."""

from __future__ import annotations

import os
import resource
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.e2e.load import Load, peers
from tests.running import DEADLINE, ROOT, Gateway, canary, children, resident, running, wait_until

ECHO = ("echo", "upstream", "vs-1")
CLIENTS = 32
UPSTREAM = """
apiVersion: gloo.solo.io/v1
kind: Upstream
metadata: {{name: {name}, namespace: gloo-system}}
spec: {{connectionConfig: {{connectTimeout: 1s}}, static: {{hosts: [{{addr: 127.0.0.1, port: {port}}}]}}}}
---
"""
ROUTES = """
apiVersion: gateway.solo.io/v1
kind: VirtualService
metadata: {name: two, namespace: gloo-system}
spec:
  virtualHost:
    domains: ['*']
    routes:
    - matchers: [{prefix: /weak/}]
      routeAction: {single: {upstream: {name: weak, namespace: gloo-system}}}
    - matchers: [{prefix: /}]
      routeAction: {single: {upstream: {name: sound, namespace: gloo-system}}}
"""


@contextmanager
def upstream(port: int = 0) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Run an upstream that is a process; yields it and its port."""
    command = [sys.executable, "-m", "tests.e2e.endless", str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            assert process.stdout is not None
            yield process, int(process.stdout.readline())
        finally:
            process.kill()


@contextmanager
def two_upstreams(folder: Path, *options: str) -> Iterator[tuple[Gateway, subprocess.Popen[str], int]]:
    """Run a gateway with a sound upstream and a weak one; yields it, and the weak one's process and port."""
    with upstream() as (_, sound), upstream() as (process, weak):
        file = folder / "two.yaml"
        file.write_text(UPSTREAM.format(name="sound", port=sound) + UPSTREAM.format(name="weak", port=weak) + ROUTES)
        with running(*options, file) as gateway:
            yield gateway, process, weak


def ask(load: Load, path: str) -> socket.socket:
    """Send a request on a connection of its own, and read nothing."""
    client = socket.create_connection(load.address, timeout=DEADLINE)
    client.sendall(f"GET {path} HTTP/1.1\r\nhost: any\r\n\r\n".encode())
    return client


def reset(client: socket.socket) -> None:
    """Close a connection with a reset."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


def ends_in_a_reset(client: socket.socket) -> bool:
    """Read to the end; tell whether it was a reset."""
    try:
        while client.recv(1 << 16):
            pass
    except ConnectionResetError:
        return True
    return False


def is_replaced(gateway: Gateway, gone: int, workers: int) -> bool:
    now = children(gateway.process.pid)
    return gone not in now and len(now) == workers


def stats(gateway: Gateway, name: str) -> int:
    return int(gateway.ask("GET", "/edgesim/v1/stats")[1][name])


def test_a_killed_worker_takes_only_its_own_connections() -> None:
    """Exactly the connections of the worker that is killed break, and their clients are let in again."""
    with running("--workers", "2", *canary(*ECHO)) as gateway, Load(gateway, CLIENTS) as load:
        for _ in range(2):
            killed = children(gateway.process.pid)[0]
            load.every()
            own, before = peers(killed, load.address[1]), len(load.broken)
            os.kill(killed, signal.SIGKILL)
            wait_until(lambda gone=killed: is_replaced(gateway, gone, 2), "no worker took its place")
            load.broke(before + len(own))
            load.every()
            assert sorted(load.broken[before:]) == sorted(own)
        assert set(load.failures) <= {"closed", "cut"}, load.failures


def test_an_upstream_killed_inside_its_bodies_hurts_only_its_own_requests(tmp_path: Path) -> None:
    """Downloads from it are resets, requests to it are 503 until it is back, and nobody's connection is lost."""
    with (
        two_upstreams(tmp_path) as (gateway, process, port),
        Load(gateway, CLIENTS, body=b"ok") as sound,
        Load(gateway, 8, "/weak/", body=b"ok") as weak,
    ):
        workers = children(gateway.process.pid)
        downloads = [ask(sound, f"/weak/{what}") for what in ("length", "chunked") * 8]
        assert all(client.recv(1 << 16).startswith(b"HTTP/1.1 200 OK") for client in downloads)
        process.kill()
        assert all(ends_in_a_reset(client) for client in downloads)
        weak.every(what="503")
        sound.every()
        with upstream(port):
            weak.every()
            sound.every()
        assert not sound.failures
        assert set(weak.failures) == {"503"}, weak.failures
        assert children(gateway.process.pid) == workers
        wait_until(lambda: stats(gateway, "connections_active") == CLIENTS + 8, "connections stay open")
        for client in downloads:
            client.close()


def test_clients_that_reset_at_any_moment_hurt_nobody(tmp_path: Path) -> None:
    """Clients that are gone inside heads, uploads, downloads, and waits leave nothing behind on either side."""
    upload = "/weak/ HTTP/1.1\r\ncontent-length: 1000000\r\nx-rest:"
    with two_upstreams(tmp_path) as (gateway, _, port), Load(gateway, CLIENTS, body=b"ok") as load:
        (worker,) = children(gateway.process.pid)
        for _ in range(5):
            gone = [
                ask(load, path)
                for path in ("/weak/length", "/weak/chunked", "/weak/silent", "/", upload)
                for _ in "12345678"
            ]
            load.every(1)
            for client in gone:
                reset(client)
        load.every()
        assert not load.failures
        wait_until(lambda: stats(gateway, "connections_active") == CLIENTS, "connections stay open")
        wait_until(lambda: len(peers(worker, port)) <= 8, "connections to the upstream stay open")
        load.every()
        assert not load.failures
        assert children(gateway.process.pid) == [worker]


def test_a_disk_that_fills_and_is_emptied_costs_lines_only(tmp_path: Path) -> None:
    """What no longer fits is dropped and counted while all are answered; with room again, whole lines are written."""
    file = tmp_path / "access.log"
    options = ("--access-log", file, "--access-log-format", "%RESPONSE_CODE% %REQ(:PATH)% the end")
    with running(*options, *canary(*ECHO)) as gateway:
        (worker,) = children(gateway.process.pid)
        resource.prlimit(worker, resource.RLIMIT_FSIZE, (10_000, resource.RLIM_INFINITY))
        with Load(gateway, CLIENTS) as load:
            wait_until(lambda: stats(gateway, "log_lines_dropped") > 100, "the disk never fills")
            load.every()
            assert file.stat().st_size <= 10_000
            resource.prlimit(worker, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            wait_until(lambda: file.stat().st_size > 20_000, "nothing is written any more")
        assert not load.failures

        def told() -> int:
            return file.read_bytes().count(b"\n") + stats(gateway, "log_lines_dropped")

        wait_until(lambda: told() == load.seen["200"], "not every line is written or counted as lost")
        assert set(file.read_bytes().splitlines(keepends=True)) == {b"200 / the end\n"}
    assert len([line for line in gateway.errors if "access log" in line]) == 1


def test_running_out_of_files_under_load_hurts_newcomers_only(tmp_path: Path) -> None:
    """Kept connections are served on, an upstream not connected yet is a 503, and all is well when files are free."""
    with two_upstreams(tmp_path) as (gateway, _, _), Load(gateway, CLIENTS, body=b"ok") as load:
        (worker,) = children(gateway.process.pid)
        load.every()
        limits = resource.prlimit(worker, resource.RLIMIT_NOFILE)
        with ExitStack() as held:
            early = held.enter_context(socket.create_connection(load.address, timeout=DEADLINE))
            early.sendall(b"GET / HTTP/1.1\r\nhost: any\r\n\r\n")
            assert early.recv(1 << 16).startswith(b"HTTP/1.1 200 ")
            used = len(list(Path(f"/proc/{worker}/fd").iterdir()))
            resource.prlimit(worker, resource.RLIMIT_NOFILE, (used + CLIENTS, limits[1]))
            for _ in range(3 * CLIENTS):
                held.enter_context(socket.create_connection(load.address, timeout=DEADLINE))
            wait_until(lambda: len(list(Path(f"/proc/{worker}/fd").iterdir())) >= used + CLIENTS - 1, "files are left")
            early.sendall(b"GET /weak/ HTTP/1.1\r\nhost: any\r\n\r\n")
            assert early.recv(1 << 16).startswith(b"HTTP/1.1 503 ")
            load.every()
            assert load.failures.keys() <= {"503"}  # of those that met more at a time than ever before
            assert not load.broken
        resource.prlimit(worker, resource.RLIMIT_NOFILE, limits)
        load.every()  # what was answered before that is read
        before = load.failures
        with Load(gateway, CLIENTS, "/weak/", body=b"ok") as late:
            late.every()
        load.every()
        assert not late.failures
        assert load.failures == before
        assert not load.broken
        assert children(gateway.process.pid) == [worker]


@pytest.mark.slow
def test_everything_at_once(tmp_path: Path) -> None:
    """Two workers under load, while clients reset, slow ones stay, the upstream dies and the disk is full: memory stays."""
    with (
        two_upstreams(tmp_path, "--workers", "2", "--access-log", "/dev/full") as (gateway, process, _),
        Load(gateway, 64, body=b"ok") as load,
    ):
        workers = children(gateway.process.pid)
        load.every(10)
        before = [resident(worker) for worker in workers]
        slow = [ask(load, "/weak/length") for _ in range(20)]
        for _ in range(20):
            gone = [ask(load, path) for path in ("/weak/length", "/weak/silent", "/") * 5]
            load.every(1)
            for client in gone:
                reset(client)
        process.kill()
        load.every(10)
        assert not load.failures
        assert children(gateway.process.pid) == workers
        for worker, held in zip(workers, before, strict=True):
            assert resident(worker) - held < 64 << 20
        for client in slow:
            client.close()

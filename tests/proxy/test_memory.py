"""Bodies larger than memory: both directions are streamed, and a slow peer holds back the fast one."""

from __future__ import annotations

import contextlib
import gc
import re
import socket
import sys
import threading
import time
import weakref
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.differential.proxies import supervised
from tests.proxy.scenes import GET, OK, direct, forwarding, gateway, model, until

_DEADLINE = 600.0
_PIECE = bytes(1 << 18)
_MEGABYTE = 1 << 20
_MOST = 20 * _MEGABYTE
_PIPELINE = b"GET / HTTP/1.1\r\nhost:a\r\n\r\n" * 5000
_TURNS = 20
"""So often the worker has its turn, and takes nothing, before it is taken to be waiting."""
_ENDLESS = 200 * _MEGABYTE
"""More than the buffers of the kernel hold."""
_SIZES = [
    pytest.param(300 * _MEGABYTE, id="300MB"),
    pytest.param(2048 * _MEGABYTE, id="2GB", marks=pytest.mark.slow),
]
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")


class Big:
    """An upstream that takes and gives whole bodies, and can be slow to take them."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.taken = 0

    def serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            head = b""
            while b"\r\n\r\n" not in head:
                head += connection.recv(65536)
            head, _, rest = head.partition(b"\r\n\r\n")
            if head.startswith(b"GET"):
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % self.size)
                _send(connection, self.size)
                return
            self.taken = len(rest)
            time.sleep(0.5)  # the pause is the slow upstream: meanwhile every buffer fills up
            while self.taken < self.size:
                self.taken += len(connection.recv(1 << 18))
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")


def _send(connection: socket.socket, size: int) -> None:
    for _ in range(size // len(_PIECE)):
        connection.sendall(_PIECE)


@contextlib.contextmanager
def upstream(size: int) -> Iterator[tuple[Big, int]]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        big = Big(size)

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    threading.Thread(target=big.serve, args=(connection,), daemon=True).start()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield big, listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(_DEADLINE)


def memory(pid: int, what: str) -> int:
    """Return a process's resident memory in bytes: now (`VmRSS`) or at most so far (`VmHWM`)."""
    found = re.search(rf"^{what}:\s+(\d+) kB$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1]) * 1024


@pytest.mark.parametrize("size", _SIZES)
def test_a_download_to_a_slow_client(size: int) -> None:
    """The worker holds no more of it than its buffers."""
    with upstream(size) as (_, port), supervised(port) as supervisor, _client(supervisor.port) as client:
        (pid,) = supervisor.pids
        before = memory(pid, "VmRSS")
        client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        time.sleep(0.5)  # the pause is the slow client: meanwhile every buffer fills up
        received = 0
        while received < size:
            piece = client.recv(1 << 18)
            assert piece, "the download ended early"
            received += len(piece)
        assert memory(pid, "VmHWM") - before < _MOST


@pytest.mark.parametrize("size", _SIZES)
@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
def test_an_upload_to_a_slow_upstream(size: int, chunked: bool) -> None:
    """The client is held back; what the worker holds stays small."""
    if chunked:
        size //= 4  # each piece costs the test more
    with upstream(size) as (big, port), supervised(port) as supervisor, _client(supervisor.port) as client:
        (pid,) = supervisor.pids
        before = memory(pid, "VmRSS")
        framing = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: %d" % size
        client.sendall(b"POST / HTTP/1.1\r\nHost: a\r\n" + framing + b"\r\n\r\n")
        if chunked:
            piece = b"%x\r\n%b\r\n" % (len(_PIECE), _PIECE)
            for _ in range(size // len(_PIECE)):
                client.sendall(piece)
            client.sendall(b"0\r\n\r\n")
        else:
            _send(client, size)
        answer = client.recv(65536)
        assert answer.startswith(b"HTTP/1.1 200 "), answer
        assert big.taken >= size
        assert memory(pid, "VmHWM") - before < _MOST


@pytest.mark.parametrize("answers", [True, False], ids=["answered", "unanswered"])
def test_a_client_that_pipelines_without_end_and_never_reads(answers: bool) -> None:
    """It is read from no further once requests or answers wait, so the worker holds little of it."""
    with listening(answers=answers) as port, supervised(port) as supervisor, _client(supervisor.port) as client:
        (pid,) = supervisor.pids
        before = memory(pid, "VmRSS")
        client.setblocking(False)
        sent, full = 0, 0
        while full < _TURNS:
            try:
                sent += client.send(_PIPELINE)
                full = 0
            except BlockingIOError:
                full += 1
                with _client(supervisor.port) as other:  # the worker has its turn, and could read on
                    other.sendall(b"no request\r\n\r\n")
                    assert other.recv(65536).startswith(b"HTTP/1.1 400 ")
            assert sent < _ENDLESS, "it is read from without end"
        assert memory(pid, "VmHWM") - before < _MOST


@contextlib.contextmanager
def listening(*, answers: bool) -> Iterator[int]:
    """Run an upstream for bodiless requests that answers all of them, or none."""
    ended = threading.Event()

    def serve(connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            while piece := connection.recv(65536):
                if answers:
                    connection.sendall(OK * piece.count(b"\r\n\r\n"))

    def accept(listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while not ended.is_set():
                threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=accept, args=(listener,), daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        ended.set()
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(_DEADLINE)


@contextlib.contextmanager
def _client(port: int) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), timeout=_DEADLINE) as client:
        yield client


async def test_a_closed_connection_needs_no_collector() -> None:
    """An update hides from the collector what is there, connections too: what is closed later must go by itself."""
    async with gateway(model([direct()])) as gw:
        client = await gw.client()
        await client.ask(GET)
        (connection,) = gw.worker.connections
        mark = Mark()
        seen = weakref.ref(mark)
        connection.unsent = mark  # type: ignore[assignment]  # anything that only the connection holds
        del mark, connection
        gc.disable()
        try:
            client.close()
            await until(lambda: not gw.worker.connections, "it stays")
            await until(lambda: seen() is None, "a closed connection is held by itself")
        finally:
            gc.enable()


async def test_a_closed_upstream_connection_needs_no_collector() -> None:
    """Endpoints come and go with updates: connections to those that are gone go by themselves too."""
    async with forwarding() as (gw, _):
        await (await gw.client()).ask(GET)
        (cluster,) = gw.worker.snapshot.clusters.values()
        (pool,) = cluster.pools.values()
        await until(lambda: pool.idle, "the connection stays busy")
        mark = Mark()
        seen = weakref.ref(mark)
        pool.idle[0].switch = mark  # type: ignore[assignment]  # anything that only the connection holds
        del mark
        gc.disable()
        try:
            cluster.retire()
            await until(lambda: seen() is None, "a closed connection is held by itself")
        finally:
            gc.enable()


class Mark:
    """Something a weak reference can be made to."""

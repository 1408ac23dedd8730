from __future__ import annotations

import socket
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.running import ROOT, children, resident, running

MOST = 60 << 20
CONNECTIONS = 4000
PER_CONNECTION = 3 << 10
GET = b"GET / HTTP/1.1\r\nhost: a\r\nuser-agent: test\r\naccept: */*\r\n\r\n"
EXAMPLES = ("two-phased-canary/echo", "two-phased-canary/echo-v2", "two-phased-canary/upstream", "jwt-canary/vs")


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_an_idle_process_is_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """At most 60 MB each, with tokens too; what is left out for that is left to nobody else's environment."""
    monkeypatch.setenv("SSL_CERT_FILE", "/mine.pem")
    with running(*(ROOT / "configs" / f"{name}.yaml" for name in EXAMPLES)) as gateway:
        assert gateway.get()[0] == 200
        serving = gateway.process.pid
        workers = children(serving)
        assert {pid: size for pid in (serving, *workers) if (size := resident(pid)) > MOST} == {}
        told = [set(Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")) for pid in workers]
        assert told
        assert all(b"SSL_CERT_FILE=/mine.pem" in each and b"SSL_CERT_DIR=/dev/null" not in each for each in told)


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_an_idle_connection_is_small() -> None:
    """At most 3 KB of the worker each, after a request."""
    with running(*(ROOT / "configs" / f"{name}.yaml" for name in EXAMPLES[:3])) as gateway, ExitStack() as held:
        (worker,) = children(gateway.process.pid)
        assert gateway.get()[0] == 404  # what is made once is there
        address = ("127.0.0.1", int(gateway.proxy.rpartition(":")[2]))
        before = resident(worker)
        for _ in range(CONNECTIONS):
            client = held.enter_context(socket.create_connection(address))
            client.sendall(GET)
            assert client.recv(65536).startswith(b"HTTP/1.1 404")
        assert (resident(worker) - before) / CONNECTIONS < PER_CONNECTION

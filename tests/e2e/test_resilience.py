"""What goes wrong under load hurts only whom it must: real processes, real sockets."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.dialects.certificates import pair
from tests.e2e.load import Load
from tests.running import DEADLINE, ROOT, Gateway, canary, children, edgesim, resident, running, start, wait_until

pytestmark = pytest.mark.slow

CLIENTS = 16
ECHO = ("echo", "upstream", "vs-1")
STATIC = """
apiVersion: gloo.solo.io/v1
kind: Upstream
metadata: {{name: up, namespace: gloo-system}}
spec: {{static: {{hosts: [{{addr: 127.0.0.1, port: {port}}}]}}}}
---
apiVersion: gateway.solo.io/v1
kind: VirtualService
metadata: {{name: up, namespace: gloo-system}}
spec:
  virtualHost:
    domains: ['*']
    routes:
    - matchers: [{{prefix: /here}}]
      directResponseAction: {{status: 200, body: here}}
    - matchers: [{{prefix: /}}]
      routeAction: {{single: {{upstream: {{name: up, namespace: gloo-system}}}}}}
"""
HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n"


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z"
    except FileNotFoundError:
        return False


def connect(gateway: Gateway) -> socket.socket:
    parts = urlsplit(gateway.proxy)
    return socket.create_connection((parts.hostname, parts.port), timeout=DEADLINE)


def read_all(client: socket.socket) -> tuple[bytes, bool]:
    """Read to the end; tell whether it was a reset."""
    read = b""
    try:
        while piece := client.recv(1 << 16):
            read += piece
    except ConnectionResetError:
        return read, True
    return read, False


@contextmanager
def scripted(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    """Run an upstream whose connections are each served by a function; returns its port."""
    listener = socket.create_server(("127.0.0.1", 0))

    def follow(client: socket.socket) -> None:
        with suppress(OSError):  # the other side may go away at any time
            serve(client)

    def accept() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=follow, args=(client,), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(DEADLINE)


def static(folder: Path, port: int) -> Path:
    file = folder / "static.yaml"
    file.write_text(STATIC.format(port=port))
    return file


def requests_counted(gateway: Gateway) -> int:
    _, known = gateway.ask("GET", "/edgesim/v1/stats?by=virtual_host")
    return sum(row["requests"] for row in known["virtual_host"])


def test_the_only_worker_is_killed() -> None:
    """Each connection breaks once for each time; new ones wait for the next worker, and none is refused."""
    with running(*canary(*ECHO)) as gateway, Load(gateway, CLIENTS) as load:
        for times in (1, 2):
            load.every()
            (killed,) = children(gateway.process.pid)
            os.kill(killed, signal.SIGKILL)
            wait_until(lambda gone=killed: _is_replaced(gateway, gone), "no worker took its place")
            load.broke(times * CLIENTS)
            load.every()
            assert len(load.broken) == times * CLIENTS
        assert set(load.failures) <= {"closed", "cut"}, load.failures
        assert gateway.apply(*canary("vs-1")).code == 0
        gateway.wait_for_error("was killed by SIGKILL; another takes its place")


def _is_replaced(gateway: Gateway, gone: int) -> bool:
    now = children(gateway.process.pid)
    return gone not in now and len(now) == 1


def test_the_counters_of_two_workers_add_up() -> None:
    """What is counted is what was answered, whichever worker answered it."""
    with running("--workers", "2", *canary(*ECHO)) as gateway:
        with Load(gateway, CLIENTS) as load:
            load.more(500)
        assert not load.failures
        # A worker that gets no processor may be asked more than once.
        wait_until(lambda: requests_counted(gateway) == load.seen["200"], "it does not add up")


def test_a_full_disk_under_the_access_log_loses_lines_only() -> None:
    """Requests are answered while no line can be written; lost lines are counted, and one line tells why."""
    with running("--access-log", "/dev/full", *canary(*ECHO)) as gateway:
        with Load(gateway, CLIENTS) as load:
            load.more(1000)
        assert not load.failures
        wait_until(
            lambda: gateway.ask("GET", "/edgesim/v1/stats")[1]["log_lines_dropped"] == load.seen["200"],
            "lost lines are not counted",
        )
    told = [line for line in gateway.errors if "access log" in line]
    assert len(told) == 1
    assert "No space left on device" in told[0]


def test_the_access_log_has_a_line_for_each_request(tmp_path: Path) -> None:
    """Two workers write one file, whole lines only; after a move and SIGHUP they go on in a new one."""
    file, moved = tmp_path / "access.log", tmp_path / "access.log.1"
    text = "%RESPONSE_CODE% %REQ(:PATH)% end"
    options = ("--workers", "2", "--access-log", file, "--access-log-format", text)
    with running(*options, *canary(*ECHO)) as gateway, Load(gateway, CLIENTS) as load:
        load.more(500)
        file.rename(moved)
        gateway.process.send_signal(signal.SIGHUP)
        wait_until(file.exists, "the log was not opened anew")
        load.more(500)
    lines = moved.read_text().splitlines() + file.read_text().splitlines()
    assert set(lines) == {"200 / end"}
    assert len(lines) == load.seen["200"]


def test_the_log_on_standard_output_and_the_route_header() -> None:
    """`--access-log -` prints lines among the addresses; `--route-header` tells who answered."""
    command = [sys.executable, "-m", "edgesim", "up", "--port", "0", "--admin-port", "0", "--route-header"]
    command += ["--access-log", "-", "--access-log-format", "%RESPONSE_CODE% %ROUTE_NAME%", *map(str, canary(*ECHO))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        proxy = urlsplit(process.stdout.readline().split()[1])
        process.stdout.readline()
        connection = http.client.HTTPConnection(proxy.hostname or "", proxy.port, timeout=DEADLINE)
        connection.request("GET", "/")
        answer = connection.getresponse()
        assert answer.getheader("x-edgesim-cluster") == "echo_gloo-system"
        assert (answer.getheader("x-edgesim-pod") or "").startswith("echo-v1-")
        connection.close()
        assert process.stdout.readline() == "200 -\n"
        process.terminate()


def _is_let_in(gateway: Gateway) -> bool:
    try:
        with connect(gateway) as client:
            return client.recv(1) != b""
    except ConnectionError:
        return False


def test_a_slow_client_holds_only_itself(tmp_path: Path) -> None:
    """While clients trickle requests and do not read answers, others are answered, and memory does not grow."""

    def serve(client: socket.socket) -> None:
        with client:
            while client.recv(1 << 16):
                client.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 50000000\r\n\r\n")
                for _ in range(50):
                    client.sendall(b"x" * 1_000_000)

    with (
        scripted(serve) as port,
        running(static(tmp_path, port)) as gateway,
        Load(gateway, CLIENTS, "/here", b"here") as load,
    ):
        (worker,) = children(gateway.process.pid)
        before = resident(worker)
        slow = [connect(gateway) for _ in range(20)]
        for index, client in enumerate(slow):
            client.sendall(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n" if index % 2 else b"GET / HTTP/1.1\r\nho")
        for _ in range(5):
            load.more()
        assert resident(worker) - before < 64 << 20
        assert not load.failures
        for client in slow:
            client.close()


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_drain_finishes_what_runs(tmp_path: Path, workers: str) -> None:
    """On SIGTERM idle connections close at once, requests in flight end well and say so, and no new ones come."""
    asked, go = threading.Semaphore(0), threading.Event()

    def serve(client: socket.socket) -> None:
        with client:
            client.recv(1 << 16)
            asked.release()
            go.wait(DEADLINE)
            client.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")

    with scripted(serve) as port:
        gateway = start("--workers", workers, "--grace", "30", static(tmp_path, port))
        try:
            idle, busy = connect(gateway), [connect(gateway) for _ in range(4)]
            idle.sendall(b"GET /here HTTP/1.1\r\nhost: a\r\n\r\n")
            assert b"200 OK" in idle.recv(1 << 16)
            for client in busy:
                client.sendall(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
                assert asked.acquire(timeout=DEADLINE)
            gateway.process.terminate()
            assert idle.recv(1) == b""
            wait_until(lambda: not _is_let_in(gateway), "connections are taken after SIGTERM")
            go.set()
            for client in busy:
                read, reset = read_all(client)
                assert not reset
                assert read.endswith(b"ok")
                assert b"connection: close\r\n" in read
                client.close()
            assert gateway.process.wait(DEADLINE) == 0
            idle.close()
        finally:
            go.set()
            gateway.stop()


def test_a_drain_ends_with_its_grace_time(tmp_path: Path) -> None:
    """What is not done within --grace is reset, and the exit code is still 0."""

    def serve(client: socket.socket) -> None:
        client.recv(1 << 16)
        asked.set()
        client.recv(1)
        client.close()

    asked = threading.Event()
    with scripted(serve) as port:
        gateway = start("--grace", "0.5", static(tmp_path, port))
        try:
            with connect(gateway) as client:
                client.sendall(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
                assert asked.wait(DEADLINE)
                begun = time.monotonic()
                gateway.process.terminate()
                assert read_all(client)[0] == b""
                assert time.monotonic() - begun >= 0.4
            assert gateway.process.wait(DEADLINE) == 0
        finally:
            gateway.stop()


def test_workers_leave_when_their_parent_is_killed() -> None:
    """After SIGKILL of the parent no worker stays, and the port is free."""
    gateway = start("--workers", "2", *canary(*ECHO))
    workers: Sequence[int] = children(gateway.process.pid)
    assert len(workers) == 2
    os.kill(gateway.process.pid, signal.SIGKILL)
    wait_until(lambda: not any(is_running(pid) for pid in workers), "workers outlive their parent")
    gateway.stop()
    with pytest.raises(ConnectionRefusedError):
        connect(gateway)


def test_workers_that_cannot_start_are_one_line_and_1() -> None:
    """When no worker stays alive, `up` ends with 1 and a line that says how they end."""
    code = (
        "import sys, types; from edgesim.proxy import supervisor; "
        "supervisor.sys = types.SimpleNamespace(executable='/bin/false'); "
        "from edgesim.cli.endings import ending_well; "
        "from edgesim.cli.serving import run; from edgesim.cli.settings import UpSettings; "
        "sys.exit(ending_well(lambda: run(UpSettings(port=0, admin_port=0, workers=2))))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=DEADLINE, check=False
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "ES0704 worker 0 ended with code 1, 3 times in a row\n"


@pytest.mark.parametrize(
    ("arguments", "code", "line"),
    [
        (["--access-log", "/nowhere/x.log"], 1, "ES0705 --access-log /nowhere/x.log: no such file or directory\n"),
        (
            ["--access-log-format", "%NOWHERE%"],
            2,
            "ES0706 --access-log-format, character 1: `NOWHERE` is no command operator\n",
        ),
    ],
)
def test_a_log_that_cannot_be_is_one_line(arguments: list[str], code: int, line: str) -> None:
    """A log file that cannot be opened, or a format that is none, ends the start with a code and one line."""
    done = edgesim("up", "--port", "0", "--admin-port", "0", *arguments)
    assert (done.code, done.out, done.err) == (code, "", line)


def test_a_taken_tls_port_is_a_problem(tmp_path: Path) -> None:
    """A change that needs the TLS listener is held back, with a problem, while its port is taken; then it is served."""
    certificate, key = tmp_path / "tls.crt", tmp_path / "tls.key"
    made = pair()
    certificate.write_text(made.chain)
    key.write_text(made.key)
    plain = STATIC.format(port=9)
    secured = plain.replace(
        "  virtualHost:", f"  sslConfig: {{sslFiles: {{tlsCert: {certificate}, tlsKey: {key}}}}}\n  virtualHost:"
    )
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        (tmp_path / "plain.yaml").write_text(plain)
        with running("--tls-port", port, tmp_path / "plain.yaml") as gateway:
            gateway.run("apply", "-f", "-", stdin=secured)
            checked = gateway.run("check")
            assert checked.code == 1
            assert f"ES0703 127.0.0.1:{port}, the TLS listener's, is in use" in checked.out + checked.err
            assert gateway.get("/here") == (200, "here")
            taken.close()
            gateway.process.send_signal(signal.SIGHUP)
            wait_until(lambda: gateway.run("check").code == 0, "the port is free, and not taken")
            assert gateway.get("/here")[0] == 404

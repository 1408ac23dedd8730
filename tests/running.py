"""A real `edgesim up` for tests: its own process, ephemeral ports, and the commands against it."""

from __future__ import annotations

import atexit
import functools
import http.client
import itertools
import json
import os
import queue
import random
import resource
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from tests import warm

ROOT = Path(__file__).parent.parent
CANARY = ROOT / "configs" / "two-phased-canary"
DEADLINE = 60.0
"""Seconds anything may take, with every core busy; what hangs fails then."""


@dataclass(frozen=True, slots=True)
class Finished:
    """A command that ended."""

    code: int
    out: str
    err: str


def edgesim(*arguments: str | Path, stdin: str | None = None, env: Mapping[str, str] | None = None) -> Finished:
    """Run a command to its end; forked, unless it becomes another program or is told how to start."""
    words = [str(each) for each in arguments]
    serves = bool(words) and words[0] in SERVING and "--help" not in words
    if not words or serves or any(name.startswith("PYTHON") for name in env or {}):
        return started(*words, stdin=stdin, env=env)
    return forked(*words, stdin=stdin, env=env)


def forked(*arguments: str, stdin: str | None = None, env: Mapping[str, str] | None = None) -> Finished:
    """Run a command to its end in a process forked from one that has imported it; it must not become another program."""
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        given.write((stdin or "").encode())
        given.seek(0)
        files = [each.fileno() for each in (given, out, err)]
        code = warm.ask(forking(), arguments, str(ROOT), _environment(env), files)
        out.seek(0)
        err.seek(0)
        return Finished(code, out.read().decode(), err.read().decode())


def started(*arguments: str | Path, stdin: str | None = None, env: Mapping[str, str] | None = None) -> Finished:
    """Run a command to its end, from the start of an interpreter."""
    done = subprocess.run(
        [sys.executable, "-m", "edgesim", *map(str, arguments)],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        cwd=ROOT,
        env=_environment(env),
        check=False,
    )
    return Finished(done.returncode, done.stdout, done.stderr)


@functools.cache
def forking() -> str:
    """Start what forks commands, once for all tests of this process; returns its address."""
    address = f"{_states.name}/commands"
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.warm", address], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT
    )
    atexit.register(process.communicate)  # the end of its input is its end
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    return address


SERVING = frozenset(("up", "demo", "run"))
"""The commands that start other processes."""
_states = tempfile.TemporaryDirectory(prefix="edgesim-states-")
_numbers = itertools.count()


def _environment(more: Mapping[str, str] | None) -> dict[str, str]:
    """Return the environment of a command; each has state of its own, so that no test knows of another."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("EDGESIM_ADMIN")}
    state = f"{_states.name}/{next(_numbers)}"
    return {**kept, "NO_COLOR": "1", "COLUMNS": "200", "XDG_STATE_HOME": state, **(more or {})}


@dataclass(slots=True)
class Gateway:
    """A running instance."""

    process: subprocess.Popen[str]
    errors: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    """What it printed, as far as it was read."""
    proxy: str = ""
    admin: str = ""
    pumps: list[threading.Thread] = field(default_factory=list)

    def run(self, command: str, *arguments: str | Path, stdin: str | None = None) -> Finished:
        """Run a command against this instance."""
        return edgesim(command, "--admin", self.admin, *arguments, stdin=stdin)

    def apply(self, *paths: Path) -> Finished:
        """Apply files."""
        return self.run("apply", *(part for path in paths for part in ("-f", path)))

    def get(self, path: str = "/", headers: Mapping[str, str] | None = None, method: str = "GET") -> tuple[int, str]:
        """Send one request through the proxy; returns status and body."""
        status, _headers, body = send(self.proxy, method, path, headers)
        return status, body.decode().strip()

    def ask(
        self, method: str, path: str, body: str | bytes = b"", headers: Mapping[str, str] | None = None
    ) -> tuple[int, Any]:
        """Send one request to the admin API; returns status and JSON."""
        status, _headers, answer = send(self.admin, method, path, headers, body)
        return status, json.loads(answer) if answer else None

    def wait_for_error(self, text: str) -> None:
        """Wait until a line on standard error holds a text."""
        wait_until(lambda: any(text in line for line in self.errors), f"standard error never said {text!r}")

    def stop(self) -> int:
        """End it and return its exit code."""
        if self.process.poll() is None:
            self.process.terminate()
        try:
            return self.process.wait(DEADLINE)
        finally:
            self.process.kill()
            for pump in self.pumps:
                pump.join(DEADLINE)


def send(
    url: str, method: str, path: str, headers: Mapping[str, str] | None = None, body: str | bytes = b""
) -> tuple[int, Mapping[str, str], bytes]:
    """Send one request on a connection of its own; returns status, headers by lower-case name, body."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=DEADLINE)
    try:
        connection.request(method, path, body or None, dict(headers or {}))
        response = connection.getresponse()
        return response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
    finally:
        connection.close()


def wait_until(condition: Any, message: str) -> None:
    """Wait for a condition, with a deadline."""
    end = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < end, message
        time.sleep(0.01)


def start(
    *arguments: str | Path, command: str = "up", cwd: Path = ROOT, env: Mapping[str, str] | None = None
) -> Gateway:
    """Start an instance on free ports; returns when it printed its addresses."""
    words = [command, "--port", "0", "--admin-port", "0", *map(str, arguments)]
    given = _environment({"PYTHONPATH": str(ROOT), **(env or {})})
    with _settings(words, cwd, given) as told:
        process = subprocess.Popen(
            _serving(words, told),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
            cwd=cwd,
            env=given,
            pass_fds=() if told is None else (told,),
        )
    gateway = Gateway(process)
    lines: queue.Queue[str] = queue.Queue()

    def take_line(line: str) -> None:
        gateway.lines.append(line)
        lines.put(line)

    for stream, take in ((process.stdout, take_line), (process.stderr, gateway.errors.append)):
        pump = threading.Thread(target=_pump, args=(stream, take), daemon=True)
        pump.start()
        gateway.pumps.append(pump)
    try:
        gateway.proxy = _address(lines, "proxy", gateway)
        gateway.admin = _address(lines, "admin", gateway)
    except BaseException:
        gateway.stop()
        raise
    return gateway


def _serving(words: Sequence[str], told: int | None = None) -> list[str]:
    """Return what to start; where its settings were `told`, it is what `up` becomes when it has read its options."""
    if told is None:
        return [sys.executable, "-m", "edgesim", *words]
    return [sys.executable, "-m", "edgesim.cli.handover", str(told), str(ROOT / "edgesim" / "__main__.py"), *words]


@contextmanager
def _settings(words: Sequence[str], folder: Path, environ: Mapping[str, str]) -> Iterator[int | None]:
    """Have a forked `up` read its options, which takes half as long as starting does; None where it is to do that itself."""
    path = Path(f"{_states.name}/settings-{next(_numbers)}")
    if words[0] == "up":
        with open(os.devnull, "r+b") as nothing:  # noqa: PTH123
            warm.ask(forking(), words, str(folder), {**environ, warm.SETTINGS: str(path)}, [nothing.fileno()] * 3)
    if not path.exists():
        yield None
        return
    with path.open("rb") as told:
        yield told.fileno()
    path.unlink()


def _pump(stream: IO[str], take: Any) -> None:
    with stream:
        for line in stream:
            take(line)
    take("")


def _address(lines: queue.Queue[str], word: str, gateway: Gateway) -> str:
    try:
        line = lines.get(timeout=DEADLINE)
    except queue.Empty:
        line = ""
    assert line.startswith(f"{word} http"), f"expected the {word} address, got {line!r}: {gateway.errors}"
    return line.split()[1]


@contextmanager
def running(*arguments: str | Path) -> Iterator[Gateway]:
    """Run an instance for the length of a block; it must end with 0 when asked to."""
    gateway = start(*arguments)
    try:
        yield gateway
    finally:
        code = gateway.stop()
    assert code == 0, gateway.errors


def free_port() -> int:
    """Return a port that is free, and that the system gives to nobody who asks for any: below the ephemeral ones."""
    draw = random.SystemRandom()  # tests that run at the same time are seeded alike
    while True:
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("", draw.randrange(10_000, 32_000)))
            return int(probe.getsockname()[1])


def canary(*names: str) -> Sequence[Path]:
    """Name files of the example release."""
    return [CANARY / f"{name}.yaml" for name in names]


def children(pid: int) -> list[int]:
    """Return the workers of an `up`."""
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def resident(pid: int) -> int:
    """Return the memory a process holds now, in bytes."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize()

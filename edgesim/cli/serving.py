"""What `up` runs: the proxy, the pods, the files and the admin API, from the first port to the last request."""

from __future__ import annotations

import asyncio
import errno
import gc
import json
import os
import resource
import secrets
import signal
import socket
import sqlite3
import time
import uuid
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import uvloop
from aiohttp import web

from edgesim.admin.app import create_app
from edgesim.admin.context import Context
from edgesim.admin.guard import is_loopback
from edgesim.backends import Controllers, PodRuntime
from edgesim.cli.console import err, out
from edgesim.cli.problems import print_problems
from edgesim.cli.settings import LOOPBACK, UpSettings
from edgesim.config.serving import Policy
from edgesim.config.state_folder import (
    FolderInUseError,
    default_folder,
    in_words,
    open_default,
    open_explicit,
    temporary,
)
from edgesim.config.store import Store
from edgesim.control import Instance
from edgesim.control.changes import install
from edgesim.control.files import Files
from edgesim.control.recorder import Recorder
from edgesim.model import Problem, Severity
from edgesim.policies.formatter import FormatError
from edgesim.proxy import Bound, PushError, Supervisor, WorkerSettings
from edgesim.proxy.access_log import compile_format, open_log
from edgesim.telemetry import spawn


class StartError(Exception):
    """Why an instance cannot start, in one line with its code; `code` is the exit code."""

    def __init__(self, line: str, code: int = 1) -> None:
        """Take the line."""
        super().__init__(line)
        self.code = code


@dataclass(slots=True)
class Signals:
    """What the process was told: to end, and (again) to end at once."""

    stop: asyncio.Event = field(default_factory=asyncio.Event)
    hurry: asyncio.Event = field(default_factory=asyncio.Event)
    starting: asyncio.Task[Any] | None = field(default_factory=asyncio.current_task)

    def end(self) -> None:
        """Take SIGTERM or SIGINT; a start that is not done is given up."""
        (self.hurry if self.stop.is_set() else self.stop).set()
        if self.starting is not None:
            self.starting.cancel()
            self.starting = None


@dataclass(slots=True)
class Reporter:
    """Prints what is wrong when it comes up, and says when it is over."""

    seen: set[Problem] = field(default_factory=set)
    frozen: bool = False

    def report(self, instance: Instance) -> None:
        """Print the problems that were not there before."""
        problems, frozen = instance.problems, instance.served.frozen
        print_problems(problem for problem in problems if problem not in self.seen)
        if frozen and not self.frozen:
            err(_HELD[instance.served.policy])
        elif self.frozen and not frozen:
            err(_released(problems))
        self.seen, self.frozen = set(problems), frozen


_HELD: Mapping[Policy, str] = {
    Policy.FREEZE: "what was served stays served until this is mended",
    Policy.ISOLATE: "what has an error stays as it was served until this is mended; everything else is served",
}


def _released(problems: Iterable[Problem]) -> str:
    """Say that nothing is held up any more; there may be problems all the same, which are served as they are."""
    grave = [problem for problem in problems if problem.severity is not Severity.NOTE]
    if any(problem.replaced for problem in grave):
        return "everything is served; what is broken answers by itself (replaceInvalidRoutes)"
    return "everything is served" if grave else "the configuration is sound again, and served"


@dataclass(slots=True)
class Announcer:
    """Prints where listeners are that open later."""

    supervisor: Supervisor
    known: tuple[Bound, ...]
    quiet: bool

    def announce(self, _instance: Instance) -> None:
        """Print the addresses of listeners that were not there before."""
        before, self.known = self.known, self.supervisor.bound
        for bound in self.known:
            if bound not in before and not self.quiet:
                out(_line(bound))


@dataclass(slots=True)
class Ending:
    """The grace time, which all that drains shares."""

    grace: float
    until: float = 0.0

    def begin(self) -> None:
        """The time runs from now."""
        self.until = time.monotonic() + self.grace

    async def drain(self, close: Callable[[float], Coroutine[Any, Any, None]]) -> None:
        """Close something within what is left."""
        await close(max(0.0, self.until - time.monotonic()))


@dataclass(slots=True)
class Readiness:
    """Whether the proxy serves."""

    live: bool = False


def run(settings: UpSettings) -> int:
    """Serve until told to stop; returns the exit code."""
    _allow_many_files()
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(_serve(settings))
    except StartError as error:
        err(str(error))
        return error.code


def _allow_many_files() -> None:
    """Take as many open files as the system allows: connections are files, and shells give few."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # some systems report a limit they do not grant
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


async def _serve(settings: UpSettings) -> int:
    signals, stack, ending = _listen_to_signals(), AsyncExitStack(), Ending(settings.grace)
    try:
        with _without_collector():
            started = await _start(settings, stack, ending)
        if not started:
            return 1
        signals.starting = None
        await signals.stop.wait()
    except asyncio.CancelledError:
        signals.starting = None  # told to end before it was ready
    finally:
        ending.begin()
        await _first(stack.aclose(), signals.hurry.wait())
    return 0


@contextmanager
def _without_collector() -> Iterator[None]:
    """Let the garbage collector rest while much is made, and leave out what stays: it would walk it again and again."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


async def _start(settings: UpSettings, stack: AsyncExitStack, ending: Ending) -> bool:
    """Start everything; what ends it goes on the stack, so that it is ended in the opposite order.

    Returns False where the configuration has problems and was not to be served with them.
    """
    told = _worker_settings(settings)
    seed = settings.seed if settings.seed is not None else secrets.randbits(63)
    supervisor = _reserve_proxy(settings, seed, told)
    with_admin = _reserve_admin(settings)
    store = Store(lambda: datetime.now(UTC), lambda: str(uuid.uuid4()))
    install(store)
    controllers = Controllers(store, PodRuntime(seed), seed)
    recorder = _recorder(settings)
    instance = Instance(
        store, supervisor, controllers, keep_going=settings.keep_going, policy=settings.policy, recorder=recorder
    )
    stack.push_async_callback(ending.drain, instance.close)
    stack.push_async_callback(ending.drain, supervisor.close)
    ready, token = Readiness(), _token(settings)
    await _serve_admin(
        stack,
        with_admin,
        Context(instance, lambda: ready.live, token, supervisor.stats, lambda: _listeners(supervisor)),
    )
    await supervisor.start()
    files = Files(instance, [str(path) for path in settings.paths])
    try:
        await load(instance, recorder, files)
    except PushError as gone:
        raise StartError(f"ES0704 {gone}") from None
    print_problems(instance.problems)
    if not instance.served.good and not settings.keep_going:
        err("not started: nothing good is kept to serve instead; --keep-going serves what can be served")
        return False
    instance.listen(Reporter(set(instance.problems), instance.served.frozen).report)
    stack.push_async_callback(files.close)
    await files.follow()
    _reload_on_hangup(files, instance, supervisor)
    ready.live = True
    _announce(settings, supervisor, _url(settings.admin_host, _port(with_admin)), token)
    instance.listen(Announcer(supervisor, supervisor.bound, quiet=settings.as_json).announce)
    return True


def _recorder(settings: UpSettings) -> Recorder:
    """Open the state: of a folder that was asked for, of the paths, or one that vanishes with the process."""

    def clock() -> datetime:
        return datetime.now(UTC)

    if settings.state == "off":
        return Recorder(temporary(), clock)
    if not settings.state:
        return Recorder(open_default(default_folder(map(str, settings.paths), os.environ)), clock)
    try:
        return Recorder(open_explicit(Path(settings.state)), clock)
    except FolderInUseError as held:
        raise StartError(f"ES0720 --state {settings.state}: {held}") from None
    except (OSError, sqlite3.Error) as error:
        raise StartError(f"ES0720 --state {settings.state}: {in_words(error)}") from None


async def load(instance: Instance, recorder: Recorder, files: Files) -> None:
    """Serve what the files declare, falling back on what was good before a restart."""
    recorder.declared = files.manifest
    revision, kept = await recorder.restored()
    if revision is not None:
        instance.restore(revision)
    await files.load(kept, () if revision is None else revision.resources)


def _reload_on_hangup(files: Files, instance: Instance, supervisor: Supervisor) -> None:
    """Let SIGHUP read everything again, certificate files too, whose names stay the same when they are renewed."""

    async def reload() -> None:
        await files.refresh()
        await instance.write(())
        supervisor.reopen_logs()

    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, lambda: spawn(reload(), "reload"))


def _worker_settings(settings: UpSettings) -> WorkerSettings:
    """Check what workers are told before there are any."""
    try:
        compile_format(settings.access_log_format)
    except FormatError as wrong:
        hint = f"; {wrong.hint}" if wrong.hint else ""
        is_json = settings.access_log_format.lstrip().startswith("{")
        where = "--access-log-format" if is_json else f"--access-log-format, character {wrong.position + 1}"
        raise StartError(f"ES0706 {where}: {wrong.message}{hint}", 2) from None
    except ValueError as wrong:
        raise StartError(f"ES0706 --access-log-format: {wrong}", 2) from None
    path = "" if settings.access_log == "off" else settings.access_log
    if path:
        try:
            os.close(open_log(path))
        except OSError as refused:
            raise StartError(f"ES0705 --access-log {path}: {(refused.strerror or str(refused)).lower()}") from None
    return WorkerSettings(path, settings.access_log_format, settings.route_header)


def _listen_to_signals() -> Signals:
    signals, loop = Signals(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, signals.end)
    return signals


async def _first(*waits: Coroutine[Any, Any, Any]) -> None:
    """Wait for the first of several."""
    tasks = [spawn(wait, "end") for wait in waits]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()


def _reserve_proxy(settings: UpSettings, seed: int, told: WorkerSettings) -> Supervisor:
    host, seeded = settings.listen or LOOPBACK, str(seed)
    as_written = settings.listen is not None
    try:
        return Supervisor(host, settings.port, settings.workers, seeded, settings.tls_port, told, as_written=as_written)
    except OSError as error:
        raise _refused(error, host, settings.port, "--port") from None


def _reserve_admin(settings: UpSettings) -> socket.socket:
    host, port = settings.admin_host, settings.admin_port
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise _refused(error, host, port, "--admin-port") from None


def _refused(error: OSError, host: str, port: int, option: str) -> StartError:
    if error.errno == errno.EADDRINUSE:
        return StartError(f"ES0700 {host}:{port} is in use; {option} N takes another port, 0 any free one")
    return StartError(f"ES0701 cannot listen on {host}:{port}: {(error.strerror or str(error)).lower()}")


async def _serve_admin(stack: AsyncExitStack, sock: socket.socket, context: Context) -> None:
    runner = web.AppRunner(create_app(context), access_log=None, handle_signals=False, shutdown_timeout=2.0)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.SockSite(runner, sock).start()


def _token(settings: UpSettings) -> str | None:
    """Return the token admin requests must show: off loopback there always is one."""
    if settings.admin_token is None and not is_loopback(settings.admin_host):
        return secrets.token_urlsafe(24)
    return settings.admin_token or None


def _port(sock: socket.socket) -> int:
    port: int = sock.getsockname()[1]
    return port


def _url(host: str, port: int, scheme: str = "http") -> str:
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def _url_of(bound: Bound) -> str:
    return _url(bound.host, bound.port, "https" if bound.tls else "http")


def _listeners(supervisor: Supervisor) -> list[dict[str, str]]:
    return [{"name": bound.name, "url": _url_of(bound)} for bound in supervisor.bound]


def _line(bound: Bound) -> str:
    return f"{'tls' if bound.tls else 'proxy'} {_url_of(bound)}"


def _announce(settings: UpSettings, supervisor: Supervisor, admin: str, token: str | None) -> None:
    """Print every listener's address; the first is the one that scripts look for, on `--port` if it is there."""
    usual = _url(supervisor.host, supervisor.port)
    plain = [bound for bound in supervisor.bound if not bound.tls]
    first = next((bound for bound in plain if _url_of(bound) == usual), next(iter(plain), None))
    proxy = usual if first is None else _url_of(first)
    if settings.as_json:
        tls = next((_url_of(bound) for bound in supervisor.bound if bound.tls), None)
        named = {"proxy": proxy, "admin": admin, "token": token, "tls": tls}
        listeners = _listeners(supervisor)
        out(json.dumps({name: value for name, value in named.items() if value} | {"listeners": listeners}))
        return
    out(f"proxy {proxy}")
    out(f"admin {admin}")
    for bound in supervisor.bound:
        if bound != first:
            out(_line(bound))
    if token is not None and settings.admin_token is None:
        out(f"admin token {token}")
    if settings.hints is not None:
        out(settings.hints(proxy, admin))

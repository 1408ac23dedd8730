"""What `up` runs: the proxy, the pods, the files and the admin API, from the first port to the last request."""

from __future__ import annotations

import asyncio
import errno
import json
import resource
import secrets
import signal
import socket
import uuid
from collections.abc import Coroutine
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import uvloop
from aiohttp import web

from edgesim.admin.app import create_app
from edgesim.admin.context import Context
from edgesim.admin.guard import is_loopback
from edgesim.backends import Controllers, PodRuntime
from edgesim.cli.console import err, out
from edgesim.cli.problems import print_problems
from edgesim.cli.settings import UpSettings
from edgesim.config.serving import blocking
from edgesim.config.store import Store
from edgesim.control import Instance
from edgesim.control.files import Files
from edgesim.model import Problem
from edgesim.proxy import Supervisor
from edgesim.telemetry import spawn

GRACE = 30.0
"""Seconds that requests in progress have when the instance ends."""


class StartError(Exception):
    """Why an instance cannot start, in one line with its code."""


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
            err("what was served stays served until this is mended")
        elif self.frozen and not frozen:
            err("the configuration is sound again, and served")
        self.seen, self.frozen = set(problems), frozen


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
        return 1


def _allow_many_files() -> None:
    """Take as many open files as the system allows: connections are files, and shells give few."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # some systems report a limit they do not grant
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


async def _serve(settings: UpSettings) -> int:
    signals, stack = _listen_to_signals(), AsyncExitStack()
    try:
        if not await _start(settings, stack):
            return 1
        signals.starting = None
        await signals.stop.wait()
    except asyncio.CancelledError:
        signals.starting = None  # told to end before it was ready
    finally:
        await _first(stack.aclose(), signals.hurry.wait())
    return 0


async def _start(settings: UpSettings, stack: AsyncExitStack) -> bool:
    """Start everything; what ends it goes on the stack, so that it is ended in the opposite order.

    Returns False where the configuration has problems and was not to be served with them.
    """
    seed = settings.seed if settings.seed is not None else secrets.randbits(63)
    supervisor = _reserve_proxy(settings, seed)
    with_admin = _reserve_admin(settings)
    store = Store(lambda: datetime.now(UTC), lambda: str(uuid.uuid4()))
    controllers = Controllers(store, PodRuntime(seed), seed)
    instance = Instance(store, supervisor, controllers, keep_going=settings.keep_going)
    stack.push_async_callback(instance.close, GRACE)
    stack.push_async_callback(supervisor.close, GRACE)
    ready, token = Readiness(), _token(settings)
    await _serve_admin(stack, with_admin, Context(instance, lambda: ready.live, token))
    await supervisor.start()
    files = Files(instance, [str(path) for path in settings.paths])
    await files.load()
    print_problems(instance.problems)
    if any(blocking(instance.problems)) and not settings.keep_going:
        return False
    instance.listen(Reporter(set(instance.problems), instance.served.frozen).report)
    stack.push_async_callback(files.close)
    await files.follow()
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, lambda: spawn(files.refresh(), "reload"))
    ready.live = True
    _announce(settings, _url(settings.host, supervisor.port), _url(settings.admin_host, _port(with_admin)), token)
    return True


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


def _reserve_proxy(settings: UpSettings, seed: int) -> Supervisor:
    try:
        return Supervisor(settings.host, settings.port, settings.workers, str(seed))
    except OSError as error:
        raise _refused(error, settings.host, settings.port, "--port") from None


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


def _url(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _announce(settings: UpSettings, proxy: str, admin: str, token: str | None) -> None:
    if settings.as_json:
        out(json.dumps({"proxy": proxy, "admin": admin, **({"token": token} if token else {})}))
        return
    out(f"proxy {proxy}")
    out(f"admin {admin}")
    if token is not None and settings.admin_token is None:
        out(f"admin token {token}")
    if settings.hints is not None:
        out(settings.hints(proxy, admin))

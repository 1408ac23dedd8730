"""What `up` runs: the proxy, the pods, the files and the admin API, from the first port to the last request."""

from __future__ import annotations

import asyncio
import resource
import signal
import socket
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import uvloop
from aiohttp import web

from edgesim.admin.app import create_app
from edgesim.admin.context import Context, Life
from edgesim.backends import Controllers, Gateway, PodRuntime
from edgesim.cli.announcing import Announcer, KubeAddress, Reporter, announce, listeners, url
from edgesim.cli.console import err
from edgesim.cli.engine import DataPlane, Inexpressible, ask_of
from edgesim.cli.judging import Apart
from edgesim.cli.problems import print_problems
from edgesim.cli.reserving import admin_token, open_recorder, reserve_admin, reserve_proxy, worker_settings
from edgesim.cli.settings import Engine, UpSettings
from edgesim.cli.signals import Ending, first_of, listen_to_signals
from edgesim.config.store import MOST_HAPPENINGS, Store
from edgesim.control import Instance
from edgesim.control.changes import install
from edgesim.control.files import Files
from edgesim.control.http_log import HTTP_LOG
from edgesim.control.recorder import Recorder
from edgesim.proxy import Supervisor
from edgesim.telemetry import spawn
from edgesim.telemetry.collector import resting_collector
from edgesim.telemetry.sources import monotonic, new_seed, new_uid, today, wall

if TYPE_CHECKING:
    from edgesim.kube.serving import KubeServer


@dataclass(slots=True)
class Readiness:
    """Whether the proxy serves."""

    live: bool = False


def run(settings: UpSettings) -> int:
    """Serve until told to stop; returns the exit code. Raises EdgesimError where it cannot start."""
    _allow_many_files()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_serve(settings))


def _allow_many_files() -> None:
    """Take as many open files as the system allows: connections are files, and shells give few."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # some systems report a limit they do not grant
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


async def _serve(settings: UpSettings) -> int:
    signals, stack, ending = listen_to_signals(settings.lifeline), AsyncExitStack(), Ending(settings.grace, monotonic)
    try:
        with resting_collector(keep=True):
            started = await _start(settings, stack, ending)
        if not started:
            return 1
        signals.starting = None
        await signals.stop.wait()
    except asyncio.CancelledError:
        signals.starting = None  # told to end before it was ready
    finally:
        ending.begin()
        await first_of(stack.aclose(), signals.hurry.wait())
    return 0


async def _start(settings: UpSettings, stack: AsyncExitStack, ending: Ending) -> bool:
    """Start everything; what ends it goes on the stack, so that it is ended in the opposite order.

    Returns False where the configuration has problems and was not to be served with them.
    """
    told = worker_settings(settings)
    seed = settings.seed if settings.seed is not None else new_seed()
    supervisor = reserve_proxy(settings, seed, told)
    with_admin = reserve_admin(settings)
    recorder = open_recorder(settings)
    instance, controllers = _instance(settings, seed, supervisor, recorder)
    kube = _kube(settings, instance, controllers)
    if isinstance(supervisor, Supervisor) and kube is not None:
        from edgesim.control.name_events import NameEvents  # noqa: PLC0415 - as what makes the API

        supervisor.tell_of_names(NameEvents(instance.store).tell)
    stack.push_async_callback(ending.drain, instance.close)
    stack.push_async_callback(ending.drain, supervisor.close)
    ready, token = Readiness(), admin_token(settings)
    context = Context(
        instance,
        lambda: ready.live,
        token,
        supervisor.stats,
        lambda: listeners(supervisor),
        kube=kube,
        life=Life(monotonic, settings.grace),
        workers=supervisor if isinstance(supervisor, Supervisor) else None,
        envoy=ask_of(supervisor),
        breaking=supervisor.breaking,
    )
    await _serve_admin(stack, with_admin, context)
    await supervisor.start()
    files = Files(instance, [str(path) for path in settings.paths])
    if not await _load(settings, instance, recorder, files):
        return False
    stack.push_async_callback(files.close)
    await files.follow()
    _reload_on_hangup(files, instance, supervisor)
    address = await _open_kube(stack, kube)
    ready.live = True
    announce(settings, supervisor, url(settings.admin_host, _port(with_admin)), token, address)
    if settings.engine is Engine.ENVOY:
        instance.listen(Inexpressible(instance).report)
    # Ended first: a write may still be on its way when the proxy has closed its ports.
    stack.callback(instance.listen(Announcer(supervisor, supervisor.bound, quiet=settings.as_json).announce))
    return True


def _instance(
    settings: UpSettings, seed: int, supervisor: DataPlane, recorder: Recorder
) -> tuple[Instance, Controllers]:
    """Put the parts together."""
    store = Store(today, new_uid, remembers=0 if settings.kube is None else MOST_HAPPENINGS)
    install(store)
    gateway = None
    if settings.kube is not None:
        gateway = Gateway(lambda: supervisor.bound, "" if settings.access_log == "off" else settings.access_log)
    controllers = Controllers(store, PodRuntime(seed, now=monotonic, wall=wall), seed, gateway=gateway)
    instance = Instance(
        store,
        supervisor,
        controllers,
        keep_going=settings.keep_going,
        policy=settings.policy,
        recorder=recorder,
        judging=Apart(),
        publish_statuses=settings.kube is not None,
    )
    return instance, controllers


async def _load(settings: UpSettings, instance: Instance, recorder: Recorder, files: Files) -> bool:
    """Serve what the files declare and say what is wrong, now and from now on; False where nothing is to be served."""
    await _restore_and_load(instance, recorder, files)
    print_problems(instance.problems)
    if not instance.served.good and not settings.keep_going:
        err("not started: nothing good is kept to serve instead; --keep-going serves what can be served")
        return False
    instance.listen(Reporter(set(instance.problems), instance.served.frozen).report)
    return True


async def _restore_and_load(instance: Instance, recorder: Recorder, files: Files) -> None:
    """Serve what the files declare, falling back on what was good before a restart."""
    recorder.declared = files.manifest
    revision, kept = await recorder.restored()
    if revision is not None:
        instance.restore(revision)
    await files.load(kept, () if revision is None else revision.resources)


def _reload_on_hangup(files: Files, instance: Instance, supervisor: DataPlane) -> None:
    """Let SIGHUP read everything again, certificate files too, whose names stay the same when they are renewed."""

    async def reload() -> None:
        await files.refresh()
        await instance.write(())
        supervisor.reopen_logs()

    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, lambda: spawn(reload(), "reload"))


def _kube(settings: UpSettings, instance: Instance, controllers: Controllers) -> KubeServer | None:
    """Make the Kubernetes API; who does without it does without what it is made of."""
    if settings.kube is None:
        return None
    from edgesim.cli.kube_serving import kube_server  # noqa: PLC0415 - see above

    return kube_server(settings.kube, instance, controllers.logs)


async def _open_kube(stack: AsyncExitStack, kube: KubeServer | None) -> KubeAddress | None:
    if kube is None:
        return None
    from edgesim.cli.kube_serving import open_kube  # noqa: PLC0415 - see above

    stack.push_async_callback(kube.close)
    return await open_kube(kube)


async def _serve_admin(stack: AsyncExitStack, sock: socket.socket, context: Context) -> None:
    app = create_app(context)
    runner = web.AppRunner(app, access_log=None, logger=HTTP_LOG, handle_signals=False, shutdown_timeout=2.0)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.SockSite(runner, sock).start()


def _port(sock: socket.socket) -> int:
    port: int = sock.getsockname()[1]
    return port

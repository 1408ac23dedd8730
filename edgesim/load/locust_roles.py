"""What a process of Locust does: the whole load alone, a master's part, or a worker's."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
from typing import Any

import gevent
import gevent.event
import gevent.os
import locust.runners
from locust.env import Environment
from locust.exception import RPCError

from edgesim.load import locust_messages, locust_run
from edgesim.load.locust_messages import Ended, Joined, Lost, Told
from edgesim.load.locust_run import Part
from edgesim.load.locust_users import users_of
from edgesim.load.messages import Beat, End, Order, Ready
from edgesim.model.codes import failure

_LOOK = 0.1
"""Seconds between looks at who has joined and who is missing."""


class _Parent:
    """`edgesim load`, which has started this process and tells its user what came of it."""

    def __init__(self, channel: int) -> None:
        self._socket = socket.socket(fileno=channel)
        self.order = self._ordered()
        self.stopping = gevent.event.Event()
        self.ended: set[int] = set()

    def _ordered(self) -> Order:
        message = locust_messages.receive(self._socket)
        if not isinstance(message, Order):
            raise SystemExit(0)
        return message

    def say(self, message: locust_messages.Message) -> None:
        """Tell something; a parent that is gone hears nothing more, and this process ends."""
        try:
            self._socket.sendall(locust_messages.packed(message))
        except OSError:
            raise SystemExit(0) from None

    def tell(self, client: int, message: Beat | End) -> None:
        """Pass on what a worker has counted."""
        if isinstance(message, End):
            self.say(Ended(client, message))
            self.ended.add(client)
        else:
            self.say(Told(client, message))

    def listen(self) -> None:
        """Set `stopping` when the parent asks for that, or is gone."""
        with contextlib.suppress(OSError):
            locust_messages.receive(self._socket)
        self.stopping.set()


def alone(channel: int) -> int:
    """Run the whole load in this process."""
    parent = _Parent(channel)
    part = Part(parent.tell)
    environment = Environment(user_classes=[locust_run.user_class(part)])
    environment.create_local_runner()
    locust_run.attach(environment, part, parent.order.scenario, parent.tell)
    parent.say(Ready())
    _run(parent, environment, part, workers=1)
    return 0


def master(channel: int, address: str, processes: int) -> int:
    """Be the master of workers that join from elsewhere, or of so many processes of this machine."""
    parent = _Parent(channel)
    locust.runners.WORKER_REPORT_INTERVAL = locust_run.REPORT_SECONDS
    part = Part()
    environment = Environment(user_classes=[locust_run.user_class(part)])
    host, _, port = address.rpartition(":")
    try:
        runner = environment.create_master_runner(host, int(port))
    except RPCError as wrong:
        parent.say(Ready(f"nobody can listen at {address}: {wrong}"))
        return 1
    bound = runner.server.port if int(port) == 0 else int(port)
    here = locust_run.attach(environment, part, parent.order.scenario, parent.tell)
    gevent.spawn(parent.listen)
    children = [_child(f"127.0.0.1:{bound}") for _ in range(processes)]
    try:
        if _all_joined(parent, here, f"{host}:{bound}", children):
            parent.say(Ready())
            _run(parent, environment, part, workers=parent.order.workers)
    finally:
        runner.quit()
        for child in children:
            child.stdin.close()
            child.wait()
    return 0


def _child(address: str) -> Any:
    command = (sys.executable, "-m", "edgesim.load.locust_process", "--channel", "0", "--worker", address)
    return subprocess.Popen(command, stdin=subprocess.PIPE)  # noqa: S603 - this very program


def _all_joined(parent: _Parent, here: set[str], address: str, children: list[Any]) -> bool:
    """Wait for all workers; tell whether there are enough, and not rather the parent has had enough."""
    joined = -1
    while joined < parent.order.workers:
        if len(here) != joined:
            joined = len(here)
            parent.say(Joined(joined, address))
        if any(child.poll() is not None for child in children):
            parent.say(Ready("a worker ended before it had joined"))
            return False
        if parent.stopping.wait(_LOOK):
            return False
    return True


def _run(parent: _Parent, environment: Any, part: Part, workers: int) -> None:
    """Run until all workers have told that they are through."""
    runner, users = environment.runner, users_of(parent.order.scenario, workers)
    gevent.spawn(_stop_when_asked, parent, environment, part)
    gevent.spawn(runner.start, users, users)
    known = {each.id for each in runner.clients.ready} if workers > 1 or hasattr(runner, "clients") else set()
    while len(parent.ended) < workers:
        gevent.sleep(_LOOK)
        missing = known - {each.id for each in runner.clients.all if each.state != "missing"} if known else set()
        if len(missing) > len(parent.ended):
            parent.say(Lost(f"{len(missing)} of {workers} workers are gone"))
            return


def _stop_when_asked(parent: _Parent, environment: Any, part: Part) -> None:
    if isinstance(environment.runner, locust.runners.LocalRunner):
        gevent.spawn(parent.listen)
    parent.stopping.wait()
    locust_run.stop(environment, part)


def worker(address: str, channel: int) -> int:
    """Do what a master says until it has enough; a child ends with its parent, whose end of the channel closes."""
    locust.runners.WORKER_REPORT_INTERVAL = locust_run.REPORT_SECONDS
    part = Part()
    environment = Environment(user_classes=[locust_run.user_class(part)])
    host, _, port = address.rpartition(":")
    try:
        runner = environment.create_worker_runner(host, int(port))
    except (ConnectionError, RPCError, OSError):
        sys.stderr.write(f"{failure('ES1214', f'no master answers at {address}')}\n")
        return 1
    locust_run.attach(environment, part, None, lambda _client, _message: None)
    if channel >= 0:
        gevent.spawn(_end_with_parent, channel, runner)
    runner.greenlet.join()
    return 0


def _end_with_parent(channel: int, runner: Any) -> None:
    gevent.os.make_nonblocking(channel)
    gevent.os.nb_read(channel, 1)
    runner.greenlet.kill(block=False)

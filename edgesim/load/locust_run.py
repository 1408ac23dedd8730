"""A scenario in Locust: its users, and how a master tells workers what to do and hears what they counted.

What workers counted travels in Locust's own reports (the events `report_to_master` and `worker_report`), in our slots:
Locust itself rounds latencies. Needs the extra `locust`, and must be imported after gevent has patched the process.
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import Callable
from typing import Any

import gevent
import gevent.event
from locust import FastHttpUser, constant
from locust.exception import StopUser
from locust.runners import MasterRunner, WorkerRunner

from edgesim.load import locust_messages
from edgesim.load.emit_parts import base_url
from edgesim.load.locust_users import Load, Response
from edgesim.load.messages import Beat, End, Order
from edgesim.load.scenario import Scenario, Target

_HERE, _ORDER, _BEGIN, _STOP = "edgesim-here", "edgesim-order", "edgesim-begin", "edgesim-stop"
_REPORT = "edgesim"
REPORT_SECONDS = 0.5
"""How often workers report, in place of Locust's 3 seconds: a second should be shown when it is over."""
Tell = Callable[[int, "Beat | End"], None]
"""Told what each worker, by its number, has counted."""


class Part:
    """The part of this process in a load."""

    def __init__(self, tell: Tell | None = None) -> None:
        """Begin without an order; `tell` is told what this process itself counts, else it waits in `unsaid`."""
        self.load: Load | None = None
        self.unsaid: list[bytes] = []
        self._tell = tell or self._keep
        self._begun = gevent.event.Event()
        self._stop = gevent.event.Event()
        self._users = 0
        self._through = gevent.event.Event()

    def tell_to(self, tell: Tell) -> None:
        """Tell somebody of this process from now on."""
        self._tell = tell

    def _keep(self, _client: int, message: Beat | End) -> None:
        self.unsaid.append(locust_messages.report(message))

    def take(self, order: Order) -> None:
        """Take an order: users that are made from now on follow it."""
        self.load = Load(order)
        self._begun.clear()
        self._stop.clear()
        self._through.clear()
        self._users = self.load.alive = 0

    def begin(self) -> None:
        """Send from now on."""
        if self.load is not None and not self._begun.is_set():
            self.load.begin()
            self._begun.set()
            gevent.spawn(self._keep_telling, self.load)

    def stop(self) -> None:
        """Send nothing more."""
        if self.load is not None:
            self.load.stopped = True
        self._stop.set()

    def live(self, user: Any) -> None:
        """Be one of Locust's users until all is sent."""
        load = self.load
        if load is None:
            raise StopUser
        number, self._users = self._users, self._users + 1
        load.alive += 1
        self._begun.wait()
        try:
            load.live(number, _sender(user, load.scenario), lambda seconds: bool(self._stop.wait(seconds)))
        finally:
            load.alive -= 1
            if not load.alive:
                self._through.set()
        raise StopUser

    def _keep_telling(self, load: Load) -> None:
        if not load.alive:
            self._through.set()
        while not self._through.wait(load.until_next()):
            self._tell(load.order.index, load.tell())
        self._tell(load.order.index, load.tell())
        self._tell(load.order.index, load.end())


def _sender(user: Any, scenario: Scenario) -> Callable[[str, str, str, dict[str, str], bytes], Response]:
    session = user.client
    session.client.cookiejar = None  # cookies are those of the scenario's users
    left = scenario.per_connection

    def send(name: str, method: str, path: str, headers: dict[str, str], body: bytes) -> Response:
        nonlocal left
        response: Response = session.request(
            method, path, name=name, data=body or None, headers=headers, allow_redirects=False
        )
        _ = response.content
        left -= left > 0
        if scenario.per_connection and not left:
            session.client.clientpool.close()
            left = scenario.per_connection
        return response

    return send


def user_class(part: Part) -> Any:
    """Return the class of Locust's users who drive the part's load."""

    def live(user: Any) -> None:
        part.live(user)

    def init(user: Any, environment: Any) -> None:
        """Meet the server as the scenario says, which is known when users are made."""
        if part.load is not None:
            configure(type(user), part.load.scenario)
        FastHttpUser.__init__(user, environment)

    inside = {"tasks": [live], "wait_time": constant(0), "host": "http://unknown", "__init__": init}
    made: Any = type("ScenarioUser", (FastHttpUser,), inside)
    return made


def configure(made: Any, scenario: Scenario) -> None:
    """Set what Locust's client is made with."""
    made.host = base_url(scenario.target)
    made.network_timeout = made.connection_timeout = scenario.timeout
    made.insecure = scenario.target.insecure
    made.ssl_context_factory = None if scenario.target.insecure else staticmethod(lambda: _context(scenario.target))


def _context(target: Target) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=target.ca_file or None)


def attach(environment: Any, part: Part, scenario: Scenario | None, tell: Tell) -> set[str]:
    """Make an environment of Locust run a scenario whenever a test starts in it; workers get theirs from the master.

    Return a set that holds the workers of a master who are ready for it.
    """
    logging.getLogger("locust").setLevel(logging.ERROR)
    runner, events = environment.runner, environment.events
    if isinstance(runner, WorkerRunner):
        _attach_worker(runner, events, part)
    elif isinstance(runner, MasterRunner):
        return _attach_master(runner, events, scenario, tell)
    else:
        events.test_start.add_listener(lambda **_: part.take(Order(scenario, 0, 1)))  # type: ignore[arg-type]
        events.spawning_complete.add_listener(lambda **_: part.begin())
    return set()


def _attach_worker(runner: Any, events: Any, part: Part) -> None:
    runner.register_message(_ORDER, lambda msg, **_: part.take(locust_messages.read_order(msg.data["order"])))
    runner.register_message(_BEGIN, lambda **_: part.begin())
    runner.register_message(_STOP, lambda **_: part.stop())

    def reporting(data: dict[str, Any], **_: Any) -> None:
        if part.unsaid:
            index = part.load.order.index if part.load is not None else 0
            data[_REPORT] = {"index": index, "told": part.unsaid}
            part.unsaid = []

    events.report_to_master.add_listener(reporting)
    runner.send_message(_HERE, {})


def _attach_master(runner: Any, events: Any, scenario: Scenario | None, tell: Tell) -> set[str]:
    assert scenario is not None

    here: set[str] = set()

    def start(**_: Any) -> None:
        ready = [each.id for each in runner.clients.ready]
        for index, client in enumerate(ready):
            order = locust_messages.report(Order(scenario, index, len(ready)))
            runner.send_message(_ORDER, {"order": order}, client)

    def heard(data: dict[str, Any], **_: Any) -> None:
        said = data.get(_REPORT) or {"index": 0, "told": ()}
        for each in said["told"]:
            tell(said["index"], locust_messages.read_report(each))

    events.test_start.add_listener(start)
    events.spawning_complete.add_listener(lambda **_: runner.send_message(_BEGIN, {}))
    events.worker_report.add_listener(heard)
    runner.register_message(_HERE, lambda msg, **_: here.add(msg.node_id))
    return here


def stop(environment: Any, part: Part) -> None:
    """Have nothing more sent, by this process or by all workers of this master."""
    part.stop()
    if isinstance(environment.runner, MasterRunner):
        environment.runner.send_message(_STOP, {})

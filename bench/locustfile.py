"""A scenario of edgesim for Locust's own command, with its options and its web page; the figures are edgesim's.

    EDGESIM_SCENARIO=configs/load/canary.yaml locust -f bench/locustfile.py --headless -u 64 -r 64
    EDGESIM_SCENARIO=... locust -f bench/locustfile.py --headless -u 64 -r 64 --master --expect-workers 2
    locust -f bench/locustfile.py --worker --master-host 10.0.0.5

Users (-u) are connections. When all is sent, the table of `edgesim load` is printed, and EDGESIM_SAVE=run.json keeps the
result for `edgesim compare`. `edgesim load --engine locust` does the same without Locust's command line.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import gevent
import msgspec
from locust import events
from locust.runners import MasterRunner, WorkerRunner

from edgesim.cli.load_text import lines
from edgesim.cli.problems import print_problems
from edgesim.load.adding import Sums
from edgesim.load.locust_run import Part, attach, user_class
from edgesim.load.messages import Beat, End
from edgesim.load.scenario import Scenario
from edgesim.load.scenario_file import read_scenario
from edgesim.telemetry.sources import today

part = Part()
ScenarioUser = user_class(part)


def scenario() -> Scenario:
    file = os.environ.get("EDGESIM_SCENARIO", "")
    if not file:
        sys.exit("name a scenario file in EDGESIM_SCENARIO")
    read = read_scenario(Path(file))
    if read.written is None:
        print_problems(read.problems)
        sys.exit(2)
    return read.written.scenario


class Report:
    """Adds up what is told, and prints it when all are through."""

    def __init__(self, environment: Any, asked: Scenario) -> None:
        self.environment = environment
        self.scenario = asked
        self.started = today().isoformat(timespec="seconds")
        self.sums: Sums | None = None
        self.left = 0

    def tell(self, client: int, message: Beat | End) -> None:
        """Add up what one of all has counted."""
        if self.sums is None:
            self.left = getattr(self.environment.runner, "worker_count", 1)
            self.sums = Sums(self.scenario, self.left)
        if isinstance(message, Beat):
            list(self.sums.add(message, client))
            return
        list(self.sums.end(message, client))
        self.left -= 1
        if not self.left:
            self.show(self.sums)

    def show(self, sums: Sums) -> None:
        """Print the result, and end."""
        result = sums.result(self.started, "")
        self.sums = None
        for line in lines(result):
            print(line)
        file = os.environ.get("EDGESIM_SAVE", "")
        if file:
            Path(file).write_bytes(msgspec.json.format(msgspec.json.encode(result)) + b"\n")
        gevent.spawn(self.environment.runner.quit)


def begin(environment: Any, **_: Any) -> None:
    if isinstance(environment.runner, WorkerRunner):
        attach(environment, part, None, lambda _client, _message: None)
        return
    report = Report(environment, scenario())
    if not isinstance(environment.runner, MasterRunner):
        part.tell_to(report.tell)
    attach(environment, part, report.scenario, report.tell)


events.init.add_listener(begin)

"""The options of `edgesim load` that are about Locust."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgesim.cli.console import err
from edgesim.model import EdgesimError
from edgesim.model.codes import failure

if TYPE_CHECKING:
    from edgesim.load.locust_driver import Locust


@dataclass(frozen=True, slots=True)
class Engine:
    """What was typed."""

    locust: bool
    master: bool
    worker: bool
    processes: int
    expect_workers: int
    master_host: str
    master_port: int
    bind_host: str


def locust_of(given: Engine, workers: int) -> Locust | None:
    """Return how Locust is to be run, None where it is not; a worker becomes one here. Raises EdgesimError."""
    from edgesim.load import locust_driver  # noqa: PLC0415 - `edgesim --help` needs no engine

    roles = [
        option
        for option, there in (
            ("--master", given.master), ("--worker", given.worker), ("--processes", bool(given.processes))
        )
        if there
    ]  # fmt: skip
    if not given.locust:
        if roles:
            raise _wrong(f"{roles[0]} is for --engine locust")
        return None
    if len(roles) > 1:
        raise _wrong(f"{roles[0]} and {roles[1]} cannot be both")
    if workers != 1:
        raise _wrong("--workers are edgesim's own client processes; Locust has --processes")
    locust_driver.check()
    if given.worker:
        _check_host("--master-host", given.master_host)
        err(f"joining the master at {given.master_host}:{given.master_port}; Ctrl-C ends it")
        locust_driver.become_worker(f"{given.master_host}:{given.master_port}")
    if given.master:
        _check_host("--master-bind-host", given.bind_host)
        return locust_driver.Locust(given.expect_workers, f"{given.bind_host}:{given.master_port}")
    return locust_driver.Locust(processes=given.processes)


def _check_host(option: str, host: str) -> None:
    """Find a misspelt host, which Locust would look for without end."""
    try:
        socket.getaddrinfo(host, None)
    except (OSError, UnicodeError) as reason:
        said = f"{option} {host}: {getattr(reason, 'strerror', None) or reason}"
        raise failure("ES1202", said, exit_code=2) from None


def _wrong(why: str) -> EdgesimError:
    return failure("ES1200", why, exit_code=2)

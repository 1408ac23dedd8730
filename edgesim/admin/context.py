"""What the handlers of the admin app share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import msgspec
from aiohttp import web

from edgesim.admin.checks import Checked
from edgesim.control import Instance
from edgesim.control.statuses import Statuses
from edgesim.inspect import Tables
from edgesim.model import Model, Update
from edgesim.proxy.breaking import Breaking
from edgesim.telemetry.tally import Tally


@dataclass(slots=True)
class CompiledModel:
    """The route tables of the model last asked about: compiling a large one takes a while."""

    tables: Tables = field(default_factory=lambda: Tables(Model()))

    def tables_of(self, model: Model) -> Tables:
        """Return the route tables of a model."""
        if model is not self.tables.model:
            self.tables = Tables(model)
        return self.tables


class Stats(Protocol):
    """Returns what the proxy counted; with `reset` it begins at zero behind that."""

    async def __call__(self, *, reset: bool) -> Tally:
        """Ask all workers."""


async def _nothing(*, reset: bool) -> Tally:  # noqa: ARG001 - there is nothing to reset
    return Tally()


def _untold() -> None:
    """Nobody serves who could let requests fail."""


class Workers(Protocol):
    """What is asked of the workers beside their counts."""

    @property
    def latest(self) -> Update:
        """What they serve, with the addresses of names."""

    @property
    def unresolved(self) -> tuple[str, ...]:
        """What there is to say of names that cannot be resolved."""

    @property
    def pids(self) -> list[int]:
        """The processes that run."""

    def hint(self, *, closes: bool) -> None:
        """Let answers say `connection: close`, or no more."""

    async def stop_listening(self) -> None:
        """Take no connections any more."""


Ask = Callable[[str, str], Awaitable[tuple[int, str]]]
"""Asks a real Envoy's admin API, by the path with its query and the method; returns status and text."""


@dataclass(slots=True)
class Life:
    """How long the instance runs, by `clock` in seconds, and whether it was told to fail health checks.

    `drain_time` is how many seconds a graceful drain of the listeners takes; `draining` whether one is under way.
    """

    clock: Callable[[], float] = float
    drain_time: float = 0.0
    failing: bool = False
    draining: bool = False
    started: float = field(init=False)

    def __post_init__(self) -> None:
        """Begin now."""
        self.started = self.clock()

    @property
    def uptime(self) -> int:
        """Whole seconds since the start."""
        return int(self.clock() - self.started)


class Kube(Protocol):
    """The Kubernetes API beside the admin API."""

    @property
    def url(self) -> str:
        """Return its address."""

    @property
    def kubeconfig(self) -> Path | None:
        """Return the administrator's file, None before it serves."""

    async def kubeconfig_of(self, user: str, groups: tuple[str, ...] = ()) -> Path:
        """Return the file of a user. Raises OSError where it cannot be written."""


@dataclass(frozen=True, slots=True)
class Context:
    """The instance the app speaks for; `ready` tells whether the proxy serves, `token` who may ask.

    `workers` serve, unless a real Envoy does, of which `envoy` asks.
    """

    instance: Instance
    ready: Callable[[], bool]
    token: str | None = None
    stats: Stats = _nothing
    listeners: Callable[[], list[dict[str, str]]] = list
    """The listeners that take connections, each with `name` and `url`."""
    kube: Kube | None = None
    compiled: CompiledModel = field(default_factory=CompiledModel)
    statuses: Statuses = field(default_factory=Statuses)
    checked: Checked = field(default_factory=Checked)
    life: Life = field(default_factory=Life)
    workers: Workers | None = None
    envoy: Ask | None = None
    breaking: Breaking = field(default_factory=lambda: Breaking(_untold))

    @property
    def state(self) -> str:
        """Envoy's word for what the instance is doing."""
        if not self.ready():
            return "PRE_INITIALIZING"
        return "DRAINING" if self.life.failing else "LIVE"


CONTEXT: web.AppKey[Context] = web.AppKey("context", Context)


def instance_of(request: web.Request) -> Instance:
    """Return the running instance."""
    return request.app[CONTEXT].instance


def as_json(report: Any) -> web.Response:
    """Answer with a report."""
    return web.json_response(msgspec.to_builtins(report))

"""What `edgesim xds` serves, the files it comes from, and what it prints of it."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from edgesim.cli.console import err, out
from edgesim.cli.offline import Loaded, load
from edgesim.cli.problems import print_problems
from edgesim.cli.signals import listen_to_signals
from edgesim.config.watch import watch
from edgesim.control.refusals import refusal
from edgesim.dialects.envoy import Form, Kind, inexpressible, snapshot
from edgesim.dialects.fields import show_path
from edgesim.envoy.discovery import Discovery, Refusal, without_pods
from edgesim.envoy.discovery_bootstrap import ads
from edgesim.envoy.discovery_server import server
from edgesim.envoy.origins import origin_at_fault
from edgesim.envoy.refusals import brief, is_cut
from edgesim.envoy.served import Served, serve
from edgesim.envoy.validating import reason_of
from edgesim.model import Problem, Severity, UpdateRefusedError
from edgesim.model.codes import failure, problem
from edgesim.model.update import CANNOT_SERVE
from edgesim.telemetry import spawn
from edgesim.telemetry.collector import sparing_collector


@dataclass(frozen=True, slots=True)
class Place:
    """Where Envoys are served, what they must show there, and whether that is to be printed: nobody chose it."""

    host: str
    port: int
    token: str | None = None
    generated: bool = False
    tls: ssl.SSLContext | None = None


@dataclass(frozen=True, slots=True)
class _Read:
    """What the files say, and what is served of it: nothing where they have errors, or say what they did."""

    loaded: Loaded
    served: Served | None = None
    notes: tuple[Problem, ...] = ()
    untold: tuple[Problem, ...] = ()
    """What Envoy's messages cannot hold."""

    @property
    def grave(self) -> tuple[Problem, ...]:
        """What is wrong with the files."""
        return (*(each for each in self.loaded.problems if each.severity is not Severity.NOTE), *self.untold)

    @property
    def has_errors(self) -> bool:
        """Whether nothing of it is served."""
        return any(each.severity is Severity.ERROR for each in self.grave)


class _Serving:
    """What is served, and the files it came from."""

    def __init__(self, paths: Iterable[Path]) -> None:
        self._paths = [*paths]
        self._said: tuple[Problem, ...] = ()
        self.loaded: Loaded | None = None
        self.refusals: asyncio.Queue[Refusal] = asyncio.Queue()
        self.discovery = Discovery(self.refusals.put_nowait)

    async def read(self) -> None:
        """Read the files; what has errors is said, and what was served stays. Other tasks run meanwhile."""
        read = await asyncio.to_thread(self._read)
        self._say(read)
        if read.served is not None:
            self.loaded = read.loaded
            print_problems(read.notes)
            self.discovery.serve(read.served)

    def _read(self) -> _Read:
        with sparing_collector():  # which would hold up every stream while it looks at a large configuration
            return self._translated()

    def _translated(self) -> _Read:
        loaded = load(self._paths)
        before, read = self.loaded, _Read(loaded)
        if read.has_errors or (before is not None and loaded.translation.model == before.translation.model):
            return read
        translation = loaded.translation
        resources = snapshot(without_pods(translation.model), {}, ads, Form())
        try:
            served = serve(resources, self.discovery.latest)
        except UpdateRefusedError as refused:
            return _Read(loaded, untold=(refusal(refused, translation.model, translation),))
        return _Read(loaded, served, tuple(inexpressible(translation.model, None, translation.where)))

    def _say(self, read: _Read) -> None:
        """Print what is wrong and was not printed before."""
        grave, before = read.grave, self._said
        self._said = grave
        print_problems(each for each in grave if each not in before)
        if read.has_errors and grave != before:
            err("what was served stays served until this is mended" if self.loaded else "nothing is served yet")

    async def tell(self) -> None:
        """Print each refusal as a problem of the resource at fault: of many Envoys that say the same, once."""
        told: dict[tuple[Served, Kind, str], Problem] = {}
        while True:
            found = await self.refusals.get()
            what = found.what
            this = what.served, what.kind, brief(what.reason)
            if this in told:
                err(f"Envoy {found.node} does not take it, either: {told[this].position or told[this].code}")
                continue
            told = {key: each for key, each in told.items() if key[0] in {self.discovery.latest, what.served}}
            told[this] = await _problem(found, self.loaded)
            print_problems([told[this]])


async def _problem(told: Refusal, loaded: Loaded | None) -> Problem:
    """Return a refusal with Envoy's reason and, where it is found, what in the files it is about."""
    what = told.what
    closer = await reason_of(what.served.resources) if what.kind is Kind.ROUTES and is_cut(what.reason) else ""
    reason = closer or what.reason
    message = f"Envoy {told.node} does not take its {what.kind.rpartition('.')[2]}: {brief(reason)}"
    before = None if what.before is None else what.before.resources
    origin = await asyncio.to_thread(origin_at_fault, reason, what.kind, before, what.served.resources)
    if not origin or loaded is None:
        return problem(CANNOT_SERVE, message)
    step = origin[-1]
    return problem(
        CANNOT_SERVE,
        message,
        resource=step.resource,
        field=show_path(step.path),
        position=loaded.translation.where(step),
    )


async def serve_fleet(paths: list[Path], place: Place) -> None:
    """Serve until the process is told to end. Raises EdgesimError where it cannot listen."""
    signals, serving = listen_to_signals(), _Serving(paths)
    listening = _listening(place.host, place.port)
    try:
        await serving.read()
    except asyncio.CancelledError:
        return  # told to end before it began
    signals.starting = None
    serves = server(serving.discovery, place.token)
    await serves.start(sock=listening, ssl=place.tls)
    _announce(place, listening.getsockname()[1])
    tasks = spawn(_follow(paths, serving), "follow the files"), spawn(serving.tell(), "tell of refusals")
    await signals.stop.wait()
    for task in tasks:
        task.cancel()
    serves.close()
    await serves.wait_closed()


def _announce(place: Place, port: int) -> None:
    out(f"xds {f'[{place.host}]' if ':' in place.host else place.host}:{port}")
    if place.token is not None and place.generated:
        out(f"token {place.token}")


def _listening(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as refused:
        why = (refused.strerror or str(refused)).lower()
        raise failure("ES0701", f"cannot listen on {host}:{port}: {why}") from None


async def _follow(paths: list[Path], serving: _Serving) -> None:
    async for _changed in watch([str(path) for path in paths]):
        await serving.read()

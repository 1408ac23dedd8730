"""Envoy as the engine: an update becomes files, and is served when Envoy has taken them.

Whatever a resource names is there before it (make before break): first clusters and endpoints, those that go away
included, then routes and listeners, and at last the clusters that nobody names any more go.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from random import Random
from typing import Final

from edgesim.dialects.envoy import Form, Kind, Part, Resources, fetching_bootstrap, snapshot
from edgesim.envoy.admin import Admin, AdminError
from edgesim.envoy.continued import Continued
from edgesim.envoy.detours import Place as Detoured
from edgesim.envoy.detours import detoured
from edgesim.envoy.draining import drain
from edgesim.envoy.folder import Folder, Subscription
from edgesim.envoy.home import ADMIN_SOCKET, Home, clear, held_after
from edgesim.envoy.process import EnvoyProcess
from edgesim.envoy.refusals import culprit, refused_in
from edgesim.envoy.relay import Way
from edgesim.envoy.relays import Relays, ways
from edgesim.envoy.taking import RefusedError, Taking, accepting
from edgesim.envoy.tallies import DURATIONS, buckets_of, tally_of
from edgesim.model import Assignments, Cluster, ClusterType, Listener, Model, Update, UpdateRefusedError
from edgesim.model.clusters import endpoints_of
from edgesim.model.update import CANNOT_RUN
from edgesim.proxy.breaking import Breaking
from edgesim.proxy.ports import Addresses, Place, opened
from edgesim.proxy.supervisor import Bound
from edgesim.telemetry import spawn
from edgesim.telemetry.tally import Tally

_NOTHING: Final = Resources({}, {}, {}, {}, {})
_ALONE: Final = Model(listeners=())
_DRAIN_SECONDS: Final = 5
"""Seconds that connections of a listener have which goes away or becomes another (`--drain-time-s`)."""
_WARM_SECONDS: Final = 10.0
"""Seconds a cluster may take for its first health checks and names before nobody waits for it any more."""
_CHECKED_SECONDS: Final = 3.0
"""Seconds that the first check of a relay may take; the endpoint behind it may be ill."""
_LEAVING: Final = 2.0
_MOST_FOLLOWED: Final = 40
"""Clusters of pods up to which each has a file of its own for its endpoints."""
_TELLS: Final = 5.0
"""Seconds within which the log tells why something was refused."""


@dataclass(frozen=True, slots=True)
class EnvoySettings:
    """What an Envoy is started with. `access_log` is a file, `-` for standard output, empty for none.

    `draw_header` names a request header that pins the draw of weighted choices, for comparisons.
    """

    command: str
    concurrency: int = 1
    access_log: str = ""
    access_log_format: str = ""
    draw_header: str = ""
    seed: str = ""
    """Of the draws whether a request fails that is broken for some of them."""


class EnvoyEngine:
    """One Envoy, and the ports it listens on."""

    def __init__(self, addresses: Addresses, given: EnvoySettings, now: Callable[[], float]) -> None:
        """Hold the port that stands in for 8080, as the engine of edgesim's own does; raises OSError."""
        self._held = held_after(clear(), addresses)
        self.host = addresses.host
        self.port = self._held.port(self._held.first)
        self._home = Home()
        self._folder = Folder(self._home.path)
        self._form = Form(self._folder.source, given.access_log, given.access_log_format, given.draw_header)
        self._given = given
        self._now = now
        self._process = EnvoyProcess(self._command(), self._hear)
        self.admin = Admin(self.admin_socket)
        self._taking = Taking(self.admin, lambda: self._process.starts, now)
        self._served, self._model = _NOTHING, _ALONE
        self._told: dict[str, Part] = {}
        """The clusters that Envoy knows, or has been told: those of an update that it refused, too."""
        self._places: dict[str, Place] = {}
        self._reasons: asyncio.Queue[str] = asyncio.Queue()
        self._pushing = asyncio.Lock()
        self._counted = Continued()
        self._counting = asyncio.Lock()
        self._update: Update | None = None
        """What is served, without relays."""
        self._relays = Relays(partial(Random(f"{given.seed}:breakages").getrandbits, 64))
        self._following: asyncio.Task[None] | None = None
        self.breaking = Breaking(self._tell_broken, self._reached)

    @property
    def admin_socket(self) -> Path:
        """Return where Envoy's own admin API listens; only this user may go there."""
        return self._home.path / ADMIN_SOCKET

    @property
    def bound(self) -> tuple[Bound, ...]:
        """Where the listeners take connections now, in the model's order."""
        named = {listener.name: listener for listener in self._model.listeners}
        places = ((named[name], place) for name, place in self._places.items())
        return tuple(Bound(each.name, each.tls, place[0], self._held.port(place)) for each, place in places)

    @property
    def tls_port(self) -> int:
        """The port of the first TLS listener, 0 while there is none."""
        return next((each.port for each in self.bound if each.tls), 0)

    @property
    def pids(self) -> list[int]:
        """The process id of the Envoy that runs."""
        return [] if self._process.process is None else [self._process.process.pid]

    def _command(self) -> list[str]:
        options = ["--concurrency", str(self._given.concurrency), "--drain-time-s", str(_DRAIN_SECONDS)]
        logs = ["--log-level", "warning", "--log-format", "%l %v", "--log-format-escaped"]
        return [
            self._given.command,
            "-c",
            str(self._folder.path / "bootstrap.json"),
            "--disable-hot-restart",
            *options,
            *logs,
        ]

    def _hear(self, line: str) -> None:
        found = refused_in(line)
        if found is not None:
            self._reasons.put_nowait(found)

    async def start(self) -> None:
        """Start Envoy; it listens once it has an update."""
        self._write_first()
        self._process.start()

    def _write_first(self) -> None:
        self._folder.write_all(Kind.CLUSTER, {})
        self._folder.write_all(Kind.LISTENER, {})
        written = fetching_bootstrap("edgesim", self._folder.source)
        written["stats_flush_on_admin"] = True  # else durations would be told five seconds late
        written["admin"] = {"address": {"pipe": {"path": str(self.admin_socket)}}}
        (self._folder.path / "bootstrap.json").write_text(json.dumps(written))

    # -- updates -------------------------------------------------------------------------------

    async def push(self, update: Update) -> None:
        """Hand an update to Envoy; return when it has taken all of it.

        Raises UpdateRefusedError when Envoy refuses a part, or the port of a listener is taken; then all is served as
        before.
        """
        async with self._pushing:
            await self._serve_or_stay(update)

    async def _serve_or_stay(self, update: Update) -> None:
        before, relayed = self._served, self._relays.places
        try:
            await self._serve(update)
        except UpdateRefusedError:
            await self._go_back(before)
            self._relays.keep(relayed)
            raise
        finally:
            self._held.keep(set(self._places.values()))

    async def _serve(self, update: Update) -> None:
        places = self._held.hold(update.model)
        placed = with_few_files(self._placed(update.model, places), update.assignments)
        wanted = snapshot(placed, update.assignments, self._folder.source, self._form)
        broken = ways(update, self.breaking.broken)
        before = self._relays.places
        await self._reach(detoured(wanted, self._opened(broken)))
        new = [place for place in places.values() if place not in self._places.values()]
        await asyncio.gather(*(accepting(place[0], self._held.port(place), self._now) for place in new))
        self._model, self._places, self._update = update.model, places, update
        await self._break(broken.keys() - before)
        self._relays.keep(set(broken))

    def _opened(self, broken: Mapping[Detoured, Way]) -> dict[Detoured, int]:
        try:
            return self._relays.open(broken)
        except OSError as error:
            why = (error.strerror or str(error)).lower()
            raise UpdateRefusedError(f"what is broken has no relay: {why}", code=CANNOT_RUN) from None

    # -- breaking ------------------------------------------------------------------------------

    def _tell_broken(self) -> None:
        """Let relays follow at once, and Envoy soon."""
        self._relays.tell(self.breaking.broken)
        self._following = spawn(self._follow(), "breaking")

    async def _reached(self) -> None:
        """Return when requests meet what is broken. Raises UpdateRefusedError."""
        if self._following is not None:
            await asyncio.shield(self._following)

    async def _follow(self) -> None:
        async with self._pushing:
            update = self._update
            if update is not None and ways(update, self.breaking.broken).keys() != self._relays.places:
                await self._serve_or_stay(update)

    async def _break(self, new: AbstractSet[Detoured]) -> None:
        """Let relays fail; new ones when Envoy found them healthy, so that its health checks see them fail."""
        checked = {each.name for each in self._model.clusters if each.health_checks}
        hosts = {(name, self._relays.address((name, at))) for name, at in new if name in checked}
        if hosts:
            await self._taking.healthy(hosts, _CHECKED_SECONDS)
        self._relays.act(self.breaking.broken)

    def _placed(self, model: Model, places: Mapping[str, Place]) -> Model:
        """Return a model whose listeners are where edgesim binds them."""
        listeners = tuple(self._at(each, places[each.name]) for each in opened(model))
        return replace(model, listeners=listeners)

    def _at(self, listener: Listener, place: Place) -> Listener:
        return replace(listener, address=place[0], port=self._held.port(place))

    async def _reach(self, wanted: Resources) -> None:
        """Let Envoy serve what is wanted. Raises UpdateRefusedError."""
        before, self._reasons = self._served, asyncio.Queue()
        replaced = any(self._told.get(name, part) != part for name, part in wanted.clusters.items())
        self._told = {**self._told, **wanted.clusters}
        if replaced:
            await self.stats()  # Envoy forgets some of it with a cluster
        try:
            await self._stages(wanted)
        except RefusedError as refused:
            reason = await self._reason(refused)
            raise UpdateRefusedError(f"Envoy: {reason}", culprit(reason, refused.of.kind, before, wanted)) from None
        except TimeoutError as late:
            words = self._process.last_words
            raise UpdateRefusedError(f"Envoy does not take {late}: {words}", code=CANNOT_RUN) from None
        self._served = wanted
        if replaced:
            await self.stats()

    async def _reason(self, refused: RefusedError) -> str:
        """Return what Envoy's log says; its counts may be read before its log is."""
        try:
            return await asyncio.wait_for(self._reasons.get(), _TELLS)
        except TimeoutError:
            return f"it does not take its {refused}"

    async def _stages(self, wanted: Resources) -> None:
        await self._taking.look()
        folder = self._folder
        folder.begin()
        versions = folder.write_each(Kind.SECRET, wanted.secrets) | folder.write_each(Kind.ENDPOINTS, wanted.endpoints)
        # Those that were there before stay until no route names them; files of new ones are read by their clusters.
        clusters = folder.write_all(Kind.CLUSTER, self._told)
        await self._taking.wait(clusters | _known(versions, Kind.ENDPOINTS))
        if clusters:
            await self._taking.settled(r"^cluster_manager\.warming_clusters$", _WARM_SECONDS)
        routes = folder.write_each(Kind.ROUTES, wanted.routes)
        listeners = folder.write_all(Kind.LISTENER, wanted.listeners)
        await self._taking.wait(listeners | routes)
        if listeners:
            await self._taking.settled(r"^listener_manager\.total_listeners_warming$", _WARM_SECONDS)
        await self._taking.wait(folder.write_all(Kind.CLUSTER, wanted.clusters))
        self._told = {**wanted.clusters}
        for kind in (Kind.ROUTES, Kind.ENDPOINTS, Kind.SECRET):
            folder.forget(kind, wanted.of(kind))

    async def _go_back(self, before: Resources) -> None:
        """Let Envoy serve what it did before."""
        try:
            await self._reach(before)
        except UpdateRefusedError:
            self._served = before  # it reads the files again when it is started again

    # -- the rest ------------------------------------------------------------------------------

    async def stats(self, *, reset: bool = False) -> Tally:
        """Return what Envoy counted by cluster; with `reset` begin at zero behind it."""
        async with self._counting:
            try:
                counted = await self.admin.values(r"^(cluster|http)\..*(_cx_|_rq_|no_route$|no_cluster$)")
                durations = buckets_of(await self.admin.histograms(rf"^cluster\..*\.{DURATIONS}$"))
                if reset:
                    await self.admin.ask("/reset_counters", "POST")
            except AdminError:
                return Tally()
            found = self._counted.take(tally_of(counted, durations, self._model), self._process.starts)
            if reset:
                self._counted.reset()
            return found

    def reopen_logs(self) -> None:
        """Let Envoy open its log files anew: somebody moved them away."""
        _task = spawn(self.admin.ask("/reopen_logs", "POST"), "reopen Envoy's logs")

    async def close(self, grace: float) -> None:
        """Drain Envoy: what runs may finish within `grace` seconds."""
        await drain(self.admin, self._now() + grace, self._now)
        await self._process.close(_LEAVING)
        await self.admin.close()
        self._relays.abort()
        self._held.close()
        self._home.remove()


def with_few_files(model: Model, assignments: Assignments) -> Model:
    """Return a model whose clusters hold their endpoints themselves, where a file for each would be too many.

    Envoy takes an inotify instance for each file it follows, of which Linux gives a user 128, and aborts without.
    """
    followed = [each for each in model.clusters if each.type is ClusterType.EDS]
    if len(followed) <= _MOST_FOLLOWED:
        return model
    return replace(model, clusters=tuple(_whole(each, assignments) for each in model.clusters))


def _whole(cluster: Cluster, assignments: Assignments) -> Cluster:
    if cluster.type is not ClusterType.EDS:
        return cluster
    return replace(cluster, type=ClusterType.STATIC, endpoints=endpoints_of(cluster, assignments))


def _known(versions: Mapping[Subscription, str], kind: Kind) -> dict[Subscription, str]:
    return {of: version for of, version in versions.items() if of.kind is kind}

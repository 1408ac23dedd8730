"""Names of STRICT_DNS clusters, resolved in the parent: workers get addresses, and requests never wait for a name.

As in Envoy each address of a name is an endpoint. A name is looked up again after `dns_refresh_rate`, with
`respect_dns_ttl` after the ttl of the answer where that is not 0. That a name has no address is an answer, and its
endpoints leave; where nobody answers, the addresses from before stay.
https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/service_discovery#strict-dns
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final, NamedTuple

from edgesim.model import Cluster, ClusterType, Endpoint, Model, ResourceKey
from edgesim.proxy.resolving import Answer, Lookup, ask_servers, ask_system
from edgesim.telemetry import spawn
from edgesim.telemetry.states import Scope, State

_FIRST = 5.0
"""Seconds an update waits for names it has not seen before."""
_MOST_NAMED = 3
_NOBODY = "requests find none of its endpoints"
_COUNTERS = ("attempt", "success", "failure", "empty", "no_rebuild")

_log = logging.getLogger("edgesim")

Told = Callable[[Iterable[ResourceKey], str, bool], None]
"""Takes the resources that ask for a name, what there is to say of it, and whether it is resolved now."""


def tell_nobody(_resources: Iterable[ResourceKey], _text: str, _resolved: bool) -> None:  # noqa: FBT001 as `Told` has it
    """Tell nobody of a name; it is logged all the same."""


class Look(NamedTuple):
    """How a name is looked up: every so many seconds, or at the ttl of its answers."""

    name: str
    rate: float
    by_ttl: bool


@dataclass(slots=True, eq=False)
class Looking:
    """A name that is looked up again and again, for these clusters (one that asks twice is in there twice)."""

    clusters: tuple[Cluster, ...]
    answered: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when it was looked up once, whatever came of it."""
    served: bool = False
    """Whether what was found before is served: from then on changes are told."""
    task: asyncio.Task[None] | None = None


NOTHING_KNOWN: Final[Mapping[Look, tuple[str, ...]]] = MappingProxyType({})


class Names:
    """The addresses of every name that clusters are made of."""

    def __init__(
        self,
        changed: Callable[[], Awaitable[None]],
        ask: Lookup = ask_system,
        ask_with_ttl: Lookup = ask_servers,
    ) -> None:
        """Take whom to tell when a name has other addresses than before, and who knows addresses, and ttls."""
        self._changed = changed
        self._ask, self._ask_with_ttl = ask, ask_with_ttl
        self._known: dict[Look, tuple[str, ...]] = {}
        self._clusters: dict[str, tuple[Cluster, Cluster]] = {}
        self._looking: dict[Look, Looking] = {}
        self._told: Told = tell_nobody
        self._counted: dict[str, Counter[str]] = {}
        self._unresolved: dict[Look, str] = {}
        """The names that nobody can tell the addresses of, or that have none, and why."""

    def tell(self, told: Told) -> None:
        """Tell somebody of names that cannot be resolved, when that begins, and when it ends."""
        self._told = told

    @property
    def known(self) -> Mapping[Look, tuple[str, ...]]:
        """The addresses there are now, to come back to."""
        return dict(self._known)

    async def resolved(self, model: Model, known: Mapping[Look, tuple[str, ...]] = NOTHING_KNOWN) -> Model:
        """Return the model with addresses instead of names, and look those names up from now on. Waits for new ones.

        What was `known` of them before holds until there is an answer.
        """
        self._known = {**known, **self._known}
        wanted = _wanted(model)
        for gone in self._looking.keys() - wanted.keys():
            _stop(self._looking.pop(gone))
        for look, clusters in wanted.items():
            if look in self._looking:
                self._looking[look].clusters = clusters
            else:
                self._begin(look, clusters)
        self._forget_others(model)
        await self._first_answers()
        return self.applied(model)

    def _begin(self, look: Look, clusters: tuple[Cluster, ...]) -> None:
        """Look a name up from now on; what another look-up knows of it holds until there is an answer."""
        known = next((self._known[each] for each in self._known if each.name == look.name), None)
        if known is not None:
            self._known[look] = known
        looking = self._looking[look] = Looking(clusters)
        looking.task = spawn(self._keep_looking(look, looking), f"resolve {look.name}")

    def _forget_others(self, model: Model) -> None:
        self._known = {look: addresses for look, addresses in self._known.items() if look in self._looking}
        self._unresolved = {look: why for look, why in self._unresolved.items() if look in self._looking}
        counted = {each.name for each in _by_name(model)}
        self._counted = {name: self._counted.get(name, Counter()) for name in counted}

    async def _first_answers(self) -> None:
        """Wait for names that are asked for since this update, and of which nothing is known: once for each."""
        new = [each for look, each in self._looking.items() if not each.served and look not in self._known]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_FIRST):
                for each in new:
                    await each.answered.wait()
        for each in self._looking.values():
            each.served = True

    def applied(self, model: Model) -> Model:
        """Return the model with the addresses known now; clusters without names, and those unchanged, are the same objects."""
        if not any(True for _ in _by_name(model)):
            self._clusters = {}
            return model
        self._clusters = {each.name: (each, self._addressed(each)) for each in _by_name(model)}
        return replace(model, clusters=tuple(self._clusters.get(each.name, (each, each))[1] for each in model.clusters))

    def _addressed(self, cluster: Cluster) -> Cluster:
        endpoints = tuple(dict.fromkeys(made for each in cluster.endpoints for made in self._endpoints(cluster, each)))
        before = self._clusters.get(cluster.name)
        if before is not None and before[0] is cluster and before[1].endpoints == endpoints:
            return before[1]
        return replace(cluster, endpoints=endpoints)

    def _endpoints(self, cluster: Cluster, endpoint: Endpoint) -> Iterable[Endpoint]:
        hostname = endpoint.hostname or endpoint.address
        for address in self._known.get(_look(cluster, endpoint), ()):
            yield replace(endpoint, address=address, hostname=hostname)

    # -- looking ---------------------------------------------------------------------------------

    async def _keep_looking(self, look: Look, looking: Looking) -> None:
        while True:
            pause, changes = await self._look(look, looking)
            looking.answered.set()
            if changes and looking.served:
                await self._changed()
            await asyncio.sleep(max(pause, 0.001))

    async def _look(self, look: Look, looking: Looking) -> tuple[float, bool]:
        """Look a name up; return the seconds until the next time, and whether it has other addresses than before."""
        self._count(looking, "attempt")
        ask = self._ask_with_ttl if look.by_ttl else self._ask
        try:
            found = await ask(look.name)
        except OSError as failed:
            self._count(looking, "failure")
            self._note(look, looking, str(failed) or type(failed).__name__)
            return look.rate, False
        self._count(looking, "success")
        changes = self._take(look, found)
        if not changes:
            self._count(looking, "no_rebuild")
        self._note(look, looking, found.why)
        return (found.ttl or look.rate) if look.by_ttl and found.addresses else look.rate, changes

    def _take(self, look: Look, found: Answer) -> bool:
        before = self._known.get(look, ())
        self._known[look] = found.addresses
        return found.addresses != before

    def _note(self, look: Look, looking: Looking, why: str) -> None:
        """Tell of a name that cannot be resolved when that begins, and when it ends."""
        before = self._unresolved.pop(look, None)
        if why:
            self._unresolved[look] = why
        if (before is None) == (not why):
            return
        text = self._text(look, looking)
        _log.warning("%s", text)
        self._told([step.resource for each in looking.clusters for step in each.origin[:1]], text, not why)

    def _text(self, look: Look, looking: Looking) -> str:
        name = f"the name {look.name} of upstream {_listed(looking.clusters)}"
        why, stay = self._unresolved.get(look), len(self._known.get(look, ()))
        if why is None:
            return f"{name} is resolved again"
        then = f"its {stay} address{'' if stay == 1 else 'es'} from before stay" if stay else _NOBODY
        return f"{name} cannot be resolved ({why}): {then}"

    def in_words(self) -> tuple[str, ...]:
        """Return what there is to say now of the names that cannot be resolved."""
        return tuple(self._text(look, self._looking[look]) for look in self._unresolved)

    # -- counts ----------------------------------------------------------------------------------

    def _count(self, looking: Looking, what: str) -> None:
        for each in looking.clusters:
            self._counted.setdefault(each.name, Counter())[what] += 1

    def states(self) -> dict[Scope, State]:
        """Return how often the names of each cluster were looked up, and what came of it, by Envoy's names."""
        return {
            ("cluster", name): State({f"update_{each}": counted[each] for each in _COUNTERS})
            for name, counted in self._counted.items()
        }

    def forget(self) -> None:
        """Begin to count at zero."""
        for counted in self._counted.values():
            counted.clear()

    def close(self) -> None:
        """Look nothing up any more."""
        for looking in self._looking.values():
            _stop(looking)


def _stop(looking: Looking) -> None:
    if looking.task is not None:
        looking.task.cancel()


def _by_name(model: Model) -> Iterable[Cluster]:
    return (each for each in model.clusters if each.type is ClusterType.STRICT_DNS)


def _wanted(model: Model) -> dict[Look, tuple[Cluster, ...]]:
    """Return what is to be looked up, and for which clusters."""
    found: dict[Look, list[Cluster]] = {}
    for cluster in _by_name(model):
        for endpoint in cluster.endpoints:
            found.setdefault(_look(cluster, endpoint), []).append(cluster)
    return {look: tuple(clusters) for look, clusters in found.items()}


def _look(cluster: Cluster, endpoint: Endpoint) -> Look:
    return Look(endpoint.address, cluster.dns_refresh_rate, cluster.respect_dns_ttl)


def _listed(clusters: tuple[Cluster, ...]) -> str:
    names = list(dict.fromkeys(each.name for each in clusters))
    more = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")

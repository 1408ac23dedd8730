"""The status an object is shown with: its own where a controller wrote one, Gloo's from the problems it has.

Gloo's shape and reason texts: `.status.statuses`, section "Status object" of Gloo Edge's API (solo-kit's reporter).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from edgesim.config.serving import Served
from edgesim.config.store import Entry, Store, published
from edgesim.config.waiting import cause, held_back
from edgesim.control.reported import wording
from edgesim.dialects import INSTALL_NAMESPACE
from edgesim.dialects.kinds import GATEWAY, GLOO, Kind
from edgesim.inspect.proxies import on_proxy
from edgesim.model import Model, Problem, ResourceKey, Severity, VirtualHost

if TYPE_CHECKING:
    from edgesim.control.instance import Instance

PROXY: Final = f"*v1.Proxy.gateway-proxy_{INSTALL_NAMESPACE}"
"""The name of the Proxy in `subresourceStatuses`."""

_REPORTER = "gloo"
WITH_SUBRESOURCES: Final = frozenset({"VirtualService", "Gateway"})
_NOTHING: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class ProblemIndex:
    """The problems of each resource, with those it suffers from; the RouteTables in use; the Proxy's status."""

    by_resource: dict[ResourceKey, list[Problem]] = field(default_factory=dict)
    tables: frozenset[ResourceKey] = frozenset()
    proxy: dict[str, Any] = field(default_factory=dict)
    waiting: dict[ResourceKey, tuple[str, ...]] = field(default_factory=dict)
    """What has to be mended before the newest version of a resource is served."""

    def of(self, key: ResourceKey) -> Sequence[Problem]:
        """Return what is wrong with a resource, and what is wrong elsewhere and reaches it."""
        return self.by_resource.get(key, _NOTHING)


def index_problems(
    problems: Iterable[Problem], model: Model, store: Store, delegation: Delegation | None = None
) -> ProblemIndex:
    """Go through everything once, so that each of 25,000 objects finds its own at once."""
    by_resource: dict[ResourceKey, list[Problem]] = {}
    grave = [problem for problem in problems if problem.severity is not Severity.NOTE]
    for problem in grave:
        for key in dict.fromkeys((*([problem.resource] if problem.resource else ()), *problem.affects)):
            by_resource.setdefault(key, []).append(problem)
    tables = (delegation or Delegation()).tables(model) | {
        problem.resource for problem in grave if problem.resource is not None and problem.affects
    }
    used = frozenset(key for key in tables if key.kind == "RouteTable")
    of_proxy = [(problem, problem.resource) for problem in grave if on_proxy(problem) and problem.resource is not None]
    return ProblemIndex(by_resource, used, _reported(_texts(of_proxy, store)))


@dataclass(slots=True)
class Delegation:
    """The RouteTables of each virtual host, looked for again only where the host is another."""

    _known: dict[int, tuple[VirtualHost, frozenset[ResourceKey]]] = field(default_factory=dict)

    def tables(self, model: Model) -> set[ResourceKey]:
        """Return the resources that virtual hosts delegate to."""
        before, self._known = self._known, {}
        for host in model.virtual_hosts:
            kept = before.get(id(host))
            self._known[id(host)] = kept if kept is not None else (host, _tables_of(host))
        return {key for _, tables in self._known.values() for key in tables}


def _tables_of(host: VirtualHost) -> frozenset[ResourceKey]:
    return frozenset(step.resource for route in host.routes for step in route.origin[1:])


@dataclass(slots=True)
class Statuses:
    """The index of what is served now; it is made anew when something else is."""

    key: tuple[object, object] | None = None
    index: ProblemIndex = field(default_factory=ProblemIndex)
    delegation: Delegation = field(default_factory=Delegation)

    def index_of(self, instance: Instance) -> ProblemIndex:
        """Return the index of an instance's problems."""
        problems, model = instance.problems, instance.translation.model
        if self.key is None or self.key[0] is not problems or self.key[1] is not model:
            index = index_problems(problems, model, instance.store, self.delegation)
            self.index, self.key = replace(index, waiting=_waiting(instance.served, model)), (problems, model)
        return self.index

    def shown(self, instance: Instance, entry: Entry) -> dict[str, Any]:
        """Return an object as the API shows it, with the status it has now."""
        return published(entry, entry.status if entry.status is not None else self.computed(instance, entry))

    def computed(self, instance: Instance, entry: Entry) -> dict[str, Any] | None:
        """Return the status of an object that follows from what is served; None where none does."""
        kind = entry.resource.kind
        if has_gloo_status(kind):
            return gloo_status(self.index_of(instance), entry.resource.key, instance.store)
        if kind.kind == "Namespace":
            return {"phase": "Active"}
        return {"loadBalancer": {}} if kind.kind == "Service" else None


def has_gloo_status(kind: Kind) -> bool:
    """Tell whether Gloo reports a status of a kind."""
    return kind.group in (GATEWAY, GLOO) and kind.kind != "Settings"


def _waiting(served: Served, newest: Model) -> dict[ResourceKey, tuple[str, ...]]:
    return {each.resource: tuple(map(cause, each.blockers)) for each in held_back(served, newest)}


def problems_of(problems: Iterable[Problem], key: ResourceKey) -> tuple[Problem, ...]:
    """Return the problems of one resource."""
    return tuple(problem for problem in problems if problem.resource == key)


def gloo_status(index: ProblemIndex, key: ResourceKey, store: Store) -> dict[str, Any]:
    """Return the status Gloo reports of one resource."""
    if key.kind == "Proxy":
        return {"statuses": {INSTALL_NAMESPACE: index.proxy}}
    found = _texts([(problem, key) for problem in index.of(key)], store)
    if key.kind == "Upstream":  # the sanitizer takes its cluster away, and makes warnings of its errors
        found = _Texts((), (*found.errors, *found.warnings))
    reported = _reported(found)
    if key.kind in WITH_SUBRESOURCES or key in index.tables:
        reported["subresourceStatuses"] = {PROXY: index.proxy}
    if key in index.waiting:
        # Gloo knows no such state; `details` is where its reporters put what else is to be said.
        reported["details"] = {"heldUpBy": [*index.waiting[key]]}
    return {"statuses": {INSTALL_NAMESPACE: reported}}


@dataclass(frozen=True, slots=True)
class _Texts:
    errors: tuple[str, ...]
    warnings: tuple[str, ...]


def _texts(found: Iterable[tuple[Problem, ResourceKey]], store: Store) -> _Texts:
    """Word problems for those who have or suffer from them."""
    texts: dict[Severity, dict[str, None]] = {Severity.ERROR: {}, Severity.WARNING: {}}
    for problem, sufferer in found:
        owner = store.get(problem.resource) if problem.resource is not None else None
        text = wording(problem, sufferer, owner.resource.manifest if owner is not None else None)
        texts[problem.severity][text] = None
    return _Texts(tuple(texts[Severity.ERROR]), tuple(texts[Severity.WARNING]))


def _reported(texts: _Texts) -> dict[str, Any]:
    state = "Rejected" if texts.errors else "Warning" if texts.warnings else "Accepted"
    reported = {"reportedBy": _REPORTER, "state": state}
    if texts.errors or texts.warnings:
        reported["reason"] = _reason(texts)
    return reported


def _reason(texts: _Texts) -> str:
    parts = []
    if texts.errors:
        count = "1 error" if len(texts.errors) == 1 else f"{len(texts.errors)} errors"
        parts.append(f"{count} occurred:\n" + "".join(f"\t* {error}\n" for error in texts.errors) + "\n")
    if texts.warnings:
        parts.append("warning: \n  " + "\n".join(texts.warnings))
    return "\n".join(parts)

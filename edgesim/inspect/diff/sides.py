"""Two models on one listener, as the router decides them: what a request comes to on each side."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from edgesim.inspect.diff.outcomes import NO_ROUTE, Outcome, Outcomes
from edgesim.inspect.listeners import served_hosts
from edgesim.model import Cluster, Listener, Model, RequestHead, Route, VirtualHost
from edgesim.routing import Decision, Hosts, RouteTable, Split, compile_host, find_host, lookup, table_of


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the router makes of a request: its host, its route (None where none takes it), and what that comes to."""

    host: VirtualHost | None
    route: Route | None
    outcome: Outcome


@dataclass(slots=True)
class Side:
    """One model on one listener; virtual hosts are compiled when a request comes to them."""

    model: Model
    listener: Listener | None
    clusters: Mapping[str, Cluster]
    hosts: tuple[VirtualHost, ...]
    _by_domain: Hosts[VirtualHost] = field(init=False)
    _tables: dict[int, RouteTable] = field(default_factory=dict)
    _outcomes: dict[int, Outcomes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._by_domain = Hosts((domain, host) for host in self.hosts for domain in host.domains)

    def outcomes(self, host: VirtualHost | None) -> Outcomes:
        """Return what the routes of a virtual host come to."""
        found = self._outcomes.get(id(host))
        if found is None:
            specific = self.listener is not None and self.listener.options.most_specific_mutations_win
            found = self._outcomes[id(host)] = Outcomes(host, self.clusters, specific)
        return found

    def host(self, authority: bytes) -> VirtualHost | None:
        """Return the virtual host that takes a Host."""
        return find_host(self._by_domain, authority)

    def decide(self, head: RequestHead) -> Verdict:
        """Decide a request. Raises ValueError as `compile_host`."""
        host = self.host(head.authority)
        target = None if host is None else lookup(self._table(host), head)
        if target is None:
            return Verdict(host, None, NO_ROUTE)
        if isinstance(target, Split):
            decision: Decision = target.arms[0]
        else:
            decision = target if isinstance(target, Decision) else target(head)
        return Verdict(host, decision.route, self.outcomes(host).of_match(decision.route, decision.match))

    def _table(self, host: VirtualHost) -> RouteTable:
        found = self._tables.get(id(host))
        if found is None:
            scheme = b"https" if self.listener is not None and self.listener.tls else b"http"
            found = self._tables[id(host)] = table_of((compile_host(host),), scheme)
        return found


@dataclass(frozen=True, slots=True)
class Pair:
    """One listener of both models; a side is without hosts where the listener is not there."""

    name: str
    tls: bool
    before: Side
    after: Side

    @property
    def listener(self) -> Listener:
        """Return the listener that reads requests: the new one, or the old one where that is gone."""
        found = self.after.listener or self.before.listener
        assert found is not None
        return found


def pairs(before: Model, after: Model) -> list[Pair]:
    """Pair the listeners of two models: by name, those left by port."""
    clusters = [{cluster.name: cluster for cluster in model.clusters} for model in (before, after)]
    left = list(after.listeners)
    found: list[tuple[Listener | None, Listener | None]] = []
    for same in (_same_name, _same_port):
        paired = {id(one) for one, _ in found}
        for listener in before.listeners:
            other = next((each for each in left if same(listener, each)), None) if id(listener) not in paired else None
            if other is not None:
                left.remove(other)
                found.append((listener, other))
    paired = {id(one) for one, _ in found}
    found += [(listener, None) for listener in before.listeners if id(listener) not in paired]
    found += [(None, listener) for listener in left]
    return [_pair(one, other, (before, after), clusters) for one, other in found]


def _same_name(one: Listener, other: Listener) -> bool:
    return one.name == other.name


def _same_port(one: Listener, other: Listener) -> bool:
    return (one.tls, one.port) == (other.tls, other.port)


def _pair(
    old: Listener | None, new: Listener | None, models: tuple[Model, Model], clusters: list[dict[str, Cluster]]
) -> Pair:
    made = [
        Side(model, listener, known, () if listener is None else tuple(served_hosts(model, listener)))
        for model, listener, known in zip(models, (old, new), clusters, strict=True)
    ]
    named = new or old
    assert named is not None
    return Pair(named.name, named.tls, made[0], made[1])


def changed_clusters(before: Iterable[Cluster], after: Iterable[Cluster]) -> frozenset[str]:
    """Return the names of clusters that are not what they were, wherever they are written."""
    old, new = ({each.name: replace(each, origin=()) for each in side} for side in (before, after))
    return frozenset(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))

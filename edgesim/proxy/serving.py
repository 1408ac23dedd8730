"""What a worker serves: one immutable snapshot of compiled routes, swapped whole."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from edgesim.model import (
    DEFAULT_LISTENERS,
    Assignments,
    Cluster,
    ForwardAction,
    Listener,
    VirtualHost,
    is_served,
)
from edgesim.policies.jwt import JwtRules, compile_jwt
from edgesim.policies.remote import compile_remote
from edgesim.proxy.clusters import ClusterRuntime
from edgesim.proxy.deltas import Delta
from edgesim.proxy.messages import Memory, Response
from edgesim.proxy.own_address import own_address
from edgesim.proxy.plan import Buckets, Plan
from edgesim.proxy.rules import AllRules
from edgesim.proxy.tls import Contexts, contexts, downstream_context, upstream_context
from edgesim.routing import Decision, HostTable, RouteTable, compile_host, table_of

HTTP, HTTPS = b"http", b"https"


class UncompilableError(ValueError):
    """What cannot be served, and the name of the virtual host or cluster it is in."""

    def __init__(self, reason: str, culprit: str) -> None:
        """Say why, and whose fault it is."""
        super().__init__(reason)
        self.culprit = culprit


@dataclass(frozen=True, slots=True, eq=False)
class CompiledHost:
    """A virtual host's routes, and its rules for tokens where it has any."""

    table: HostTable
    tokens: JwtRules | None


class ListenerSnapshot:
    """What one listener serves in one version. Plans are made when first needed and kept."""

    __slots__ = ("_buckets", "_rules", "clusters", "contexts", "name", "options", "plans", "remote", "table", "tokens")

    def __init__(
        self,
        listener: Listener,
        hosts: Sequence[CompiledHost],
        clusters: Mapping[str, ClusterRuntime],
    ) -> None:
        """Bind a listener's compiled virtual hosts, which other listeners may share, to clusters by name."""
        self.name = listener.name
        self.options = listener.options
        self.remote = compile_remote(listener.options, own_address())
        self.table: RouteTable = table_of([host.table for host in hosts], HTTPS if listener.tls else HTTP)
        configured = (host.table.virtual_host.tls for host in hosts)
        self.contexts: Contexts = contexts(tls for tls in configured if tls is not None)
        self.tokens = {host.table.virtual_host.name: host.tokens for host in hosts if host.tokens is not None}
        self.clusters = clusters
        self.plans: dict[Decision, Plan] = {}
        self._buckets: Buckets = {}
        self._rules = AllRules(listener.options)

    def plan(self, decision: Decision) -> Plan:
        """Make the plan for a decision; one whose cluster a request names is not kept, or they would pile up."""
        name = decision.destination.cluster if decision.destination is not None else ""
        plan = Plan(decision, self.clusters.get(name), self._rules.of(decision), self._buckets)
        if not (isinstance(decision.action, ForwardAction) and decision.action.cluster_header):
            self.plans[decision] = plan
        return plan


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """A version: every listener by name, and the clusters their routes lead to."""

    version: int
    listeners: Mapping[str, ListenerSnapshot]
    clusters: Mapping[str, ClusterRuntime]


class Compiler:
    """Turns deltas into snapshots, compiling only the virtual hosts that changed.

    Clusters keep their pools and turns from one version to the next.
    """

    def __init__(self, start: Callable[[], int], responses: Memory[Response]) -> None:
        """Take the draw of where a round robin begins, and the memory of response heads."""
        self._responses = responses
        self._start = start
        self._listeners = {listener.name: listener for listener in DEFAULT_LISTENERS}
        self._hosts: dict[str, CompiledHost] = {}
        self._clusters: dict[str, ClusterRuntime] = {}
        self._assignments: Assignments = {}

    def snapshot(self, delta: Delta) -> Snapshot:
        """Return the snapshot a delta leads to.

        Raises UncompilableError, and changes nothing, for what cannot be compiled (see `routing.compile_host`)
        or a certificate that cannot be used.
        """
        compiled = {host.name: _compiled(host) for host in delta.hosts}
        _check_certificates(delta.clusters)
        hosts = {name: host for name, host in self._hosts.items() if name not in delta.hosts_gone} | compiled
        listeners = {name: each for name, each in self._listeners.items() if name not in delta.listeners_gone}
        listeners |= {each.name: each for each in delta.listeners}
        self._hosts, self._listeners = hosts, listeners
        self._update_clusters(delta)
        clusters = dict(self._clusters)
        served = {name: ListenerSnapshot(each, self._served_by(each), clusters) for name, each in listeners.items()}
        return Snapshot(delta.version, served, clusters)

    def _served_by(self, listener: Listener) -> list[CompiledHost]:
        return [host for host in self._hosts.values() if is_served(host.table.virtual_host, listener)]

    def _update_clusters(self, delta: Delta) -> None:
        for name in delta.clusters_gone:
            if (gone := self._clusters.pop(name, None)) is not None:
                gone.retire()
        for name in delta.assignments_gone:
            self._assignments.pop(name, None)
        assigned = delta.assignments or {}
        self._assignments |= assigned
        configured = {cluster.name: cluster for cluster in delta.clusters}
        for name in configured.keys() | assigned.keys() | delta.assignments_gone:
            runtime = self._clusters.get(name)
            cluster = configured.get(name) or (runtime.cluster if runtime is not None else None)
            if cluster is None:
                continue
            if runtime is None:
                runtime = self._clusters[name] = ClusterRuntime(cluster, self._start, self._responses)
            runtime.update(cluster, cluster.endpoints or self._assignments.get(name, ()))


@contextmanager
def _blaming(name: str) -> Iterator[None]:
    try:
        yield
    except ValueError as wrong:
        raise UncompilableError(str(wrong), name) from wrong


def _compiled(host: VirtualHost) -> CompiledHost:
    with _blaming(host.name):
        tokens = None if host.policies.jwt is None else compile_jwt(host.policies.jwt)
        if host.tls is not None:
            downstream_context(host.tls)
        return CompiledHost(compile_host(host), tokens)


def _check_certificates(clusters: Iterable[Cluster]) -> None:
    """Find what OpenSSL refuses before anything is changed."""
    for cluster in clusters:
        if cluster.tls is not None:
            with _blaming(cluster.name):
                upstream_context(cluster.tls)

"""What a worker serves: one immutable snapshot of compiled routes, swapped whole."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from edgesim.model import Assignments, Cluster, ForwardAction, ListenerOptions, VirtualHost
from edgesim.policies.jwt import JwtRules
from edgesim.policies.remote import RemoteRules, compile_remote
from edgesim.proxy.clusters import ClusterRuntime
from edgesim.proxy.deltas import Delta
from edgesim.proxy.messages import Memory, Response
from edgesim.proxy.own_address import own_address
from edgesim.proxy.plan import Buckets, Plan
from edgesim.proxy.tls import Contexts, contexts, downstream_context, upstream_context
from edgesim.proxy.tokens import rules_of
from edgesim.routing import Decision, HostTable, RouteTable, compile_host, table_of

HTTP, HTTPS = b"http", b"https"


class UncompilableError(ValueError):
    """What cannot be served, and the name of the virtual host or cluster it is in."""

    def __init__(self, reason: str, culprit: str) -> None:
        """Say why, and whose fault it is."""
        super().__init__(reason)
        self.culprit = culprit


class Snapshot:
    """A version's routes with the clusters they lead to. Plans are made when first needed and kept."""

    __slots__ = (
        "_buckets",
        "_options",
        "_remote",
        "clusters",
        "contexts",
        "plans",
        "tables",
        "tokens",
        "version",
    )

    def __init__(
        self,
        version: int,
        tables: dict[bytes, RouteTable],
        clusters: dict[str, ClusterRuntime],
        options: dict[bytes, ListenerOptions],
        contexts: Contexts,
        tokens: dict[str, JwtRules],
    ) -> None:
        """Bind the compiled routes and the options of each scheme to clusters by name."""
        self.version = version
        self.tables = tables
        self.clusters = clusters
        self._options = options
        self._buckets: dict[bytes, Buckets] = {scheme: {} for scheme in options}
        self._remote = {scheme: compile_remote(chosen, own_address()) for scheme, chosen in options.items()}
        self.contexts = contexts
        self.tokens = tokens
        self.plans: dict[Decision, Plan] = {}

    def options_of(self, scheme: bytes) -> ListenerOptions:
        """Return the options of the plain listener (`http`) or the TLS listener (`https`)."""
        return self._options[scheme]

    def remote_of(self, scheme: bytes) -> RemoteRules:
        """Return how the clients of a listener are known."""
        return self._remote[scheme]

    def plan(self, decision: Decision) -> Plan:
        """Make the plan for a decision; one whose cluster a request names is not kept, or they would pile up."""
        name = decision.destination.cluster if decision.destination is not None else ""
        scheme = HTTP if decision.virtual_host.tls is None else HTTPS
        plan = Plan(decision, self.clusters.get(name), self._options[scheme], self._buckets[scheme])
        if not (isinstance(decision.action, ForwardAction) and decision.action.cluster_header):
            self.plans[decision] = plan
        return plan


class Compiler:
    """Turns deltas into snapshots, compiling only the virtual hosts that changed.

    Clusters keep their pools and turns from one version to the next.
    """

    def __init__(self, start: Callable[[], int], responses: Memory[Response]) -> None:
        """Take the draw of where a round robin begins, and the memory of response heads."""
        self._responses = responses
        self._start = start
        self._hosts: dict[str, HostTable] = {}
        self._clusters: dict[str, ClusterRuntime] = {}
        self._assignments: Assignments = {}

    def snapshot(self, delta: Delta) -> Snapshot:
        """Return the snapshot a delta leads to.

        Raises UncompilableError, and changes nothing, for what cannot be compiled (see `routing.compile_host`)
        or a certificate that cannot be used.
        """
        compiled = {host.name: _compiled(host) for host in delta.hosts}
        _check_certificates(delta.clusters)
        hosts = {name: table for name, table in self._hosts.items() if name not in delta.hosts_gone} | compiled
        contexts_by_name = contexts(t.virtual_host.tls for t in hosts.values() if t.virtual_host.tls is not None)
        tokens = rules_of(table.virtual_host for table in hosts.values())
        self._hosts = hosts
        self._update_clusters(delta)
        tables = {
            HTTP: table_of(t for t in hosts.values() if t.virtual_host.tls is None),
            HTTPS: table_of((t for t in hosts.values() if t.virtual_host.tls is not None), HTTPS),
        }
        options = {HTTP: delta.listener, HTTPS: delta.tls_listener}
        return Snapshot(delta.version, tables, dict(self._clusters), options, contexts_by_name, tokens)

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


def _compiled(host: VirtualHost) -> HostTable:
    with _blaming(host.name):
        rules_of((host,))
        if host.tls is not None:
            downstream_context(host.tls)
        return compile_host(host)


def _check_certificates(clusters: Iterable[Cluster]) -> None:
    """Find what OpenSSL refuses before anything is changed."""
    for cluster in clusters:
        if cluster.tls is not None:
            with _blaming(cluster.name):
                upstream_context(cluster.tls)

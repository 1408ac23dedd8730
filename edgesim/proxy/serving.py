"""What a worker serves: one immutable snapshot of compiled routes, swapped whole."""

from __future__ import annotations

from collections.abc import Callable

from edgesim.model import Assignments, ForwardAction, ListenerOptions
from edgesim.policies.jwt import JwtRules
from edgesim.policies.remote import compile_remote
from edgesim.proxy.clusters import ClusterRuntime
from edgesim.proxy.deltas import Delta
from edgesim.proxy.messages import Memory, Response
from edgesim.proxy.plan import Plan
from edgesim.proxy.tls import Contexts, contexts
from edgesim.proxy.tokens import rules_of
from edgesim.routing import Decision, HostTable, RouteTable, compile_host, table_of


class Snapshot:
    """A version's routes with the clusters they lead to. Plans are made when first needed and kept."""

    __slots__ = ("clusters", "contexts", "options", "plans", "remote", "tables", "tokens", "version")

    def __init__(
        self,
        version: int,
        tables: dict[bytes, RouteTable],
        clusters: dict[str, ClusterRuntime],
        options: ListenerOptions,
        contexts: Contexts,
        tokens: dict[str, JwtRules],
    ) -> None:
        """Bind the compiled routes of each scheme to clusters by name."""
        self.version = version
        self.tables = tables
        self.clusters = clusters
        self.options = options
        self.remote = compile_remote(options)
        self.contexts = contexts
        self.tokens = tokens
        self.plans: dict[Decision, Plan] = {}

    def plan(self, decision: Decision) -> Plan:
        """Make the plan for a decision; one whose cluster a request names is not kept, or they would pile up."""
        name = decision.destination.cluster if decision.destination is not None else ""
        plan = Plan(decision, self.clusters.get(name), self.options)
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

        Raises ValueError, and changes nothing, for what cannot be compiled (see `routing.compile_host`)
        or a certificate that cannot be used.
        """
        compiled = {host.name: compile_host(host) for host in delta.hosts}
        hosts = {name: table for name, table in self._hosts.items() if name not in delta.hosts_gone} | compiled
        contexts_by_name = contexts(t.virtual_host.tls for t in hosts.values() if t.virtual_host.tls is not None)
        tokens = rules_of(table.virtual_host for table in hosts.values())
        self._hosts = hosts
        self._update_clusters(delta)
        tables = {
            b"http": table_of(t for t in hosts.values() if t.virtual_host.tls is None),
            b"https": table_of((t for t in hosts.values() if t.virtual_host.tls is not None), b"https"),
        }
        return Snapshot(delta.version, tables, dict(self._clusters), delta.listener, contexts_by_name, tokens)

    def _update_clusters(self, delta: Delta) -> None:
        for name in delta.clusters_gone:
            self._clusters.pop(name).retire()
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

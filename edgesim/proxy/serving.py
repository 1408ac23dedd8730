"""What a worker serves: one immutable snapshot of compiled routes, swapped whole."""

from __future__ import annotations

from collections.abc import Callable

from edgesim.model import ForwardAction, Update, VirtualHost
from edgesim.proxy.clusters import ClusterRuntime
from edgesim.proxy.messages import Memory, Response
from edgesim.proxy.plan import Plan
from edgesim.routing import Decision, HostTable, RouteTable, compile_host, table_of


class Snapshot:
    """A version's routes with the clusters they lead to. Plans are made when first needed and kept."""

    __slots__ = ("clusters", "plans", "table", "version")

    def __init__(self, version: int, table: RouteTable, clusters: dict[str, ClusterRuntime]) -> None:
        """Bind compiled routes to clusters by name."""
        self.version = version
        self.table = table
        self.clusters = clusters
        self.plans: dict[Decision, Plan] = {}

    def plan(self, decision: Decision) -> Plan:
        """Make the plan for a decision; one whose cluster a request names is not kept, or they would pile up."""
        name = decision.destination.cluster if decision.destination is not None else ""
        plan = Plan(decision, self.clusters.get(name))
        if not (isinstance(decision.action, ForwardAction) and decision.action.cluster_header):
            self.plans[decision] = plan
        return plan


class Compiler:
    """Turns updates into snapshots, compiling only the virtual hosts that changed.

    Clusters keep their pools and turns from one update to the next.
    """

    def __init__(self, start: Callable[[], int], responses: Memory[Response]) -> None:
        """Take the draw of where a round robin begins, and the memory of response heads."""
        self._responses = responses
        self._start = start
        self._hosts: dict[str, HostTable] = {}
        self._clusters: dict[str, ClusterRuntime] = {}

    def snapshot(self, update: Update) -> Snapshot:
        """Return the snapshot of an update. Raises ValueError as `routing.compile_host` does."""
        self._hosts = {host.name: self._compiled(host.name, host) for host in update.model.virtual_hosts}
        clusters = {}
        for cluster in update.model.clusters:
            runtime = self._clusters.get(cluster.name) or ClusterRuntime(cluster, self._start, self._responses)
            runtime.update(cluster, cluster.endpoints or update.assignments.get(cluster.name, ()))
            clusters[cluster.name] = runtime
        for gone in self._clusters.keys() - clusters.keys():
            self._clusters[gone].retire()
        self._clusters = clusters
        return Snapshot(update.version, table_of(self._hosts.values()), clusters)

    def _compiled(self, name: str, host: VirtualHost) -> HostTable:
        old = self._hosts.get(name)
        return old if old is not None and old.virtual_host == host else compile_host(host)

"""What a worker serves: one immutable snapshot of compiled routes, swapped whole."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from edgesim.balancing import Address, build_at_once
from edgesim.balancing.hashing import Build
from edgesim.model import (
    DEFAULT_LISTENERS,
    Assignments,
    Cluster,
    ForwardAction,
    Listener,
    UpdateRefusedError,
    VirtualHost,
    endpoints_of,
    is_served,
)
from edgesim.policies.jwt import JwtRules, compile_jwt
from edgesim.policies.remote import RemoteRules, compile_remote
from edgesim.proxy.breakages import Breakages
from edgesim.proxy.clusters import ClusterRuntime
from edgesim.proxy.deltas import Delta, put_together
from edgesim.proxy.messages import Memory, Response
from edgesim.proxy.own_address import own_address
from edgesim.proxy.plan import Buckets, Plan
from edgesim.proxy.shared_rules import AllRules
from edgesim.proxy.tls import Contexts, contexts, downstream_context, upstream_context
from edgesim.routing import Decision, HostTable, RouteTable, Steps, compile_in_steps, finish, replace_hosts, table_of
from edgesim.telemetry.sources import NEVER

HTTP, HTTPS = b"http", b"https"
_MOST_VERSIONS = 64
"""Versions with other routes that plans may be kept through."""


@dataclass(frozen=True, slots=True, eq=False)
class CompiledHost:
    """A virtual host's routes, and its rules for tokens where it has any."""

    table: HostTable
    tokens: JwtRules | None


class ListenerSnapshot:
    """What one listener serves in one version. Plans are made when first needed and kept, also from version to version."""

    __slots__ = (
        "_buckets",
        "_rules",
        "_versions",
        "claims",
        "clusters",
        "contexts",
        "listener",
        "options",
        "plans",
        "remote",
        "shortest_idle",
        "table",
        "tokens",
    )

    def __init__(self, listener: Listener, clusters: Mapping[str, ClusterRuntime]) -> None:
        """Begin without virtual hosts; `join` or `keep_table` comes next."""
        self.listener = listener
        self.options = listener.options
        self.clusters = clusters
        self.remote: RemoteRules
        self.table: RouteTable
        self.contexts: Contexts
        self.tokens: dict[str, JwtRules]
        self.claims: frozenset[bytes]
        """The headers that claims of any virtual host's tokens are copied to."""
        self.plans: dict[object, Plan] = {}
        """By the kind of a decision."""
        self.shortest_idle = NEVER
        """The shortest idle timeout of the routes that were asked for, in seconds."""
        self._buckets: Buckets = {}
        self._rules = AllRules(listener.options)
        self._versions = 0

    def join(self, hosts: Sequence[CompiledHost]) -> None:
        """Serve compiled virtual hosts, which other listeners may share."""
        self.remote = compile_remote(self.options, own_address())
        self.table = table_of([host.table for host in hosts], HTTPS if self.listener.tls else HTTP)
        configured = (host.table.virtual_host.tls for host in hosts)
        self.contexts = contexts(tls for tls in configured if tls is not None)
        self.tokens = {host.table.virtual_host.name: host.tokens for host in hosts if host.tokens is not None}
        self.claims = frozenset[bytes]().union(*(rules.drops for rules in self.tokens.values()))

    def keep_table(self, before: ListenerSnapshot) -> None:
        """Serve the same virtual hosts as a version before."""
        self.remote, self.table = before.remote, before.table
        self.contexts, self.tokens, self.claims = before.contexts, before.tokens, before.claims

    def replace_in(self, before: ListenerSnapshot, changes: Sequence[tuple[CompiledHost, CompiledHost]]) -> bool:
        """Serve what a version before did but for hosts that say other things; return whether that is all there is to do.

        Where a host's domains, certificates or tokens are others, everything has to be joined anew.
        """
        for old, new in changes:
            if old.tokens or new.tokens or old.table.virtual_host.tls != new.table.virtual_host.tls:
                return False
        ours = [(old.table, new.table) for old, new in changes if is_served(new.table.virtual_host, self.listener)]
        table = replace_hosts(before.table, ours)
        if table is not None:
            self.keep_table(before)
            self.table = table
        return table is not None

    def keep_plans(self, before: ListenerSnapshot, *, same_hosts: bool) -> None:
        """Go on with the plans of a version before: its decisions, where they are served still, lead to the same clusters.

        Those of routes that are gone are in the way until, after some versions, all begin anew. Where rates are
        limited, a change of routes fills the buckets again, as it does in Envoy.
        """
        if not same_hosts and (before._buckets or before._versions >= _MOST_VERSIONS):  # of the same class
            return
        self.plans, self._buckets, self._rules = before.plans, before._buckets, before._rules  # as above
        self._versions = before._versions + (not same_hosts)  # as above

    def plan_of(self, decision: Decision) -> Plan:
        """Return the plan for a decision."""
        return self.plans.get(decision.kind) or self.plan(decision)

    def plan(self, decision: Decision) -> Plan:
        """Make the plan for a decision; one whose cluster a request names is not kept, or they would pile up."""
        name = decision.destination.cluster if decision.destination is not None else ""
        plan = Plan(decision, self.clusters.get(name), self._rules.of(decision), self._buckets)
        self.shortest_idle = min(self.shortest_idle, plan.rules.idle_timeout or NEVER)
        if not (isinstance(decision.action, ForwardAction) and decision.action.cluster_header):
            self.plans[decision.kind] = plan
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

    def __init__(
        self,
        draw: Callable[[], int],
        clock: Callable[[], float],
        responses: Memory[Response],
        build: Build = build_at_once,
    ) -> None:
        """Take what draws 64 bits, the monotonic clock, the memory of response heads, and what makes hash tables."""
        self._responses = responses
        self._build = build
        self._draw = draw
        self._clock = clock
        self._listeners = {listener.name: listener for listener in DEFAULT_LISTENERS}
        self._hosts: dict[str, CompiledHost] = {}
        self._clusters: dict[str, ClusterRuntime] = {}
        self._assignments: Assignments = {}
        self._breakages: Breakages = {}
        self._passing: dict[str, dict[Address, bool]] = {}
        self._snapshots: dict[str, ListenerSnapshot] = {}

    def snapshot(self, delta: Delta) -> Snapshot:
        """Return the snapshot a delta leads to, at once; raises as `prepare`."""
        return self.finish(delta, finish(self.prepare(delta)))

    def prepare(self, delta: Delta) -> Steps[dict[str, CompiledHost]]:
        """Compile the virtual hosts of a delta, in steps.

        Raises UpdateRefusedError, and changes nothing, for what cannot be compiled (see `routing.compile_host`)
        or a certificate that cannot be used.
        """
        _check_certificates(delta.clusters)
        routes = iter(delta.routes)
        compiled: dict[str, CompiledHost] = {}
        for host in delta.hosts:
            compiled[host.name] = yield from _compiled(host, self._hosts.get(host.name))
        for change in delta.changed:
            before = self._hosts.get(change.host.name)
            old = () if before is None else before.table.virtual_host.routes
            compiled[change.host.name] = yield from _compiled(put_together(change, old, routes), before)
            yield
        return compiled

    def finish(self, delta: Delta, compiled: dict[str, CompiledHost]) -> Snapshot:
        """Return the snapshot a delta leads to, when its virtual hosts are compiled."""
        replaced = _replaced(self._hosts, compiled, delta)
        hosts = self._hosts | compiled
        for name in delta.hosts_gone:
            hosts.pop(name, None)
        listeners = {name: each for name, each in self._listeners.items() if name not in delta.listeners_gone}
        listeners |= {each.name: each for each in delta.listeners}
        same_hosts = not compiled and not delta.hosts_gone
        self._hosts, self._listeners = hosts, listeners
        same_clusters = self._update_clusters(delta)
        clusters = dict(self._clusters)
        served: dict[str, ListenerSnapshot] = {}
        for name, each in listeners.items():
            made = ListenerSnapshot(each, clusters)
            before = self._snapshots.get(name)
            known = before is not None and before.listener is each and replaced is not None
            if not known or before is None or replaced is None or not made.replace_in(before, replaced):
                made.join(self._served_by(each))
            if before is not None and before.listener.options == each.options and same_clusters:
                made.keep_plans(before, same_hosts=same_hosts)
            served[name] = made
        self._snapshots = served
        return Snapshot(delta.version, served, clusters)

    def _served_by(self, listener: Listener) -> list[CompiledHost]:
        return [host for host in self._hosts.values() if is_served(host.table.virtual_host, listener)]

    def _update_clusters(self, delta: Delta) -> bool:
        """Change clusters and endpoints; tell whether plans still lead where they led."""
        known = self._clusters.keys() - delta.clusters_gone
        same = len(known) == len(self._clusters) and known >= {cluster.name for cluster in delta.clusters}
        same = same and all(each.response == self._clusters[each.name].cluster.response for each in delta.clusters)
        for name in delta.clusters_gone:
            self._passing.pop(name, None)
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
                runtime = self._clusters[name] = self._new_runtime(cluster)
            runtime.update(cluster, endpoints_of(cluster, self._assignments), self._passing.get(name))
        return same

    def _new_runtime(self, cluster: Cluster) -> ClusterRuntime:
        made = ClusterRuntime(cluster, self._draw, self._clock, self._responses, self._build)
        made.breakages = self._breakages
        return made

    def break_(self, breakages: Breakages) -> None:
        """Let requests to what is named there fail, and all others not any more."""
        self._breakages = breakages
        for runtime in self._clusters.values():
            runtime.break_(breakages)

    def take_health(self, cluster: str, passing: Mapping[Address, bool | None]) -> None:
        """Take what active health checks found of endpoints of a cluster, which may be yet to come; None forgets one."""
        known = {**self._passing.get(cluster, {}), **passing}
        self._passing[cluster] = {address: passes for address, passes in known.items() if passes is not None}
        if cluster in self._clusters:
            self._clusters[cluster].take_health(passing)


def _replaced(
    hosts: Mapping[str, CompiledHost], compiled: Mapping[str, CompiledHost], delta: Delta
) -> list[tuple[CompiledHost, CompiledHost]] | None:
    """Return the hosts that are replaced, before and now; None where hosts come or go."""
    if delta.hosts_gone or not compiled.keys() <= hosts.keys():
        return None
    return [(hosts[name], new) for name, new in compiled.items()]


@contextmanager
def _blaming(name: str) -> Iterator[None]:
    try:
        yield
    except ValueError as wrong:
        raise UpdateRefusedError(str(wrong), name) from wrong


def _compiled(host: VirtualHost, before: CompiledHost | None) -> Steps[CompiledHost]:
    with _blaming(host.name):
        tokens = None if host.policies.jwt is None else compile_jwt(host.policies.jwt)
        if host.tls is not None:
            downstream_context(host.tls)
        table = yield from compile_in_steps(host, None if before is None else before.table)
        return CompiledHost(table, tokens)


def _check_certificates(clusters: Iterable[Cluster]) -> None:
    """Find what OpenSSL refuses before anything is changed."""
    for cluster in clusters:
        if cluster.tls is not None:
            with _blaming(cluster.name):
                upstream_context(cluster.tls)

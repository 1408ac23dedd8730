"""Resources become the model. Pure: the same resources give the same translation."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from edgesim.dialects.gloo.credentials import Judge, fault_of
from edgesim.dialects.gloo.gateways import read_gateways
from edgesim.dialects.gloo.memo import Memo
from edgesim.dialects.gloo.scope import ReadFile, Scope, no_files, scope_of
from edgesim.dialects.gloo.settings import read_settings
from edgesim.dialects.gloo.upstream_groups import check_upstream_groups
from edgesim.dialects.gloo.upstreams import read_kube_destinations, read_upstreams
from edgesim.dialects.gloo.virtual_services import read_virtual_services
from edgesim.dialects.resource import Resource
from edgesim.model import FALLBACK_CLUSTER, Cluster, ClusterType, Model, OriginStep, Position, Problem, ResourceKey


@dataclass(frozen=True, slots=True)
class Translation:
    """The model, as much of it as is sound, and every problem.

    A route with an error is left out and the rest stays, so that a caller may serve what can be
    served. `resources` are those that were translated.
    """

    model: Model
    problems: tuple[Problem, ...] = ()
    resources: Sequence[Resource] = field(default=(), repr=False)

    def where(self, step: OriginStep) -> Position:
        """Find the position of an origin. This looks through all resources and may parse text: ask for what is shown."""
        for resource in self.resources:
            if resource.name == step.name and resource.key == step.resource:
                return resource.source.locate(step.path)
        return Position(step.file, 1, 1)


def translate(
    resources: Iterable[Resource],
    read_file: ReadFile = no_files,
    memo: Memo | None = None,
    judge: Judge = fault_of,
) -> Translation:
    """Translate resources of all kinds; only Gloo's, Services and Secrets matter to the model.

    `read_file` returns the bytes of a file that `sslFiles` names; it raises OSError. With the `memo` of an
    earlier translation only what has changed since is read, and whatever of the model is as it was is the
    identical object. A memo belongs to one caller at a time. `judge` says what is wrong with certificates and keys.
    """
    memo = Memo() if memo is None else memo
    listed = list(resources)
    try:
        memo.begin(listed)
        return _translated(listed, scope_of(memo.shelves, read_file, judge), memo)
    except BaseException:
        memo.forget()  # what is half read must not be taken for whole
        raise


def _translated(listed: Sequence[Resource], scope: Scope, memo: Memo) -> Translation:
    of = memo.shelves.of
    read_settings(of("Settings"), scope)
    gates = read_gateways(of("Gateway"), of("VirtualService"), scope)
    memo.settle(scope)
    clusters = read_upstreams(of("Upstream"), scope, memo)
    check_upstream_groups(of("UpstreamGroup"), scope)
    hosts, listeners = read_virtual_services(of("VirtualService"), gates, scope, memo)
    clusters = memo.same("clusters", (*clusters, *read_kube_destinations(scope, memo), *_fallback(scope, memo)))
    model = Model(hosts, clusters, listeners)
    old = memo.kept("model", Model)
    if old is not None and old.virtual_hosts is hosts and old.clusters is clusters and old.listeners == listeners:
        model = old
    memo.keep("model", model)
    memo.end(scope)
    return Translation(model, joined(scope.problems), listed)


def _fallback(scope: Scope, memo: Memo) -> tuple[Cluster, ...]:
    """Return the cluster that answers for what is replaced, if anything is."""
    replacement = scope.replacement
    if replacement is None or not any(found.replaced for found in scope.problems):
        return ()
    kind = ClusterType.DIRECT_RESPONSE
    cluster = Cluster(FALLBACK_CLUSTER, kind, origin=replacement.origin, response=replacement.response)
    old = memo.kept(FALLBACK_CLUSTER, Cluster)
    cluster = old if old == cluster and old is not None else cluster
    memo.keep(FALLBACK_CLUSTER, cluster)
    return (cluster,)


def joined(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Make one problem of those that differ only in who suffers: a table's own, met on several ways."""
    found: dict[Problem, dict[ResourceKey, None]] = {}
    for problem in problems:
        found.setdefault(replace(problem, affects=()), {}).update(dict.fromkeys(problem.affects))
    return tuple(replace(problem, affects=tuple(affects)) for problem, affects in found.items())

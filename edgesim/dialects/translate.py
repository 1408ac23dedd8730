"""Resources become the model. Pure: the same resources give the same translation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from edgesim.dialects.gloo.gateways import read_gateways
from edgesim.dialects.gloo.scope import ReadFile, each_of, no_files, scope_of
from edgesim.dialects.gloo.upstream_groups import check_upstream_groups
from edgesim.dialects.gloo.upstreams import read_kube_destinations, read_upstreams
from edgesim.dialects.gloo.virtual_services import read_virtual_services
from edgesim.dialects.resource import Resource, Source
from edgesim.model import PLAIN_LISTENER, TLS_LISTENER, Model, OriginStep, Position, Problem, ResourceKey


@dataclass(frozen=True, slots=True)
class Translation:
    """The model, as much of it as is sound, and every problem.

    A route with an error is left out and the rest stays, so that a caller may serve what can be
    served. `sources` keeps where each resource was written, for `where`.
    """

    model: Model
    problems: tuple[Problem, ...] = ()
    sources: Mapping[ResourceKey, Source] = field(default_factory=dict, repr=False)

    def where(self, step: OriginStep) -> Position:
        """Find the position of an origin. This may parse text, so ask only for what is shown."""
        source = self.sources.get(step.resource)
        return Position(step.file, 1, 1) if source is None else source.locate(step.path)


def translate(resources: Iterable[Resource], read_file: ReadFile = no_files) -> Translation:
    """Translate resources of all kinds; only Gloo's, Services and Secrets matter to the model.

    `read_file` returns the bytes of a file that `sslFiles` names; it raises OSError.
    """
    listed = list(resources)
    scope = scope_of(listed, read_file)
    read_gateways(each_of(listed, "Gateway"), scope)
    clusters = read_upstreams(each_of(listed, "Upstream"), scope)
    check_upstream_groups(each_of(listed, "UpstreamGroup"), scope)
    hosts = read_virtual_services(each_of(listed, "VirtualService"), scope)
    listeners = (
        replace(PLAIN_LISTENER, options=scope.listeners.plain),
        replace(TLS_LISTENER, options=scope.listeners.tls),
    )
    model = Model(hosts, (*clusters, *read_kube_destinations(scope)), listeners)
    return Translation(model, tuple(scope.problems), {resource.key: resource.source for resource in listed})

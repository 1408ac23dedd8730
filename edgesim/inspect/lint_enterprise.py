"""Fields that act here and on a cluster with Gloo Enterprise, but not on one with the open-source build."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from edgesim.dialects import FieldPath, Resource
from edgesim.inspect.findings import Finding, step_at, value_at

ENTERPRISE: Final = "ES0662"
_TOKENS = ("jwt", "jwtStaged")
_OPTIONS: dict[str, FieldPath] = {
    "VirtualService": ("spec", "virtualHost", "options"),
    "VirtualHostOption": ("spec", "options"),
    "RouteOption": ("spec", "options"),
}
_ROUTES: dict[str, FieldPath] = {
    "VirtualService": ("spec", "virtualHost", "routes"),
    "RouteTable": ("spec", "routes"),
}
_UPSTREAM: tuple[FieldPath, ...] = (
    ("spec", "failover"),
    ("spec", "loadBalancerConfig", "localityWeightedLbConfig"),
)
_HINT = "with the open-source build the resource gets an error, or the field is ignored"


def enterprise_fields(resources: Iterable[Resource]) -> Iterator[Finding]:
    """Find the fields that only Gloo Enterprise has; those without effect here have a note of their own (ES0601)."""
    for resource in resources:
        for path in _paths(resource):
            if value_at(resource.manifest, path) is not None:
                text = f"`{path[-1]}` is Gloo Enterprise's: a cluster with open-source Gloo does not have it"
                yield Finding(ENTERPRISE, step_at(resource, *path), text, _HINT)


def _paths(resource: Resource) -> Iterator[FieldPath]:
    kind = resource.kind.kind
    if kind == "Upstream":
        yield from _UPSTREAM
    if kind in _OPTIONS:
        yield from ((*_OPTIONS[kind], name) for name in _TOKENS)
    if kind in _ROUTES:
        at = _ROUTES[kind]
        for index in range(len(value_at(resource.manifest, at) or ())):
            yield from ((*at, index, "options", name) for name in _TOKENS)

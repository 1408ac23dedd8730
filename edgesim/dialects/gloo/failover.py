"""The endpoints that come after an Upstream's own (reference section 7.5)."""

from __future__ import annotations

from collections.abc import Iterator

from edgesim.dialects.gloo.scope import Reporter
from edgesim.dialects.resource import FieldPath
from edgesim.dialects.schema import balancing as schema
from edgesim.model import NO_LOCALITY, Endpoint, Locality

DEFAULT_FACTOR = 140
_PATH = ("spec", "failover")


def overprovisioning_factor(given: schema.Failover | None, reporter: Reporter) -> int:
    """Read the factor in per cent; Envoy's is 140."""
    policy = given.policy if given is not None else None
    if policy is None or policy.overprovisioning_factor is None:
        return DEFAULT_FACTOR
    if policy.overprovisioning_factor == 0:
        path = (*_PATH, "policy", "overprovisioningFactor")
        reporter.report("ES0320", path, "overprovisioningFactor must be greater than 0")
    return policy.overprovisioning_factor


def failover_endpoints(given: schema.Failover | None, reporter: Reporter) -> tuple[Endpoint, ...]:
    """Read the endpoints in the order of the list: the first of them have priority 1, after the upstream's own."""
    levels = enumerate(given.prioritized_localities if given is not None else ())
    return tuple(each for at, level in levels for each in _level(level, at, reporter))


def _level(given: schema.PrioritizedLocality, index: int, reporter: Reporter) -> Iterator[Endpoint]:
    for i, group in enumerate(given.locality_endpoints):
        at = (*_PATH, "prioritizedLocalities", index, "localityEndpoints", i)
        _check_weight(group.load_balancing_weight, at, reporter)
        for j, host in enumerate(group.lb_endpoints):
            yield _endpoint(host, (*at, "lbEndpoints", j), reporter, group, index + 1)


def _endpoint(
    given: schema.LbEndpoint, at: FieldPath, reporter: Reporter, group: schema.LocalityLbEndpoints, priority: int
) -> Endpoint:
    if not given.address:
        reporter.report("ES0302", at, "address cannot be empty for endpoint")
    if not 0 < given.port <= 65535:
        reporter.report("ES0303", (*at, "port") if given.port else at, f"a port must be 1..65535, got {given.port}")
    _check_weight(given.load_balancing_weight, at, reporter)
    return Endpoint(
        given.address,
        given.port,
        weight=given.load_balancing_weight or 1,
        hostname=given.address,
        priority=priority,
        locality=_locality(group.locality),
        locality_weight=group.load_balancing_weight or 0,
    )


def _locality(given: schema.Locality | None) -> Locality:
    return NO_LOCALITY if given is None else Locality(given.region, given.zone, given.sub_zone)


def _check_weight(given: int | None, at: FieldPath, reporter: Reporter) -> None:
    if given == 0:
        reporter.report("ES0309", (*at, "loadBalancingWeight"), "loadBalancingWeight must be at least 1")

"""How endpoints are picked, as fields of Envoy's Cluster."""

from __future__ import annotations

from edgesim.dialects.envoy.form import Json, given, seconds, used
from edgesim.model import BalancerKind, Cluster, FallbackPolicy, LoadBalancer, SlowStart, SubsetConfig

_FALLBACKS = {
    FallbackPolicy.ANY_ENDPOINT: "ANY_ENDPOINT",
    FallbackPolicy.DEFAULT_SUBSET: "DEFAULT_SUBSET",
    FallbackPolicy.NO_FALLBACK: "NO_FALLBACK",
}
_USUAL_PANIC = 50.0
_USUAL_SHARE = 10.0


def balancing(cluster: Cluster, *, by_dns: bool) -> Json:
    """Return the fields that say something; Envoy's own default needs none.

    Envoy hashes by host name in clusters found by DNS only; in others each endpoint says so itself (`endpoints`).
    """
    balancer, kind = cluster.balancer, cluster.balancer.kind
    return {
        **used(lb_policy="" if kind is BalancerKind.ROUND_ROBIN else kind.name),
        **_own(balancer),
        **used(
            common_lb_config=_common(balancer, by_dns=by_dns),
            ignore_health_on_host_removal=cluster.ignore_health_on_host_removal,
        ),
    }


def _common(balancer: LoadBalancer, *, by_dns: bool) -> Json:
    panic = balancer.panic_threshold
    hashing = used(use_hostname_for_hashing=balancer.use_hostname_for_hashing and by_dns)
    return {
        **given(healthy_panic_threshold=None if panic == _USUAL_PANIC else {"value": panic}),
        **({"locality_weighted_lb_config": {}} if balancer.locality_weighted else {}),
        **used(
            consistent_hashing_lb_config=hashing,
            close_connections_on_host_set_change=balancer.close_connections_on_host_set_change,
        ),
    }


def _own(balancer: LoadBalancer) -> Json:
    """Return the configuration of the balancer's own kind."""
    slow = used(slow_start_config=_slow_start(balancer.slow_start))
    match balancer.kind:
        case BalancerKind.ROUND_ROBIN:
            return used(round_robin_lb_config=slow)
        case BalancerKind.LEAST_REQUEST:
            return {"least_request_lb_config": {"choice_count": balancer.choice_count, **slow}}
        case BalancerKind.RING_HASH:
            sizes = {
                "minimum_ring_size": balancer.minimum_ring_size,
                "maximum_ring_size": balancer.maximum_ring_size,
            }
            return {"ring_hash_lb_config": sizes}
        case _:
            return {}


def _slow_start(slow: SlowStart | None) -> Json | None:
    if slow is None:
        return None
    speed = {"default_value": slow.aggression, "runtime_key": "edgesim.slow_start.aggression"}
    return {
        "slow_start_window": seconds(slow.window),
        **({} if slow.aggression == 1.0 else {"aggression": speed}),
        **(
            {}
            if slow.min_weight_percent == _USUAL_SHARE
            else {"min_weight_percent": {"value": slow.min_weight_percent}}
        ),
    }


def subsets(config: SubsetConfig) -> Json:
    """Return an LbSubsetConfig."""
    selectors = [
        {"keys": [*each.keys], **used(single_host_per_subset=each.single_host_per_subset)} for each in config.selectors
    ]
    return {
        "fallback_policy": _FALLBACKS[config.fallback],
        **used(default_subset=dict(config.default_subset), subset_selectors=selectors),
    }

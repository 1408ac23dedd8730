"""How an Upstream's endpoints are picked (reference section 7.4)."""

from __future__ import annotations

from edgesim.dialects.gloo.durations import seconds
from edgesim.dialects.gloo.scope import WITHOUT_EFFECT, Reporter
from edgesim.dialects.resource import FieldPath
from edgesim.dialects.schema import balancing as schema
from edgesim.model import DEFAULT_BALANCER, BalancerKind, ClusterType, LoadBalancer, SlowStart

LARGEST_RING = 8_388_608
_PATH = ("spec", "loadBalancerConfig")


def balancer_of(given: schema.LoadBalancerConfig | None, kind: ClusterType, reporter: Reporter) -> LoadBalancer:
    """Read how the endpoints of a cluster are picked: by default in turn."""
    if given is None:
        return DEFAULT_BALANCER
    if given.use_hostname_for_hashing and kind is not ClusterType.STRICT_DNS:
        text = "Cannot use hostname for consistent hashing loadbalancing for cluster of type: "
        path = (*_PATH, "useHostnameForHashing")
        reporter.report("ES0323", path, f"{text}'envoy.cluster.{kind.value}'", "only DNS names can be hashed")
    least, most = _ring_sizes(given.ring_hash, reporter)
    return LoadBalancer(
        kind=_kind(given),
        choice_count=_choice_count(given.least_request, reporter),
        minimum_ring_size=least,
        maximum_ring_size=most,
        slow_start=_slow_start_of(given, reporter),
        panic_threshold=_percent(
            given.healthy_panic_threshold, (*_PATH, "healthyPanicThreshold"), DEFAULT_BALANCER.panic_threshold, reporter
        ),
        use_hostname_for_hashing=given.use_hostname_for_hashing is True,
        close_connections_on_host_set_change=given.close_connections_on_host_set_change is True,
        locality_weighted=given.locality_weighted_lb_config is not None,
    )


def _kind(given: schema.LoadBalancerConfig) -> BalancerKind:
    if given.least_request is not None:
        return BalancerKind.LEAST_REQUEST
    if given.random is not None:
        return BalancerKind.RANDOM
    if given.ring_hash is not None:
        return BalancerKind.RING_HASH
    return BalancerKind.ROUND_ROBIN if given.maglev is None else BalancerKind.MAGLEV


def _choice_count(given: schema.LeastRequest | None, reporter: Reporter) -> int:
    """Read how many endpoints are compared; 0 is the default, 1 Envoy refuses."""
    count = given.choice_count if given is not None else 0
    if count == 1:
        reporter.report("ES0317", (*_PATH, "leastRequest", "choiceCount"), "choiceCount must be at least 2, got 1")
    return count or DEFAULT_BALANCER.choice_count


def _ring_sizes(given: schema.RingHash | None, reporter: Reporter) -> tuple[int, int]:
    config = given.ring_hash_config if given is not None else None
    if config is None:
        return DEFAULT_BALANCER.minimum_ring_size, DEFAULT_BALANCER.maximum_ring_size
    at = (*_PATH, "ringHash", "ringHashConfig")
    least = _ring_size(config.minimum_ring_size, (*at, "minimumRingSize"), DEFAULT_BALANCER.minimum_ring_size, reporter)
    most = _ring_size(config.maximum_ring_size, (*at, "maximumRingSize"), DEFAULT_BALANCER.maximum_ring_size, reporter)
    if least > most:
        text = f"ring hash: minimum_ring_size ({least}) > maximum_ring_size ({most})"
        reporter.report("ES0317", at, text)
    return least, most


def _ring_size(given: int | None, path: FieldPath, default: int, reporter: Reporter) -> int:
    if given is None:
        return default
    if not 0 <= given <= LARGEST_RING:
        reporter.report("ES0317", path, f"a ring has 0 to {LARGEST_RING} places, got {given}")
        return default
    return given


def _percent(given: float | None, path: FieldPath, default: float, reporter: Reporter) -> float:
    if given is None:
        return default
    if not 0 <= given <= 100:
        reporter.report("ES0317", path, f"{path[-1]} is a percentage, 0 to 100, got {given}")
        return default
    return given


def _slow_start_of(given: schema.LoadBalancerConfig, reporter: Reporter) -> SlowStart | None:
    if given.round_robin is not None:
        return _slow_start(given.round_robin.slow_start_config, (*_PATH, "roundRobin", "slowStartConfig"), reporter)
    if given.least_request is not None:
        return _slow_start(given.least_request.slow_start_config, (*_PATH, "leastRequest", "slowStartConfig"), reporter)
    return None


def _slow_start(given: schema.SlowStart | None, path: FieldPath, reporter: Reporter) -> SlowStart | None:
    """Read a slow start; without a window there is none, which Envoy takes without a word."""
    window = 0.0 if given is None or given.slow_start_window is None else seconds(given.slow_start_window)
    if given is not None and given.slow_start_window is None:
        text = "slowStartConfig has no effect without slowStartWindow: new endpoints get their whole share at once"
        reporter.report(WITHOUT_EFFECT, path, text, "add how long they are spared: `slowStartWindow: 30s`")
    if given is None or window == 0:
        return None
    if window < 0:
        text = f"slowStartWindow cannot be negative, got {given.slow_start_window}"
        reporter.report("ES0319", (*path, "slowStartWindow"), text)
    least = _percent(given.min_weight_percent, (*path, "minWeightPercent"), 10.0, reporter)
    return SlowStart(window, _aggression(given.aggression, (*path, "aggression"), reporter), least)


def _aggression(given: float | None, path: FieldPath, reporter: Reporter) -> float:
    """Read an aggression; Envoy takes 1 where it cannot use the one that is given."""
    if given is None or given > 0:
        return 1.0 if given is None else given
    reporter.report(WITHOUT_EFFECT, path, f"aggression must be greater than 0: 1.0 is taken instead of {given}")
    return 1.0

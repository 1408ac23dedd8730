"""What this worker's clusters and listeners are in, read when the parent asks: nothing is done for it per request."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from edgesim.telemetry.states import DURATIONS, OPEN, RETRIED, Host, Scope, State

if TYPE_CHECKING:
    from edgesim.balancing import Address, HostHealth
    from edgesim.policies.outlier import Ejections
    from edgesim.proxy.breakers import Load
    from edgesim.proxy.clusters import ClusterRuntime
    from edgesim.proxy.listening import ActiveListener
    from edgesim.proxy.pools import Pool


def states(
    clusters: Iterable[ClusterRuntime], listeners: Iterable[ActiveListener], *, hosts: bool = True
) -> Iterator[tuple[Scope, State]]:
    """Yield the state of each listener, and of each cluster of which there is anything to tell, without `hosts` briefly."""
    for listener in listeners:
        now = {"downstream_cx_active": listener.connections, "downstream_cx_total": listener.accepted, **listener.tls}
        yield ("listener", listener.name), State(now)
    for cluster in clusters:
        found = _hosts(cluster) if hosts else {}
        if found or cluster.load.opened or cluster.load.none_healthy:
            load = cluster.load
            durations = dict(zip(DURATIONS, (dict(load.connecting_took), dict(load.lasted)), strict=True))
            yield ("cluster", cluster.cluster.name), State(_values(cluster), found, durations)


def forget(clusters: Iterable[ClusterRuntime], listeners: Iterable[ActiveListener]) -> None:
    """Begin to count at zero."""
    for listener in listeners:
        listener.accepted = 0
        listener.tls.update(dict.fromkeys(listener.tls, 0))
    for cluster in clusters:
        cluster.load.connecting_took.clear()
        cluster.load.lasted.clear()
        cluster.load.told = _counted(cluster) | _ejections(cluster.ejections)


def _values(cluster: ClusterRuntime) -> dict[str, int]:
    told = cluster.load.told
    counted = _counted(cluster)
    if cluster.outliers is not None:
        counted |= _ejections(cluster.ejections)
    return {name: value - told.get(name, 0) for name, value in counted.items()} | _active(cluster)


def _counted(cluster: ClusterRuntime) -> dict[str, int]:
    load = cluster.load
    return {
        "lb_healthy_panic": cluster.balancer.panics,
        "lb_subsets_fallback": cluster.balancer.fallbacks,
        "upstream_cx_total": load.opened,
        "upstream_cx_connect_fail": load.connect_failures,
        "upstream_cx_connect_timeout": load.connect_timeouts,
        "upstream_cx_destroy": load.opened - load.connections,
        "upstream_cx_http1_total": load.opened,
        "upstream_cx_none_healthy": load.none_healthy,
        "upstream_cx_overflow": load.connection_overflows,
        "upstream_rq_active_overflow": load.request_overflows,
        "upstream_rq_pending_failure_eject": load.pending_failures,
        "upstream_rq_pending_overflow": load.pending_overflows,
        "upstream_rq_pending_total": load.pended,
        "upstream_rq_per_try_timeout": load.per_try_timeouts,
        "upstream_rq_retry_limit_exceeded": load.retry_limits,
        "upstream_rq_retry_overflow": load.retry_overflows,
        "upstream_rq_retry_success": load.retry_successes,
        "upstream_rq_timeout": load.timeouts,
        **{f"{RETRIED}{status}": many for status, many in load.retried_answers.items()},
    }


def _ejections(found: Ejections) -> dict[str, int]:
    return {
        "outlier_detection.ejections_enforced_total": sum(found.enforced.values()),
        "outlier_detection.ejections_overflow": found.overflows,
        **{f"outlier_detection.ejections_detected_{cause}": many for cause, many in found.detected.items()},
        **{f"outlier_detection.ejections_enforced_{cause}": many for cause, many in found.enforced.items()},
    }


def _active(cluster: ClusterRuntime) -> dict[str, int]:
    load = cluster.load
    return {
        "lb_subsets_active": len(cluster.endpoints.subsets),
        "upstream_cx_active": load.connections,
        "upstream_rq_active": load.requests(),
        "upstream_rq_pending_active": load.pending,
        **dict(zip(OPEN, _open(load), strict=True)),
    }


def _open(load: Load) -> tuple[int, ...]:
    limits = load.limits
    return (
        int(load.connections >= limits.max_connections),
        0,  # pools are not limited
        int(load.requests() >= limits.max_requests),
        int(load.pending >= limits.max_pending_requests),
        int(load.retries >= limits.max_retries),
    )


def _hosts(cluster: ClusterRuntime) -> dict[str, Host]:
    """Return endpoints that have connections or are ill; of the others there is nothing to tell."""
    health = cluster.balancer.health
    told = cluster.pools.keys() | {address for address, record in health.items() if not record.healthy}
    return {_text(address): _host(cluster.pools.get(address), health.get(address)) for address in told}


def _host(pool: Pool | None, record: HostHealth | None) -> Host:
    failed = record is not None and record.active_failed
    ejected = record is not None and record.ejected_until is not None
    if pool is None:
        return Host(check_failed=failed, ejected=ejected)
    connections = len(pool.busy) + len(pool.idle) + pool.connecting
    return Host(
        connections,
        pool.opened,
        pool.failures,
        len(pool.busy),
        len(pool.waiting),
        pool.timeouts,
        failed,
        ejected,
        retried=pool.retried,
        unsent=pool.unsent,
        refused=pool.refused,
    )


def _text(address: Address) -> str:
    return f"{address[0]}:{address[1]}"

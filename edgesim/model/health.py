"""Who may be sent requests: health checks, outlier detection, circuit breakers, in Envoy's vocabulary.

Durations are in seconds. Defaults are Envoy's (envoy.config.core.v3.HealthCheck,
envoy.config.cluster.v3.OutlierDetection and CircuitBreakers).
"""

from __future__ import annotations

from dataclasses import dataclass

from edgesim.model.routes import NO_MUTATIONS, HeaderMutations


@dataclass(frozen=True, slots=True)
class HttpCheck:
    """A request that must be answered with one of the expected statuses, given as half-open ranges.

    `host` is the Host header, by default the cluster's name. With `http2` that is spoken with prior knowledge.
    """

    path: str
    host: str = ""
    method: str = "GET"
    expected: tuple[tuple[int, int], ...] = ((200, 201),)
    headers: HeaderMutations = NO_MUTATIONS
    http2: bool = False


@dataclass(frozen=True, slots=True)
class TcpCheck:
    """A connection; bytes to send over it, and those that must come back one after the other (empty: any)."""

    send: bytes = b""
    receive: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class GrpcCheck:
    """A call of grpc.health.v1.Health.Check; `authority` is by default the cluster's name."""

    service: str = ""
    authority: str = ""


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """One active health check of every endpoint of a cluster.

    `no_traffic_interval` holds while a cluster has had no request yet. The other intervals stand in for `interval`:
    while an endpoint is unhealthy, right after it failed (until its threshold is met), and right after it recovered;
    None is the one that Envoy takes then. Jitters are added: `initial_jitter` before the first check, the others to
    each interval, in seconds and in per cent of it.
    """

    timeout: float
    interval: float
    unhealthy_threshold: int
    healthy_threshold: int
    checker: HttpCheck | TcpCheck | GrpcCheck
    initial_jitter: float = 0.0
    interval_jitter: float = 0.0
    interval_jitter_percent: int = 0
    no_traffic_interval: float = 60.0
    unhealthy_interval: float | None = None
    unhealthy_edge_interval: float | None = None
    healthy_edge_interval: float | None = None
    reuse_connection: bool = True


@dataclass(frozen=True, slots=True)
class OutlierDetection:
    """Ejection of endpoints whose answers say that they are ill.

    `enforcing_*` are chances in per cent; `success_rate_stdev_factor` is in thousandths. An endpoint stays out for
    `base_ejection_time` times the number of its ejections, `max_ejection_time` at most.
    """

    consecutive_5xx: int = 5
    interval: float = 10.0
    base_ejection_time: float = 30.0
    max_ejection_time: float = 300.0
    max_ejection_percent: int = 10
    enforcing_consecutive_5xx: int = 100
    enforcing_success_rate: int = 100
    success_rate_minimum_hosts: int = 5
    success_rate_request_volume: int = 100
    success_rate_stdev_factor: int = 1900
    consecutive_gateway_failure: int = 5
    enforcing_consecutive_gateway_failure: int = 0
    split_external_local_origin_errors: bool = False
    consecutive_local_origin_failure: int = 5
    enforcing_consecutive_local_origin_failure: int = 100
    enforcing_local_origin_success_rate: int = 100


@dataclass(frozen=True, slots=True)
class CircuitBreakers:
    """How much may be under way to a cluster at one time."""

    max_connections: int = 1024
    max_pending_requests: int = 1024
    max_requests: int = 1024
    max_retries: int = 3


NO_BREAKERS = CircuitBreakers()
"""Envoy's defaults, where nothing is configured."""

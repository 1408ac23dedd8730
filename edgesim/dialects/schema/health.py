"""Health of an Upstream's endpoints: active checks and outlier detection.

Source: Gloo's copies of Envoy's health_check.proto and outlier_detection.proto; reference section 7.5.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from msgspec import Meta, field

from edgesim.dialects.schema.common import Duration, FreeForm, NotSimulated, OneOf, Strict, UInt32
from edgesim.dialects.schema.options import RequestHeaderToAdd

Method = Literal[
    "METHOD_UNSPECIFIED", "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH",
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9,
]  # fmt: skip
Int64 = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]


class StatusRange(Strict, frozen=True):
    """Statuses from `start` up to, without, `end`."""

    start: Int64 = 0
    end: Int64 = 0


class HttpHealthCheck(Strict, frozen=True):
    """A request that has to be answered as expected."""

    host: str = ""
    path: str = ""
    method: Method = "METHOD_UNSPECIFIED"
    service_name: NotSimulated = None
    request_headers_to_add: tuple[RequestHeaderToAdd, ...] = ()
    request_headers_to_remove: tuple[str, ...] = ()
    use_http2: bool | None = None
    expected_statuses: tuple[StatusRange, ...] = ()
    response_assertions: NotSimulated = None


class Payload(Strict, frozen=True):
    """Bytes, in hexadecimal."""

    text: str = ""


class TcpHealthCheck(Strict, frozen=True):
    """A connection, and bytes to send and to receive."""

    send: Payload | None = None
    receive: tuple[Payload, ...] = ()


class GrpcHealthCheck(Strict, frozen=True):
    """A call of gRPC's health service."""

    service_name: str = ""
    authority: str = ""


class HealthCheck(Strict, frozen=True):
    """One active health check."""

    ONE_OF: ClassVar[OneOf] = (("httpHealthCheck", "tcpHealthCheck", "grpcHealthCheck", "customHealthCheck"),)

    timeout: Duration | None = None
    interval: Duration | None = None
    initial_jitter: Duration | None = None
    interval_jitter: Duration | None = None
    interval_jitter_percent: UInt32 = 0
    unhealthy_threshold: UInt32 | None = None
    healthy_threshold: UInt32 | None = None
    reuse_connection: bool | None = None
    http_health_check: HttpHealthCheck | None = None
    tcp_health_check: TcpHealthCheck | None = None
    grpc_health_check: GrpcHealthCheck | None = None
    custom_health_check: NotSimulated = None
    no_traffic_interval: Duration | None = None
    unhealthy_interval: Duration | None = None
    unhealthy_edge_interval: Duration | None = None
    healthy_edge_interval: Duration | None = None
    event_log_path: FreeForm = None
    always_log_health_check_failures: FreeForm = None


class OutlierDetection(Strict, frozen=True):
    """Passive health checks."""

    consecutive5xx: UInt32 | None = None
    interval: Duration | None = None
    base_ejection_time: Duration | None = None
    max_ejection_percent: UInt32 | None = None
    enforcing_consecutive5xx: UInt32 | None = field(default=None, name="enforcingConsecutive5xx")
    enforcing_success_rate: UInt32 | None = None
    success_rate_minimum_hosts: UInt32 | None = None
    success_rate_request_volume: UInt32 | None = None
    success_rate_stdev_factor: UInt32 | None = None
    consecutive_gateway_failure: UInt32 | None = None
    enforcing_consecutive_gateway_failure: UInt32 | None = None
    split_external_local_origin_errors: bool | None = None
    consecutive_local_origin_failure: UInt32 | None = None
    enforcing_consecutive_local_origin_failure: UInt32 | None = None
    enforcing_local_origin_success_rate: UInt32 | None = None

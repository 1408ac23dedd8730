"""gloo.solo.io/v1: Upstream and UpstreamGroup.

Source: Gloo's upstream.proto and the options it imports; reference sections 4.3 and 7.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from edgesim.dialects.schema.balancing import Failover, LoadBalancerConfig
from edgesim.dialects.schema.common import (
    NOT_SIMULATED,
    Duration,
    FreeForm,
    Manifest,
    NotServed,
    NotSimulated,
    OneOf,
    Strict,
    UInt32,
)
from edgesim.dialects.schema.gateway import SubsetValues, WeightedDestination
from edgesim.dialects.schema.health import HealthCheck, OutlierDetection
from edgesim.dialects.schema.options import HeaderPair
from edgesim.dialects.schema.tls import UpstreamSslConfig


class StaticHost(Strict, frozen=True):
    """One address of a static upstream (section 7.1)."""

    addr: str = ""
    port: UInt32 = 0
    sni_addr: str | None = None
    load_balancing_weight: UInt32 | None = None
    health_check_config: NotSimulated = None
    metadata: NotSimulated = None


class StaticSpec(Strict, frozen=True):
    """Fixed addresses or DNS names (section 7.1)."""

    hosts: tuple[StaticHost, ...] = ()
    use_tls: bool | None = None
    auto_sni_rewrite: bool | None = None
    service_spec: NotSimulated = None


class SubsetSelector(Strict, frozen=True):
    """A set of labels by which subsets are cut (section 7.3)."""

    keys: tuple[str, ...] = ()
    single_host_per_subset: bool = False


class SubsetSpec(Strict, frozen=True):
    """Subsets of an upstream's endpoints (section 7.3)."""

    selectors: tuple[SubsetSelector, ...] = ()
    fallback_policy: Literal["ANY_ENDPOINT", "DEFAULT_SUBSET", "NO_FALLBACK", 0, 1, 2] = "ANY_ENDPOINT"
    default_subset: SubsetValues | None = None


class KubeSpec(Strict, frozen=True):
    """The pods behind a Kubernetes Service (section 7.2)."""

    service_name: str = ""
    service_namespace: str = ""
    service_port: UInt32 = 0
    selector: dict[str, str] | None = None
    service_spec: NotSimulated = None
    subset_spec: SubsetSpec | None = None


class CircuitBreakers(Strict, frozen=True):
    """Limits of an upstream (section 7.5)."""

    max_connections: UInt32 | None = None
    max_pending_requests: UInt32 | None = None
    max_requests: UInt32 | None = None
    max_retries: UInt32 | None = None
    track_remaining: FreeForm = None


class TcpKeepalive(Strict, frozen=True):
    """The socket options of connections."""

    keepalive_probes: UInt32 | None = None
    keepalive_time: Duration | None = None
    keepalive_interval: Duration | None = None


class CommonHttpProtocolOptions(Strict, frozen=True):
    """What connections of every version of HTTP have."""

    idle_timeout: Duration | None = None
    max_headers_count: Annotated[UInt32 | None, NOT_SIMULATED] = None
    max_stream_duration: Annotated[Duration | None, NOT_SIMULATED] = None
    headers_with_underscores_action: NotSimulated = None


class ConnectionConfig(Strict, frozen=True):
    """Connections to an upstream (section 7.5)."""

    connect_timeout: Duration | None = None
    max_requests_per_connection: UInt32 | None = None
    tcp_keepalive: TcpKeepalive | None = None
    per_connection_buffer_limit_bytes: UInt32 | None = None
    common_http_protocol_options: CommonHttpProtocolOptions | None = None
    http1_protocol_options: NotSimulated = None
    http2_protocol_options: NotSimulated = None


class UpstreamSpec(Strict, frozen=True):
    """The spec of an Upstream (section 7)."""

    ONE_OF: ClassVar[OneOf] = (("static", "kube", "consul", "aws", "awsEc2", "azure", "gcp", "pipe", "ai"),)

    static: StaticSpec | None = None
    kube: KubeSpec | None = None
    consul: NotServed = None
    aws: NotServed = None
    aws_ec2: NotServed = None
    azure: NotServed = None
    gcp: NotServed = None
    pipe: NotServed = None
    ai: NotServed = None
    connection_config: ConnectionConfig | None = None
    discovery_metadata: FreeForm = None
    ssl_config: UpstreamSslConfig | None = None
    circuit_breakers: CircuitBreakers | None = None
    load_balancer_config: LoadBalancerConfig | None = None
    health_checks: tuple[HealthCheck, ...] = ()
    outlier_detection: OutlierDetection | None = None
    failover: Failover | None = None
    protocol_selection: NotSimulated = None
    use_http2: bool | None = None
    initial_stream_window_size: NotSimulated = None
    initial_connection_window_size: NotSimulated = None
    max_concurrent_streams: NotSimulated = None
    override_stream_error_on_invalid_http_message: NotSimulated = None
    http_proxy_hostname: NotSimulated = None
    http_connect_ssl_config: NotSimulated = None
    http_connect_headers: Annotated[tuple[HeaderPair, ...] | None, NOT_SIMULATED] = None
    ignore_health_on_host_removal: bool | None = None
    respect_dns_ttl: bool | None = None
    dns_refresh_rate: Duration | None = None
    proxy_protocol_version: NotSimulated = None
    preconnect_policy: NotSimulated = None
    disable_istio_auto_mtls: NotSimulated = None


class Upstream(Manifest, frozen=True, kw_only=True):
    """gloo.solo.io/v1 Upstream."""

    spec: UpstreamSpec


class UpstreamGroupSpec(Strict, frozen=True):
    """The spec of an UpstreamGroup (section 4.3)."""

    destinations: tuple[WeightedDestination, ...] = ()


class UpstreamGroup(Manifest, frozen=True, kw_only=True):
    """gloo.solo.io/v1 UpstreamGroup."""

    spec: UpstreamGroupSpec

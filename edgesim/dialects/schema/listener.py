"""gateway.solo.io/v1 Gateway: a listener, and how it takes requests (reference section 11).

Source: Gloo's gateway.proto, HttpListenerOptions in options.proto, and hcm.proto.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta

from edgesim.dialects.schema.common import (
    Duration,
    FreeForm,
    Manifest,
    NotSimulated,
    OneOf,
    OnlyFalse,
    Ref,
    Strict,
    UInt32,
)
from edgesim.dialects.schema.gateway import SelectorExpression
from edgesim.dialects.schema.options import BufferSettings, CsrfPolicy, TokenBucket, Upgrade

HeadersKb = Annotated[int, Meta(ge=1, le=8192)]
HeadersCount = Annotated[int, Meta(ge=1, le=2**32 - 1)]


class CidrRange(Strict, frozen=True):
    """Envoy's CidrRange; a missing `prefixLen` is 0, which is every address."""

    address_prefix: str = ""
    prefix_len: UInt32 | None = None


class InternalAddressConfig(Strict, frozen=True):
    """Who counts as internal, and so may use the `x-envoy-*` headers that change timeouts and retries."""

    unix_sockets: OnlyFalse = None
    cidr_ranges: tuple[CidrRange, ...] = ()


class HttpConnectionManagerSettings(Strict, frozen=True):
    """Envoy's HTTP connection manager, as far as Gloo exposes it."""

    use_remote_address: bool | None = None
    xff_num_trusted_hops: UInt32 | None = None
    skip_xff_append: bool | None = None
    generate_request_id: bool | None = None
    preserve_external_request_id: bool | None = None
    server_name: str | None = None
    accept_http_10: bool | None = None
    default_host_for_http_10: str | None = None
    merge_slashes: bool | None = None
    normalize_path: bool | None = None
    strip_any_host_port: bool | None = None
    max_request_headers_kb: HeadersKb | None = None
    max_headers_count: HeadersCount | None = None
    idle_timeout: Duration | None = None
    stream_idle_timeout: Duration | None = None
    request_timeout: Duration | None = None
    request_headers_timeout: Duration | None = None
    max_stream_duration: Duration | None = None
    upgrades: tuple[Upgrade, ...] | None = None
    internal_address_config: InternalAddressConfig | None = None
    allow_chunked_length: NotSimulated = None
    append_x_forwarded_port: NotSimulated = None
    codec_type: NotSimulated = None
    delayed_close_timeout: NotSimulated = None
    drain_timeout: NotSimulated = None
    early_header_manipulation: NotSimulated = None
    enable_trailers: NotSimulated = None
    forward_client_cert_details: NotSimulated = None
    headers_with_underscores_action: NotSimulated = None
    http2_protocol_options: NotSimulated = None
    max_connection_duration: NotSimulated = None
    max_requests_per_connection: NotSimulated = None
    path_with_escaped_slashes_action: NotSimulated = None
    preserve_case_header_key_format: NotSimulated = None
    proper_case_header_key_format: NotSimulated = None
    proxy_100_continue: NotSimulated = None
    server_header_transformation: NotSimulated = None
    set_current_client_cert_details: NotSimulated = None
    tracing: NotSimulated = None
    uuid_request_id_config: NotSimulated = None
    via: NotSimulated = None


class RouterSettings(Strict, frozen=True):
    """Envoy's router filter."""

    suppress_envoy_headers: bool | None = None
    dynamic_stats: NotSimulated = None
    start_child_span: NotSimulated = None
    strict_check_headers: NotSimulated = None


class HttpLocalRateLimit(Strict, frozen=True):
    """The token bucket of a listener."""

    default_limit: TokenBucket | None = None
    enable_x_ratelimit_headers: NotSimulated = None
    local_rate_limit_per_downstream_connection: NotSimulated = None


class ConnectionLimit(Strict, frozen=True):
    """How many connections a listener takes."""

    max_active_connections: UInt32 | None = None
    delay_before_close: NotSimulated = None


class HttpListenerOptions(Strict, frozen=True):
    """Options of an HTTP listener."""

    http_connection_manager_settings: HttpConnectionManagerSettings | None = None
    router: RouterSettings | None = None
    buffer: BufferSettings | None = None
    csrf: CsrfPolicy | None = None
    http_local_ratelimit: HttpLocalRateLimit | None = None
    connection_limit: ConnectionLimit | None = None
    caching: NotSimulated = None
    disable_ext_proc: NotSimulated = None
    dlp: NotSimulated = None
    dynamic_forward_proxy: NotSimulated = None
    ext_proc: NotSimulated = None
    ext_proc_early: NotSimulated = None
    ext_proc_late: NotSimulated = None
    extauth: NotSimulated = None
    extensions: NotSimulated = None
    grpc_json_transcoder: NotSimulated = None
    grpc_web: FreeForm = None
    gzip: NotSimulated = None
    header_validation_settings: NotSimulated = None
    health_check: NotSimulated = None
    leftmost_xff_address: NotSimulated = None
    network_local_ratelimit: NotSimulated = None
    proxy_latency: NotSimulated = None
    ratelimit_server: NotSimulated = None
    sanitize_cluster_header: NotSimulated = None
    stateful_session: NotSimulated = None
    tap: NotSimulated = None
    waf: NotSimulated = None
    wasm: NotSimulated = None


class VirtualServiceExpressions(Strict, frozen=True):
    """Conditions on a virtual service's labels, all of which must hold."""

    expressions: tuple[SelectorExpression, ...] = ()


class HttpGateway(Strict, frozen=True):
    """An HTTP listener and which virtual services are on it: all, unless it selects some.

    Expressions go before the selector of labels, that before references by name.
    """

    options: HttpListenerOptions | None = None
    virtual_services: tuple[Ref, ...] = ()
    virtual_service_selector: dict[str, str] | None = None
    virtual_service_expressions: VirtualServiceExpressions | None = None
    virtual_service_namespaces: tuple[str, ...] = ()


class ListenerOptions(Strict, frozen=True):
    """Options of any listener."""

    access_logging_service: NotSimulated = None
    listener_access_logging_service: NotSimulated = None
    connection_balance_config: NotSimulated = None
    extensions: NotSimulated = None
    per_connection_buffer_limit_bytes: NotSimulated = None
    proxy_protocol: NotSimulated = None
    socket_options: NotSimulated = None
    tcp_stats: NotSimulated = None


class RouteConfigurationOptions(Strict, frozen=True):
    """Options of all routes of a listener."""

    most_specific_header_mutations_wins: bool | None = None
    max_direct_response_body_size_bytes: UInt32 | None = None


class GatewaySpec(Strict, frozen=True):
    """The spec of a Gateway."""

    ONE_OF: ClassVar[OneOf] = (("httpGateway", "tcpGateway", "hybridGateway"),)

    ssl: bool = False
    bind_address: str = ""
    bind_port: UInt32 = 0
    proxy_names: tuple[str, ...] = ()
    options: ListenerOptions | None = None
    route_options: RouteConfigurationOptions | None = None
    use_proxy_proto: NotSimulated = None
    http_gateway: HttpGateway | None = None
    tcp_gateway: NotSimulated = None
    hybrid_gateway: NotSimulated = None


class Gateway(Manifest, frozen=True, kw_only=True):
    """gateway.solo.io/v1 Gateway."""

    spec: GatewaySpec

"""gloo.solo.io/v1 Settings, as far as it concerns routing (reference section 10).

Settings has many fields for parts of Gloo that edgesim has no counterpart of (discovery, Vault,
Consul, ...); those are accepted as they are.
"""

from __future__ import annotations

from typing import Annotated

from edgesim.dialects.schema.common import (
    NOT_SIMULATED,
    FreeForm,
    Manifest,
    NotSimulated,
    OnlyFalse,
    Strict,
    UInt32,
)
from edgesim.dialects.schema.tls import SslParameters
from edgesim.dialects.schema.upstream import CircuitBreakers


class InvalidConfigPolicy(Strict, frozen=True):
    """What an invalid route answers (section 9.5)."""

    replace_invalid_routes: bool = False
    invalid_route_response_code: UInt32 | None = None
    invalid_route_response_body: str | None = None


class GlooOptions(Strict, frozen=True):
    """Settings of the gloo translator."""

    regex_max_program_size: UInt32 | None = None
    invalid_config_policy: InvalidConfigPolicy | None = None
    circuit_breakers: CircuitBreakers | None = None
    disable_kubernetes_destinations: OnlyFalse = None
    remove_unused_filters: OnlyFalse = None
    xds_bind_addr: FreeForm = None
    validation_bind_addr: FreeForm = None
    proxy_debug_bind_addr: FreeForm = None
    rest_xds_bind_addr: FreeForm = None
    enable_rest_eds: FreeForm = None
    endpoints_warming_timeout: FreeForm = None
    aws_options: FreeForm = None
    disable_grpc_web: FreeForm = None
    disable_proxy_garbage_collection: FreeForm = None
    failover_upstream_dns_polling_interval: FreeForm = None
    log_transformation_request_response_info: FreeForm = None
    transformation_escape_characters: FreeForm = None
    istio_options: FreeForm = None
    ratelimit_service: FreeForm = None


class Validation(Strict, frozen=True):
    """Settings of the validating webhook (section 9.6)."""

    always_accept: bool | None = None
    allow_warnings: bool | None = None
    warn_route_short_circuiting: bool | None = None
    warn_missing_tls_secret: bool | None = None
    disable_transformation_validation: FreeForm = None
    full_envoy_validation: OnlyFalse = None
    server_enabled: FreeForm = None
    proxy_validation_server_addr: FreeForm = None
    validation_webhook_tls_cert: FreeForm = None
    validation_webhook_tls_key: FreeForm = None
    ignore_gloo_validation_failure: FreeForm = None
    validation_server_grpc_max_size_bytes: FreeForm = None


class VirtualServiceOptions(Strict, frozen=True):
    """Defaults of every VirtualService."""

    one_way_tls: bool | None = None


class UpstreamOptions(Strict, frozen=True):
    """Defaults of every Upstream."""

    ssl_parameters: SslParameters | None = None
    global_annotations: NotSimulated = None


class GatewayOptions(Strict, frozen=True):
    """Settings of the gateway translator."""

    validation: Validation | None = None
    read_gateways_from_all_namespaces: bool | None = None
    isolate_virtual_hosts_by_ssl_config: OnlyFalse = None
    translate_empty_gateways: OnlyFalse = None
    virtual_service_options: VirtualServiceOptions | None = None
    always_sort_route_table_routes: FreeForm = None
    compressed_proxy_spec: FreeForm = None
    persist_proxy_spec: FreeForm = None
    enable_gateway_controller: FreeForm = None
    validation_server_addr: FreeForm = None


class SettingsSpec(Strict, frozen=True):
    """The spec of Settings (section 10)."""

    gloo: GlooOptions | None = None
    gateway: GatewayOptions | None = None
    watch_namespaces: Annotated[tuple[str, ...] | None, NOT_SIMULATED] = None
    watch_namespace_selectors: NotSimulated = None
    upstream_options: UpstreamOptions | None = None
    discovery_namespace: FreeForm = None
    discovery: FreeForm = None
    refresh_rate: FreeForm = None
    dev_mode: FreeForm = None
    linkerd: FreeForm = None
    knative: FreeForm = None
    kubernetes: FreeForm = None
    kubernetes_config_source: FreeForm = None
    kubernetes_secret_source: FreeForm = None
    kubernetes_artifact_source: FreeForm = None
    directory_config_source: FreeForm = None
    directory_secret_source: FreeForm = None
    directory_artifact_source: FreeForm = None
    vault_secret_source: FreeForm = None
    secret_options: FreeForm = None
    consul: FreeForm = None
    consul_discovery: FreeForm = None
    consul_kv_source: FreeForm = None
    consul_kv_artifact_source: FreeForm = None
    extensions: FreeForm = None
    extauth: FreeForm = None
    named_extauth: FreeForm = None
    ext_proc: FreeForm = None
    ratelimit: FreeForm = None
    ratelimit_server: FreeForm = None
    rbac: FreeForm = None
    caching_server: FreeForm = None
    console_options: FreeForm = None
    graphql_options: FreeForm = None
    observability_options: FreeForm = None


class Settings(Manifest, frozen=True, kw_only=True):
    """gloo.solo.io/v1 Settings."""

    spec: SettingsSpec

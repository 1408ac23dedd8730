"""Gateways become the options of the two listeners: the plain one and the TLS one (reference section 11)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import cast

from edgesim.dialects.gloo.cors import csrf_of
from edgesim.dialects.gloo.limits import max_request_bytes, timeout_of, token_bucket, upgrades_of
from edgesim.dialects.gloo.scope import DEFAULT_MAX_BODY, Listeners, Reporter, Scope
from edgesim.dialects.resource import FieldPath, Resource
from edgesim.dialects.schema import listener as schema
from edgesim.model import DEFAULT_LISTENER, ListenerOptions

_NAMES = {False: "gateway-proxy", True: "gateway-proxy-ssl"}
"""The gateways that an installation of Gloo makes."""

_PORTS = {False: 8080, True: 8443}
_PATH = ("spec", "httpGateway", "options")
_HCM = (*_PATH, "httpConnectionManagerSettings")
_DEFAULT_HCM = schema.HttpConnectionManagerSettings()


def read_gateways(resources: Iterable[Resource], scope: Scope) -> None:
    """Read the gateway of each listener into the scope; others of its sort are noted."""
    sound = [resource for resource in resources if _is_http(resource, Reporter(scope, resource))]
    listeners = Listeners()
    limits: list[int] = []
    for tls in (False, True):
        found = [resource for resource in sound if _spec(resource).ssl is tls]
        if not found:
            continue
        chosen = _chosen(found, tls=tls)
        for other in found:
            if other is not chosen:
                _note_other(other, chosen, Reporter(scope, other))
        options = _listener(_spec(chosen), Reporter(scope, chosen))
        listeners = Listeners(listeners.plain, options) if tls else Listeners(options, listeners.tls)
        limits.append(_body_limit(_spec(chosen)))
    scope.listeners = listeners
    # A route may be on either listener, so the larger limit counts.
    scope.max_body = max(limits, default=DEFAULT_MAX_BODY)


def _spec(resource: Resource) -> schema.GatewaySpec:
    return cast(schema.Gateway, resource.typed).spec


def _is_http(resource: Resource, reporter: Reporter) -> bool:
    spec = _spec(resource)
    if spec.http_gateway is None and spec.tcp_gateway is None and spec.hybrid_gateway is None:
        text = "invalid gateway: gateway must contain gatewayType"
        reporter.report("ES0520", ("spec",), text, "add `httpGateway: {}`")
    return spec.http_gateway is not None


def _chosen(found: Sequence[Resource], *, tls: bool) -> Resource:
    return next((resource for resource in found if resource.name == _NAMES[tls]), found[0])


def _note_other(other: Resource, chosen: Resource, reporter: Reporter) -> None:
    text = (
        f"several gateways of one sort are not simulated yet: {chosen.namespace}.{chosen.name} is, "
        f"and {other.namespace}.{other.name} has no effect"
    )
    reporter.report("ES0608", ("metadata", "name"), text)


def _listener(spec: schema.GatewaySpec, reporter: Reporter) -> ListenerOptions:
    _note_address(spec, reporter)
    http = spec.http_gateway or schema.HttpGateway()
    options = http.options or schema.HttpListenerOptions()
    hcm = options.http_connection_manager_settings or _DEFAULT_HCM
    upgrades = dict(upgrades_of(hcm.upgrades, _HCM, reporter))
    limit, connections, router = options.http_local_ratelimit, options.connection_limit, options.router
    bucket = limit.default_limit if limit is not None else None
    return ListenerOptions(
        use_remote_address=hcm.use_remote_address is True,
        xff_trusted_hops=hcm.xff_num_trusted_hops or 0,
        skip_xff_append=hcm.skip_xff_append is True,
        generate_request_id=hcm.generate_request_id is not False,
        preserve_external_request_id=hcm.preserve_external_request_id is True,
        server_name=hcm.server_name or DEFAULT_LISTENER.server_name,
        suppress_envoy_headers=router is not None and router.suppress_envoy_headers is True,
        most_specific_mutations_win=(spec.route_options or _NO_ROUTES).most_specific_header_mutations_wins is True,
        accept_http_10=hcm.accept_http_10 is True,
        default_host_for_http_10=hcm.default_host_for_http_10 or "",
        normalize_path=hcm.normalize_path is not False,
        merge_slashes=hcm.merge_slashes is True,
        strip_any_host_port=hcm.strip_any_host_port is True,
        allow_connect=upgrades.get("connect", False),
        websocket=upgrades.get("websocket", True),
        max_headers_bytes=1024 * hcm.max_request_headers_kb
        if hcm.max_request_headers_kb is not None
        else DEFAULT_LISTENER.max_headers_bytes,
        max_headers=hcm.max_headers_count or DEFAULT_LISTENER.max_headers,
        max_connections=_connections(connections, reporter),
        header_timeout=_timeout(hcm.request_headers_timeout, "requestHeadersTimeout", 0.0, reporter),
        request_timeout=_timeout(hcm.request_timeout, "requestTimeout", 0.0, reporter),
        idle_timeout=_timeout(hcm.idle_timeout, "idleTimeout", DEFAULT_LISTENER.idle_timeout, reporter),
        stream_idle_timeout=_timeout(
            hcm.stream_idle_timeout, "streamIdleTimeout", DEFAULT_LISTENER.stream_idle_timeout, reporter
        ),
        max_stream_duration=_timeout(hcm.max_stream_duration, "maxStreamDuration", 0.0, reporter),
        buffer_bytes=max_request_bytes(options.buffer, (*_PATH, "buffer"), reporter) if options.buffer else None,
        csrf=csrf_of(options.csrf, _PATH, reporter),
        local_rate_limit=token_bucket(bucket, (*_PATH, "httpLocalRatelimit", "defaultLimit"), reporter)
        if bucket is not None
        else None,
    )


_NO_ROUTES = schema.RouteConfigurationOptions()


def _timeout(given: str | None, name: str, default: float, reporter: Reporter) -> float:
    value = timeout_of(given, (*_HCM, name), reporter)
    return default if value is None else value


def _connections(given: schema.ConnectionLimit | None, reporter: Reporter) -> int:
    """Read the limit of connections, which Envoy wants above 0; 0 is none here."""
    if given is None:
        return 0
    if not given.max_active_connections:
        at = (*_PATH, "connectionLimit")
        path: FieldPath = at if given.max_active_connections is None else (*at, "maxActiveConnections")
        reporter.report("ES0521", path, "maxActiveConnections must be at least 1")
    return given.max_active_connections or 0


def _note_address(spec: schema.GatewaySpec, reporter: Reporter) -> None:
    """Note an address that is not the default: edgesim listens where its command line says."""
    if spec.bind_port not in {0, _PORTS[spec.ssl]}:
        text = f"edgesim does not listen on port {spec.bind_port}: its own command line says where"
        reporter.report("ES0608", ("spec", "bindPort"), text, "see `edgesim up --help`")
    if spec.bind_address not in {"", "::", "0.0.0.0"}:
        text = f"edgesim does not bind {spec.bind_address}: its own command line says where"
        reporter.report("ES0608", ("spec", "bindAddress"), text, "see `edgesim up --help`")


def _body_limit(spec: schema.GatewaySpec) -> int:
    given = (spec.route_options or _NO_ROUTES).max_direct_response_body_size_bytes
    return DEFAULT_MAX_BODY if given is None else given

"""Options of a Gateway's listener: how it takes requests (reference section 11)."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

from edgesim.dialects.gloo.cors import csrf_of
from edgesim.dialects.gloo.limits import max_request_bytes, timeout_of, token_bucket, upgrades_of
from edgesim.dialects.gloo.scope import DEFAULT_MAX_BODY, Reporter
from edgesim.dialects.resource import FieldPath
from edgesim.dialects.schema import listener as schema
from edgesim.model import DEFAULT_LISTENER, ListenerOptions

_PATH = ("spec", "httpGateway", "options")
_HCM = (*_PATH, "httpConnectionManagerSettings")
_DEFAULT_HCM = schema.HttpConnectionManagerSettings()
_NO_ROUTES = schema.RouteConfigurationOptions()


def listener_options(spec: schema.GatewaySpec, reporter: Reporter) -> ListenerOptions:
    """Read the options of a Gateway's listener."""
    http = spec.http_gateway or schema.HttpGateway()
    options = http.options or schema.HttpListenerOptions()
    hcm = options.http_connection_manager_settings or _DEFAULT_HCM
    upgrades = dict(upgrades_of(hcm.upgrades, _HCM, reporter))
    limit, connections, router = options.http_local_ratelimit, options.connection_limit, options.router
    bucket = limit.default_limit if limit is not None else None
    return ListenerOptions(
        use_remote_address=hcm.use_remote_address is True,
        internal_addresses=_internal(hcm.internal_address_config, reporter),
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


def _timeout(given: str | None, name: str, default: float, reporter: Reporter) -> float:
    value = timeout_of(given, (*_HCM, name), reporter)
    return default if value is None else value


def _internal(given: schema.InternalAddressConfig | None, reporter: Reporter) -> tuple[str, ...]:
    """Read who is internal; a prefix longer than the address is the whole address, as in Envoy."""
    found = []
    for index, cidr in enumerate(given.cidr_ranges if given is not None else ()):
        try:
            address = ip_address(cidr.address_prefix)
        except ValueError:
            at = (*_HCM, "internalAddressConfig", "cidrRanges", index)
            text = (
                f"{cidr.address_prefix!r} is not an IP address" if cidr.address_prefix else "a range needs an address"
            )
            hint = "the length of the prefix is a field of its own: addressPrefix 10.0.0.0, prefixLen 8"
            reporter.report("ES0528", (*at, "addressPrefix") if cidr.address_prefix else at, text, hint)
        else:
            length = min(cidr.prefix_len or 0, address.max_prefixlen)
            found.append(str(ip_network(f"{address}/{length}", strict=False)))
    return tuple(found)


def _connections(given: schema.ConnectionLimit | None, reporter: Reporter) -> int:
    """Read the limit of connections, which Envoy wants above 0; 0 is none here."""
    if given is None:
        return 0
    if not given.max_active_connections:
        at = (*_PATH, "connectionLimit")
        path: FieldPath = at if given.max_active_connections is None else (*at, "maxActiveConnections")
        reporter.report("ES0521", path, "maxActiveConnections must be at least 1")
    return given.max_active_connections or 0


def body_limit(spec: schema.GatewaySpec) -> int:
    """Return how many bytes the body of a direct response may have."""
    given = (spec.route_options or _NO_ROUTES).max_direct_response_body_size_bytes
    return DEFAULT_MAX_BODY if given is None else given

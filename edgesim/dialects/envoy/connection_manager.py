"""How a listener takes requests, as Envoy's HttpConnectionManager."""

from __future__ import annotations

import json
from collections.abc import Sequence

from edgesim.dialects.envoy.form import Form, Json, Kind, Part, given, seconds, typed, used
from edgesim.dialects.envoy.http_filters import headers_taken_early, http_filters
from edgesim.dialects.envoy.route_policies import upgrade
from edgesim.model import DEFAULT_LISTENER, Listener, ListenerOptions, VirtualHost

STAT_PREFIX = "http"
"""As Gloo says for all of them, so that queries made there find their metrics here."""
_NAME = "envoy.filters.network.http_connection_manager"
_KIB = 1024


def connection_manager(listener: Listener, hosts: Sequence[VirtualHost], routes: Part, form: Form) -> Json:
    """Return the network filter; `routes` is the configuration it routes by, here or where the form fetches it."""
    options = listener.options
    config = typed(
        "filters.network.http_connection_manager.v3.HttpConnectionManager",
        stat_prefix=STAT_PREFIX,
        **_addresses(options),
        **_heads(options),
        **_timeouts(options),
        upgrade_configs=_upgrades(options),
        early_header_mutation_extensions=_early(hosts),
        access_log=[_access_log(form)] if form.access_log else None,
        http_filters=http_filters(options, hosts, form),
        **_routes(routes, form),
    )
    return {"name": _NAME, "typed_config": config}


def _routes(routes: Part, form: Form) -> Json:
    if form.source is None:
        return {"route_config": routes}
    name = routes["name"]
    return {"rds": {"route_config_name": name, "config_source": form.source(Kind.ROUTES, name)}}


def _addresses(options: ListenerOptions) -> Json:
    """Return whom a request is from, and who may say so."""
    ranges = [*map(_range, options.internal_addresses)]
    return {
        **used(
            use_remote_address=options.use_remote_address,
            internal_address_config={"cidr_ranges": ranges} if ranges else None,
            xff_num_trusted_hops=options.xff_trusted_hops,
            skip_xff_append=options.skip_xff_append,
            preserve_external_request_id=options.preserve_external_request_id,
        ),
        **({} if options.generate_request_id else {"generate_request_id": False}),
        **({} if options.server_name == DEFAULT_LISTENER.server_name else {"server_name": options.server_name}),
    }


def _range(text: str) -> Json:
    prefix, _, length = text.partition("/")
    return {"address_prefix": prefix, "prefix_len": int(length)}


def _heads(options: ListenerOptions) -> Json:
    """Return how heads are read."""
    larger = options.max_headers_bytes != DEFAULT_LISTENER.max_headers_bytes
    older = used(accept_http_10=options.accept_http_10, default_host_for_http_10=options.default_host_for_http_10)
    return used(
        normalize_path=options.normalize_path,
        merge_slashes=options.merge_slashes,
        strip_any_host_port=options.strip_any_host_port,
        http_protocol_options=older,
        max_request_headers_kb=-(-options.max_headers_bytes // _KIB) if larger else None,
    )


def _timeouts(options: ListenerOptions) -> Json:
    common = used(
        max_headers_count=options.max_headers if options.max_headers != DEFAULT_LISTENER.max_headers else None,
        idle_timeout=_unless_default(options.idle_timeout, DEFAULT_LISTENER.idle_timeout),
        max_stream_duration=_unless_default(options.max_stream_duration, 0.0),
    )
    return used(
        common_http_protocol_options=common,
        stream_idle_timeout=_unless_default(options.stream_idle_timeout, DEFAULT_LISTENER.stream_idle_timeout),
        request_headers_timeout=_unless_default(options.header_timeout, 0.0),
        request_timeout=_unless_default(options.request_timeout, 0.0),
    )


def _unless_default(value: float, default: float) -> str | None:
    return None if value == default else seconds(value)


def _upgrades(options: ListenerOptions) -> list[Json] | None:
    names = [name for name, on in (("websocket", options.websocket), ("connect", options.allow_connect)) if on]
    return [upgrade(name, on=True) for name in names] or None


def _early(hosts: Sequence[VirtualHost]) -> list[Json] | None:
    removed = [{"remove": name} for name in headers_taken_early(hosts)]
    if not removed:
        return None
    config = typed("http.early_header_mutation.header_mutation.v3.HeaderMutation", mutations=removed)
    return [{"name": "envoy.http.early_header_mutation.header_mutation", "typed_config": config}]


def _access_log(form: Form) -> Json:
    source = _log_format(form.access_log_format)
    if form.access_log == "-":
        config = typed("access_loggers.stream.v3.StdoutAccessLog", log_format=source)
        return {"name": "envoy.access_loggers.stdout", "typed_config": config}
    config = typed("access_loggers.file.v3.FileAccessLog", path=form.access_log, **given(log_format=source))
    return {"name": "envoy.access_loggers.file", "typed_config": config}


def _log_format(text: str) -> Json | None:
    """Return a SubstitutionFormatString of a format string, or of a JSON object of them; None for Envoy's own."""
    if text.lstrip().startswith("{"):
        return {"json_format": json.loads(text)}
    return {"text_format_source": {"inline_string": text}} if text else None

"""The model's policies as Envoy's filters and route options: what Gloo would send, on top of `tests.envoy`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edgesim.model import Cluster, ListenerOptions, Model, Policies, Route, VirtualHost, options_of
from edgesim.model.policies import Csrf, Fault, HashKind, HashPolicy, LocalRateLimit, RetryPolicy, StringMatch
from tests.envoy import bootstrap

Json = dict[str, Any]
_TYPES = "type.googleapis.com/envoy.extensions"
_FILTERS = {
    "fault": ("fault.v3.HTTPFault", "fault.v3.HTTPFault"),
    "cors": ("cors.v3.Cors", "cors.v3.CorsPolicy"),
    "csrf": ("csrf.v3.CsrfPolicy", "csrf.v3.CsrfPolicy"),
    "local_ratelimit": ("local_ratelimit.v3.LocalRateLimit", "local_ratelimit.v3.LocalRateLimit"),
    "buffer": ("buffer.v3.Buffer", "buffer.v3.BufferPerRoute"),
    "router": ("router.v3.Router", ""),
}
"""Filters in Gloo's order: the type of each one's configuration on the listener, and on a route."""


def envoy_config(models: Mapping[str, Model], log: Path | None = None, log_format: str = "") -> Json:
    """Return one bootstrap with a listener for each model, named as its key; an empty format is Envoy's default."""
    whole: Json = {}
    clusters: dict[str, Json] = {}
    listeners = []
    for name, model in models.items():
        whole = bootstrap(model, **_connections(options_of(model, tls=False), log, log_format))
        resources = whole["static_resources"]
        listener = resources["listeners"][0] | {"name": name}
        listeners.append(listener)
        routes = listener["filter_chains"][0]["filters"][0]["typed_config"]["route_config"]
        routes["most_specific_header_mutations_wins"] = options_of(model, tls=False).most_specific_mutations_win
        for host, written in zip(model.virtual_hosts, routes["virtual_hosts"], strict=True):
            _complete_host(host, written)
        for cluster, written in zip(model.clusters, resources["clusters"], strict=True):
            clusters[cluster.name] = written | _complete_cluster(cluster)
    return whole | {"static_resources": {"listeners": listeners, "clusters": [*clusters.values()]}}


def _typed(name: str, **config: Any) -> Json:
    return {"@type": f"{_TYPES}.{name}", **config}


def _filter(name: str, **config: Any) -> Json:
    return {
        "name": f"envoy.filters.http.{name}",
        "typed_config": _typed(f"filters.http.{_FILTERS[name][0]}", **config),
    }


def _connections(options: ListenerOptions, log: Path | None, log_format: str) -> Json:
    """Return the connection manager's options."""
    http = {"max_stream_duration": _seconds(options.max_stream_duration)} if options.max_stream_duration else {}
    return {
        "use_remote_address": options.use_remote_address,
        "xff_num_trusted_hops": options.xff_trusted_hops,
        "skip_xff_append": options.skip_xff_append,
        "generate_request_id": options.generate_request_id,
        "preserve_external_request_id": options.preserve_external_request_id,
        "server_name": "" if options.server_name == "envoy" else options.server_name,
        **_internal(options),
        "stream_idle_timeout": _seconds(options.stream_idle_timeout),
        "common_http_protocol_options": http,
        "upgrade_configs": [{"upgrade_type": "websocket"}],
        "access_log": [] if log is None else [_access_log(log, log_format)],
        "http_filters": _http_filters(options),
    }


def _internal(options: ListenerOptions) -> Json:
    """Return the addresses that are internal; an empty list would mean the private ones."""
    ranges = [*map(_range, options.internal_addresses)]
    return {"internal_address_config": {"cidr_ranges": ranges}} if ranges else {}


def _http_filters(options: ListenerOptions) -> list[Json]:
    limit = {} if options.local_rate_limit is None else _rate_limit(options.local_rate_limit)
    return [
        _filter("fault"),
        _filter("cors"),
        _filter("csrf", **_csrf(options.csrf or Csrf())),
        _filter("local_ratelimit", **({"stat_prefix": "limit"} | limit)),
        *([] if options.buffer_bytes is None else [_filter("buffer", max_request_bytes=options.buffer_bytes)]),
        _filter("router", suppress_envoy_headers=options.suppress_envoy_headers),
    ]


_ALL = {"numerator": 100}
_FAULT_BY_HEADER = {
    "delay": {"header_delay": {}, "percentage": _ALL},
    "abort": {"header_abort": {}, "percentage": _ALL},
}


def _access_log(log: Path, log_format: str) -> Json:
    text = {"log_format": {"text_format_source": {"inline_string": log_format}}} if log_format else {}
    return {
        "name": "file",
        "typed_config": _typed("access_loggers.file.v3.FileAccessLog", path=str(log), **text),
    }


def _range(text: str) -> Json:
    address, _, length = text.partition("/")
    return {"address_prefix": address, "prefix_len": int(length)}


def _seconds(value: float) -> str:
    return f"{value:.6f}s"


def _fraction(millionths: int) -> Json:
    return {"numerator": millionths, "denominator": "MILLION"}


def _runtime(millionths: int) -> Json:
    return {"default_value": _fraction(millionths)}


# -- virtual hosts, routes, clusters -------------------------------------------------------------------


def _complete_host(host: VirtualHost, written: Json) -> None:
    policies = host.policies
    written["include_request_attempt_count"] = policies.include_attempt_count
    written["include_attempt_count_in_response"] = policies.include_attempt_count_in_response
    if policies.retries is not None:
        written["retry_policy"] = _retries(policies.retries)
    written["typed_per_filter_config"] = _per_filter(policies)
    routes = [route for route in host.routes for _ in route.matches]
    for route, made in zip(routes, written["routes"], strict=True):
        _complete_route(route, made)


def _complete_route(route: Route, written: Json) -> None:
    policies = route.policies
    written["name"] = route.name
    written["typed_per_filter_config"] = _per_filter(policies)
    if "route" not in written:
        return
    action = written["route"]
    if policies.retries is not None:
        action["retry_policy"] = _retries(policies.retries)
    if policies.mirror is not None:
        mirror = policies.mirror
        action["request_mirror_policies"] = [
            {
                "cluster": mirror.cluster,
                "runtime_fraction": _runtime(mirror.millionths),
                "disable_shadow_host_suffix_append": not mirror.append_suffix,
                "host_rewrite_literal": mirror.host,
            }
        ]
    action["hash_policy"] = [*map(_hash, policies.hash_policies)]
    if policies.sticky_weights:
        action["weighted_clusters"]["use_hash_policy"] = True
    action["append_x_forwarded_host"] = policies.append_x_forwarded_host
    if policies.idle_timeout is not None:
        action["idle_timeout"] = _seconds(policies.idle_timeout)
    if policies.max_stream_duration is not None:
        action["max_stream_duration"] = {"max_stream_duration": _seconds(policies.max_stream_duration)}
    for arm, made in zip(
        getattr(route.action, "weighted", ()), action.get("weighted_clusters", {}).get("clusters", ()), strict=True
    ):
        made["typed_per_filter_config"] = _per_filter(arm.policies)


def _retries(policy: RetryPolicy) -> Json:
    off = {"base_interval": _seconds(policy.base_interval)}
    if policy.max_interval is not None:
        off["max_interval"] = _seconds(policy.max_interval)
    tries = {} if policy.per_try_timeout is None else {"per_try_timeout": _seconds(policy.per_try_timeout)}
    return {
        "retry_on": ",".join(policy.retry_on),
        "num_retries": policy.num_retries,
        "retry_back_off": off,
        "retriable_status_codes": [*policy.retriable_status_codes],
        **tries,
    }


def _hash(policy: HashPolicy) -> Json:
    if policy.kind is HashKind.HEADER:
        return {"header": {"header_name": policy.name}, "terminal": policy.terminal}
    if policy.kind is HashKind.SOURCE_IP:
        return {"connection_properties": {"source_ip": True}, "terminal": policy.terminal}
    ttl = {} if policy.ttl is None else {"ttl": _seconds(policy.ttl)}
    return {"cookie": {"name": policy.name, "path": policy.path, **ttl}, "terminal": policy.terminal}


def _complete_cluster(cluster: Cluster) -> Json:
    hashing = {"lb_policy": "RING_HASH"} if cluster.name.startswith("ring") else {}  # the model has no such choice
    return {**hashing, "circuit_breakers": {"thresholds": [{"max_retries": cluster.breakers.max_retries}]}}


# -- filters ------------------------------------------------------------------------------------------


def _per_filter(policies: Policies) -> Json:
    made: dict[str, Json] = {}
    if policies.fault is not None:
        made["fault"] = _fault(policies.fault)
    elif policies.faults_by_header:
        made["fault"] = _FAULT_BY_HEADER
    cors = policies.cors
    if cors is not None:
        made["cors"] = {
            "allow_origin_string_match": [
                *({"exact": origin} for origin in cors.allow_origin),
                *({"safe_regex": {"regex": regex}} for regex in cors.allow_origin_regex),
            ],
            "allow_methods": cors.allow_methods,
            "allow_headers": cors.allow_headers,
            "expose_headers": cors.expose_headers,
            "max_age": cors.max_age,
            **({"allow_credentials": True} if cors.allow_credentials else {}),
            **({"filter_enabled": _runtime(0)} if cors.disabled else {}),
        }
    if policies.csrf is not None:
        made["csrf"] = _csrf(policies.csrf)
    if policies.local_rate_limit is not None:
        made["local_ratelimit"] = _rate_limit(policies.local_rate_limit)
    if policies.buffer is not None:
        most = policies.buffer.max_bytes
        made["buffer"] = {"disabled": True} if most is None else {"buffer": {"max_request_bytes": most}}
    return {
        f"envoy.filters.http.{name}": _typed(f"filters.http.{_FILTERS[name][1]}", **config)
        for name, config in made.items()
    }


def _fault(fault: Fault) -> Json:
    made: Json = {}
    if fault.delay:
        made["delay"] = {"fixed_delay": _seconds(fault.delay), "percentage": _fraction(fault.delay_millionths)}
    if fault.abort_status:
        made["abort"] = {"http_status": fault.abort_status, "percentage": _fraction(fault.abort_millionths)}
    return made


def _csrf(csrf: Csrf) -> Json:
    return {
        "filter_enabled": _runtime(csrf.enforced_millionths),
        "shadow_enabled": _runtime(csrf.shadow_millionths),
        "additional_origins": [*map(_string, csrf.additional_origins)],
    }


def _string(match: StringMatch) -> Json:
    kind = match.kind.value
    made: Json = {"safe_regex": {"regex": match.value}} if kind == "regex" else {kind: match.value}
    return made | ({"ignore_case": True} if match.ignore_case else {})


def _rate_limit(limit: LocalRateLimit) -> Json:
    return {
        "stat_prefix": "limit",
        "token_bucket": {
            "max_tokens": limit.max_tokens,
            "tokens_per_fill": limit.tokens_per_fill,
            "fill_interval": _seconds(limit.fill_interval),
        },
        "filter_enabled": _runtime(1_000_000),
        "filter_enforced": _runtime(1_000_000),
    }

"""Policies that Envoy's HTTP filters take, as `typed_per_filter_config` of a level."""

from __future__ import annotations

from edgesim.dialects.envoy.form import Json, fraction, runtime_fraction, seconds, typed, used
from edgesim.dialects.envoy.matchers import regex, string_matcher
from edgesim.model import Policies
from edgesim.model.policies import BufferLimit, Cors, Csrf, Fault, LocalRateLimit

FAULT = "envoy.filters.http.fault"
CORS = "envoy.filters.http.cors"
JWT = "envoy.filters.http.jwt_authn"
CSRF = "envoy.filters.http.csrf"
RATE = "envoy.filters.http.local_ratelimit"
BUFFER = "envoy.filters.http.buffer"
_ALL = {"numerator": 100}


def per_filter(policies: Policies) -> Json:
    """Return the configuration of each filter that a level says something to, by the filter's name."""
    found: dict[str, Json | None] = {
        FAULT: _fault(policies),
        CORS: None if policies.cors is None else _cors(policies.cors),
        JWT: _tokens_off(policies),
        CSRF: None if policies.csrf is None else csrf(policies.csrf),
        RATE: None if policies.local_rate_limit is None else rate_limit(policies.local_rate_limit),
        BUFFER: None if policies.buffer is None else _buffer(policies.buffer),
    }
    return {name: config for name, config in found.items() if config is not None}


def _fault(policies: Policies) -> Json | None:
    if policies.fault is not None:
        return typed("filters.http.fault.v3.HTTPFault", **_faults(policies.fault))
    if not policies.faults_by_header:
        return None
    delay = {"header_delay": {}, "percentage": _ALL}
    return typed("filters.http.fault.v3.HTTPFault", delay=delay, abort={"header_abort": {}, "percentage": _ALL})


def _faults(fault: Fault) -> Json:
    made: Json = {}
    if fault.delay:
        made["delay"] = {"fixed_delay": seconds(fault.delay), "percentage": fraction(fault.delay_millionths)}
    if fault.abort_status:
        made["abort"] = {"http_status": fault.abort_status, "percentage": fraction(fault.abort_millionths)}
    return made


def _cors(cors: Cors) -> Json:
    origins = [
        *({"exact": origin} for origin in cors.allow_origin),
        *({"safe_regex": regex(pattern)} for pattern in cors.allow_origin_regex),
    ]
    return typed(
        "filters.http.cors.v3.CorsPolicy",
        **used(
            allow_origin_string_match=origins,
            allow_methods=cors.allow_methods,
            allow_headers=cors.allow_headers,
            expose_headers=cors.expose_headers,
            max_age=cors.max_age,
            allow_credentials=cors.allow_credentials,
            filter_enabled=runtime_fraction(0) if cors.disabled else None,
        ),
    )


def _tokens_off(policies: Policies) -> Json | None:
    if policies.jwt is None or not policies.jwt.disabled:
        return None
    return typed("filters.http.jwt_authn.v3.PerRouteConfig", disabled=True)


def csrf(policy: Csrf) -> Json:
    """Return a CsrfPolicy."""
    return typed(
        "filters.http.csrf.v3.CsrfPolicy",
        filter_enabled=runtime_fraction(policy.enforced_millionths),
        shadow_enabled=runtime_fraction(policy.shadow_millionths),
        **used(additional_origins=[*map(string_matcher, policy.additional_origins)]),
    )


def rate_limit(limit: LocalRateLimit) -> Json:
    """Return a LocalRateLimit that is enforced for every request."""
    bucket = {
        "max_tokens": limit.max_tokens,
        "tokens_per_fill": limit.tokens_per_fill,
        "fill_interval": seconds(limit.fill_interval),
    }
    whole = runtime_fraction(1_000_000)
    return typed(
        "filters.http.local_ratelimit.v3.LocalRateLimit",
        stat_prefix="limit",
        token_bucket=bucket,
        filter_enabled=whole,
        filter_enforced=dict(whole),
    )


def _buffer(limit: BufferLimit) -> Json:
    if limit.max_bytes is None:
        return typed("filters.http.buffer.v3.BufferPerRoute", disabled=True)
    return typed("filters.http.buffer.v3.BufferPerRoute", buffer={"max_request_bytes": limit.max_bytes})

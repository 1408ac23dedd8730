"""The options of a level become its policies (reference section 6)."""

from __future__ import annotations

import dataclasses

import msgspec

from edgesim.dialects.gloo.cors import cors_headers, cors_of, csrf_of
from edgesim.dialects.gloo.faults import fault_of, mirror_of
from edgesim.dialects.gloo.hashing import hash_policies
from edgesim.dialects.gloo.jwt import host_jwt, route_jwt
from edgesim.dialects.gloo.limits import buffer_limit, local_rate_limit, timeout_of, upgrades_of
from edgesim.dialects.gloo.metadata import FAULTS_BY_HEADER, ON_EMPTY, STICKY_WEIGHTS, Own, own_settings
from edgesim.dialects.gloo.retries import retry_policy
from edgesim.dialects.gloo.scope import Reporter
from edgesim.dialects.resource import FieldPath
from edgesim.dialects.schema import gateway, options
from edgesim.model import NO_POLICIES, HeaderValue, OnEmpty, Policies

FORWARDING_ONLY = (
    "prefix_rewrite",
    "regex_rewrite",
    "timeout",
    "idle_timeout",
    "max_stream_duration",
    "retries",
    "host_rewrite",
    "auto_host_rewrite",
    "host_rewrite_header",
    "host_rewrite_path_regex",
    "append_x_forwarded_host",
    "upgrades",
    "faults",
)
"""Options that Gloo silently ignores on a route that does not forward; edgesim says so in a note."""

HOST_REWRITES = ("host_rewrite", "auto_host_rewrite", "host_rewrite_header", "host_rewrite_path_regex")

_YAML = {member.name: member.encode_name for member in msgspec.structs.fields(options.RouteOptions)}


def route_policies(route: gateway.Route, path: FieldPath, reporter: Reporter) -> Policies:
    """Read the policies of a route; most of them act on forwarding only."""
    given = route.options
    if given is None:
        return NO_POLICIES
    if route.route_action is None:
        own = own_settings(given.envoy_metadata, path, reporter)
        _ignore(given, own, path, reporter)
        _refuse(given, route, path, reporter)
        return Policies(
            csrf=csrf_of(given.csrf, path, reporter),
            local_rate_limit=local_rate_limit(given, path, reporter),
            buffer=buffer_limit(given.buffer_per_route, path, reporter),
            jwt=route_jwt(given),
            sticky_weights=STICKY_WEIGHTS in own,
        )
    return _forwarding(given, route.route_action, path, reporter)


def _forwarding(
    given: options.RouteOptions, action: gateway.RouteAction, path: FieldPath, reporter: Reporter
) -> Policies:
    duration = given.max_stream_duration
    at = (*path, "maxStreamDuration", "maxStreamDuration")
    own = own_settings(given.envoy_metadata, path, reporter)
    return Policies(
        retries=retry_policy(given.retries, path, reporter),
        fault=fault_of(given.faults, path, reporter) if _has_upstream(given, action, path, reporter) else None,
        cors=cors_of(given.cors, path, reporter),
        csrf=csrf_of(given.csrf, path, reporter),
        local_rate_limit=local_rate_limit(given, path, reporter),
        mirror=mirror_of(given.shadowing, path, reporter),
        hash_policies=hash_policies(given.lb_hash, path, reporter),
        buffer=buffer_limit(given.buffer_per_route, path, reporter),
        jwt=route_jwt(given),
        idle_timeout=timeout_of(given.idle_timeout, (*path, "idleTimeout"), reporter),
        max_stream_duration=timeout_of(duration.max_stream_duration, at, reporter) if duration is not None else None,
        upgrades=upgrades_of(given.upgrades, path, reporter),
        sticky_weights=STICKY_WEIGHTS in own and _sticky(given, action, path, reporter),
        faults_by_header=FAULTS_BY_HEADER in own and _takes_faults(given, path, reporter),
        on_empty=_on_empty(own, action, path, reporter),
        append_x_forwarded_host=_appends_host(given, path, reporter),
    )


def host_policies(given: options.VirtualHostOptions | None, path: FieldPath, reporter: Reporter) -> Policies:
    """Read the policies of a virtual host."""
    if given is None:
        return NO_POLICIES
    if given.cors is not None and given.cors.disable_for_route:
        text = "`disableForRoute` has no effect on a virtual host"
        reporter.report("ES0604", (*path, "cors", "disableForRoute"), text)
    cors = cors_of(given.cors, path, reporter, "invalid cors config: ")
    return Policies(
        retries=retry_policy(given.retries, path, reporter),
        cors=dataclasses.replace(cors, disabled=False) if cors is not None else None,
        csrf=csrf_of(given.csrf, path, reporter),
        local_rate_limit=local_rate_limit(given, path, reporter),
        buffer=buffer_limit(given.buffer_per_route, path, reporter),
        jwt=host_jwt(given, path, reporter),
        include_attempt_count=given.include_request_attempt_count is True,
        include_attempt_count_in_response=given.include_attempt_count_in_response is True,
    )


def arm_policies(given: options.WeightedDestinationOptions | None, path: FieldPath, reporter: Reporter) -> Policies:
    """Read the policies of one arm of a split."""
    if given is None:
        return NO_POLICIES
    return Policies(
        csrf=csrf_of(given.csrf, path, reporter), buffer=buffer_limit(given.buffer_per_route, path, reporter)
    )


def direct_response_headers(route: gateway.Route) -> tuple[HeaderValue, ...]:
    """Return the headers by which Gloo emulates CORS on a direct response."""
    cors = route.options.cors if route.options is not None else None
    if cors is None or route.direct_response_action is None or cors.disable_for_route:
        return ()
    return cors_headers(cors)


def _ignore(given: options.RouteOptions, own: Own, path: FieldPath, reporter: Reporter) -> None:
    """Note the forwarding options of a route that does not forward."""
    for name in FORWARDING_ONLY:
        if getattr(given, name) is not None:
            text = f"`{_YAML[name]}` has no effect on a route that does not forward"
            reporter.report("ES0604", (*path, _YAML[name]), text)
    for name, asked in ((FAULTS_BY_HEADER, FAULTS_BY_HEADER in own), (ON_EMPTY, own.on_empty is not None)):
        if asked:
            text = f"`{name}` has no effect on a route that does not forward"
            reporter.report("ES0604", (*path, "envoyMetadata"), text)


def _refuse(given: options.RouteOptions, route: gateway.Route, path: FieldPath, reporter: Reporter) -> None:
    """Report the options that Gloo refuses on a route that does not forward."""
    plain = route.direct_response_action is not None and given.cors is not None and not given.cors.disable_for_route
    for name, plugin, code in (("shadowing", "shadowing", "ES0236"), ("lb_hash", "lbhash", "ES0237")):
        if getattr(given, name) is not None:
            text = f"cannot use {plugin} plugin on non-Route_Route route actions"
            reporter.report(code, (*path, _YAML[name]), text, "only a route with `routeAction` can have it")
    if given.cors is not None and not plain:
        text = "cannot use cors plugin on non-Route_Route route actions"
        reporter.report("ES0235", (*path, "cors"), text, "only a route with `routeAction` can have it")


def _has_upstream(
    given: options.RouteOptions, action: gateway.RouteAction, path: FieldPath, reporter: Reporter
) -> bool:
    """Tell whether faults act: not where a header names the cluster."""
    if action.cluster_header is None and action.dynamic_forward_proxy is None:
        return True
    if given.faults is not None:
        reporter.report("ES0604", (*path, "faults"), "`faults` has no effect on a route without an upstream")
    return False


def _sticky(given: options.RouteOptions, action: gateway.RouteAction, path: FieldPath, reporter: Reporter) -> bool:
    """Note where there is nothing to stick with."""
    if given.lb_hash is None:
        text = "`stickyWeights` has no effect without `lbHash`, which says what a user is known by"
        reporter.report("ES0604", (*path, "envoyMetadata"), text, "add `lbHash`")
    elif action.multi is None and action.upstream_group is None:
        text = "`stickyWeights` has no effect on a route that splits nothing"
        reporter.report("ES0604", (*path, "envoyMetadata"), text)
    return True


def _on_empty(own: Own, action: gateway.RouteAction, path: FieldPath, reporter: Reporter) -> OnEmpty | None:
    """Note where there is no other arm to go to."""
    if own.on_empty is OnEmpty.REDISTRIBUTE and action.multi is None and action.upstream_group is None:
        text = "`onEmpty: redistribute` has no effect on a route that splits nothing"
        reporter.report("ES0604", (*path, "envoyMetadata"), text)
    return own.on_empty


def _takes_faults(given: options.RouteOptions, path: FieldPath, reporter: Reporter) -> bool:
    """Note that a route's own faults go before those of headers."""
    if given.faults is not None:
        text = "`faultsByHeader` has no effect beside `faults`, which every request of the route gets"
        reporter.report("ES0604", (*path, "envoyMetadata"), text)
    return True


def _appends_host(given: options.RouteOptions, path: FieldPath, reporter: Reporter) -> bool:
    """Read `appendXForwardedHost`, which Gloo reads only beside a host rewrite."""
    if not given.append_x_forwarded_host:
        return False
    rewritten = any(getattr(given, name) for name in HOST_REWRITES)
    if not rewritten:
        text = "`appendXForwardedHost` has no effect without a host rewrite"
        reporter.report("ES0604", (*path, "appendXForwardedHost"), text)
    return rewritten

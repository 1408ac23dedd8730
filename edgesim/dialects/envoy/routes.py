"""Virtual hosts and routes as Envoy's RouteConfiguration."""

from __future__ import annotations

from collections.abc import Sequence

from edgesim.dialects.envoy.actions import action
from edgesim.dialects.envoy.form import Form, Json, Part, given, used
from edgesim.dialects.envoy.headers import mutations
from edgesim.dialects.envoy.jwt import requirement
from edgesim.dialects.envoy.matchers import route_match
from edgesim.dialects.envoy.per_filter import JWT, per_filter
from edgesim.dialects.envoy.route_policies import retry_policy
from edgesim.model import DirectResponseAction, Listener, Route, RouteMatch, VirtualHost

_SHORT_BODY = 4096
"""Bytes a direct response may have where nothing is said (RouteConfiguration.max_direct_response_body_size_bytes)."""


def route_configuration(listener: Listener, hosts: Sequence[VirtualHost], form: Form) -> Part:
    """Return what a listener routes by; it may name clusters that are not there, which answer 503."""
    longest = max(map(_longest_body, hosts), default=0)
    return Part(
        {
            "name": routes_name(listener),
            "virtual_hosts": [virtual_host(host, form) for host in hosts],
            "validate_clusters": False,
            **given(max_direct_response_body_size_bytes=longest if longest > _SHORT_BODY else None),
            **used(most_specific_header_mutations_wins=listener.options.most_specific_mutations_win),
        },
        listener.origin,
    )


def routes_name(listener: Listener) -> str:
    """Return the name of a listener's routes, as Gloo forms it."""
    return f"{listener.name}-routes"


def _longest_body(host: VirtualHost) -> int:
    actions = (route.action for route in host.routes)
    return max((len(each.body.encode()) for each in actions if isinstance(each, DirectResponseAction)), default=0)


def virtual_host(host: VirtualHost, form: Form) -> Part:
    """Return a VirtualHost; a route of several matches is as many routes."""
    policies = host.policies
    tokens = {} if policies.jwt is None else {JWT: requirement(host)}
    return Part(
        {
            "name": host.name,
            "domains": [*host.domains],
            **given(retry_policy=None if policies.retries is None else retry_policy(policies.retries)),
            **mutations(host.headers),
            **used(
                include_request_attempt_count=policies.include_attempt_count,
                include_attempt_count_in_response=policies.include_attempt_count_in_response,
                typed_per_filter_config=per_filter(policies) | tokens,
                routes=[_route(route, match, form) for route in host.routes for match in route.matches],
            ),
        },
        host.origin,
    )


def _route(route: Route, match: RouteMatch, form: Form) -> Part:
    made: Json = {
        **used(name=route.name),
        "match": route_match(match),
        **action(route, form),
        **mutations(route.headers),
        **used(typed_per_filter_config=per_filter(route.policies)),
    }
    return Part(made, route.origin)

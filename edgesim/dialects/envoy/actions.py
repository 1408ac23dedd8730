"""What a route does, as Envoy's RouteAction, RedirectAction and DirectResponseAction."""

from __future__ import annotations

from edgesim.dialects.envoy.form import Form, Json, given, optional_seconds, used
from edgesim.dialects.envoy.headers import mutations
from edgesim.dialects.envoy.matchers import regex
from edgesim.dialects.envoy.per_filter import per_filter
from edgesim.dialects.envoy.route_policies import forwarding_policies
from edgesim.model import (
    DirectResponseAction,
    ForwardAction,
    HostRewriteKind,
    Policies,
    RedirectAction,
    RegexRewrite,
    Route,
    Subset,
    WeightedCluster,
)

_REDIRECTS = {
    301: "MOVED_PERMANENTLY",
    302: "FOUND",
    303: "SEE_OTHER",
    307: "TEMPORARY_REDIRECT",
    308: "PERMANENT_REDIRECT",
}
NO_CLUSTER = "no_such_cluster"
"""Stands for a destination without a name (a missing UpstreamGroup): Envoy takes no empty name, and answers 503 to this."""
_HOST_REWRITES = {HostRewriteKind.LITERAL: "host_rewrite_literal", HostRewriteKind.HEADER: "host_rewrite_header"}


def action(route: Route, form: Form) -> Json:
    """Return the field of a Route that holds its action."""
    does = route.action
    if isinstance(does, DirectResponseAction):
        return {"direct_response": direct_response(does)}
    if isinstance(does, RedirectAction):
        return {"redirect": _redirect(does)}
    return {"route": _forward(does, route.policies, form)}


def direct_response(does: DirectResponseAction) -> Json:
    """Return a DirectResponseAction."""
    return {"status": does.status, **({"body": {"inline_string": does.body}} if does.body else {})}


def _redirect(does: RedirectAction) -> Json:
    return given(
        response_code=_REDIRECTS[does.status],
        host_redirect=does.host,
        path_redirect=does.path,
        prefix_rewrite=does.prefix_rewrite,
        regex_rewrite=_regex_rewrite(does.regex_rewrite),
        port_redirect=does.port,
        **used(https_redirect=does.https, strip_query=does.strip_query),
    )


def _forward(does: ForwardAction, policies: Policies, form: Form) -> Json:
    return {
        **_target(does, policies, form),
        **given(
            prefix_rewrite=does.prefix_rewrite,
            regex_rewrite=_regex_rewrite(does.regex_rewrite),
            timeout=optional_seconds(does.timeout),
        ),
        **_host_rewrite(does),
        **forwarding_policies(policies),
    }


def _target(does: ForwardAction, policies: Policies, form: Form) -> Json:
    if does.weighted:
        arms = [*map(_arm, does.weighted)]
        drawn = used(header_name=form.draw_header) or used(use_hash_policy=policies.sticky_weights)
        return {"weighted_clusters": {"clusters": arms, **drawn}}
    if does.destination is None:
        return {"cluster_header": does.cluster_header}
    return {"cluster": does.destination.cluster or NO_CLUSTER, **_subset(does.destination.subset)}


def _arm(arm: WeightedCluster) -> Json:
    return {
        "name": arm.destination.cluster or NO_CLUSTER,
        "weight": arm.weight,
        **_subset(arm.destination.subset),
        **mutations(arm.headers),
        **used(typed_per_filter_config=per_filter(arm.policies)),
    }


def _subset(subset: Subset) -> Json:
    return {"metadata_match": {"filter_metadata": {"envoy.lb": dict(subset)}}} if subset else {}


def _host_rewrite(does: ForwardAction) -> Json:
    rewrite = does.host_rewrite
    if rewrite is None:
        return {}
    if rewrite.kind is HostRewriteKind.AUTO:
        return {"auto_host_rewrite": True}
    if rewrite.kind is HostRewriteKind.PATH_REGEX:
        return given(host_rewrite_path_regex=_regex_rewrite(rewrite.regex))
    return {_HOST_REWRITES[rewrite.kind]: rewrite.value}


def _regex_rewrite(rewrite: RegexRewrite | None) -> Json | None:
    return None if rewrite is None else {"pattern": regex(rewrite.pattern), "substitution": rewrite.substitution}

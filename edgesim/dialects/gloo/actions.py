"""Actions of a route (reference section 4)."""

from __future__ import annotations

from edgesim.dialects.gloo.destinations import UNKNOWN_CLUSTER, read_destination, read_group, read_weighted
from edgesim.dialects.gloo.paths import check_path, check_rewrite
from edgesim.dialects.gloo.rewrites import Rewrites, read_regex_rewrite, read_rewrites
from edgesim.dialects.gloo.scope import Reporter
from edgesim.dialects.resource import FieldPath
from edgesim.dialects.schema import gateway
from edgesim.model import Action, DirectResponseAction, ForwardAction, RedirectAction

_STATUS = (301, 302, 303, 307, 308)
_NAMES = ("MOVED_PERMANENTLY", "FOUND", "SEE_OTHER", "TEMPORARY_REDIRECT", "PERMANENT_REDIRECT")


def read_action(route: gateway.Route, path: FieldPath, reporter: Reporter) -> Action | None:
    """Read what a route does; None if it cannot be served."""
    if route.route_action is not None:
        rewrites = read_rewrites(route.options, (*path, "options"), reporter)
        return _forward(route.route_action, (*path, "routeAction"), rewrites, reporter)
    if route.redirect_action is not None:
        return _redirect(route.redirect_action, (*path, "redirectAction"), reporter)
    if route.direct_response_action is not None:
        return _respond(route.direct_response_action, (*path, "directResponseAction"), reporter)
    hint = "add a `routeAction`, `redirectAction`, `directResponseAction` or `delegateAction`"
    reporter.report("ES0204", path, "invalid route: route must specify an action", hint)
    return None


def _forward(
    given: gateway.RouteAction, path: FieldPath, rewrites: Rewrites, reporter: Reporter
) -> ForwardAction | None:
    namespace = reporter.resource.namespace
    if given.single is not None:
        destination = read_destination(given.single, (*path, "single"), namespace, reporter)
        return None if destination is None else _action(rewrites, ForwardAction(destination=destination))
    if given.multi is not None:
        at = (*path, "multi", "destinations")
        weighted = read_weighted(given.multi.destinations, at, namespace, reporter)
        return _action(rewrites, ForwardAction(weighted=weighted)) if weighted else None
    if given.upstream_group is not None:
        name = (given.upstream_group.namespace, given.upstream_group.name)
        arms = read_group(name, (*path, "upstreamGroup"), reporter)
        if arms is None:
            return _action(rewrites, ForwardAction(destination=UNKNOWN_CLUSTER))
        return _action(rewrites, ForwardAction(weighted=arms)) if arms else None
    return _elsewhere(given, path, rewrites, reporter)


def _elsewhere(
    given: gateway.RouteAction, path: FieldPath, rewrites: Rewrites, reporter: Reporter
) -> ForwardAction | None:
    """Read the actions that name no upstream."""
    if given.cluster_header is not None:
        name = given.cluster_header
        if name and name.isascii() and ":" not in name:
            return _action(rewrites, ForwardAction(cluster_header=name.lower()))
        reporter.report("ES0217", (*path, "clusterHeader"), f"{name} is an invalid HTTP header name")
    elif given.dynamic_forward_proxy is not None:
        text = "the dynamic forward proxy is not simulated: this route is left out"
        reporter.report("ES0226", (*path, "dynamicForwardProxy"), text)
    else:
        text = (
            "must specify either 'singleDestination', 'multipleDestinations', 'upstreamGroup', 'clusterHeader', "
            "or 'dynamicForwardProxy' for action"
        )
        reporter.report("ES0211", path, text, "the fields are `single`, `multi`, `upstreamGroup`, `clusterHeader`")
    return None


def _action(rewrites: Rewrites, to: ForwardAction) -> ForwardAction:
    return ForwardAction(
        destination=to.destination,
        weighted=to.weighted,
        cluster_header=to.cluster_header,
        prefix_rewrite=rewrites.prefix,
        regex_rewrite=rewrites.regex,
        host_rewrite=rewrites.host,
        timeout=rewrites.timeout,
    )


def _redirect(given: gateway.RedirectAction, path: FieldPath, reporter: Reporter) -> RedirectAction:
    check_path(given.host_redirect, (*path, "hostRedirect"), reporter)
    check_path(given.path_redirect or "", (*path, "pathRedirect"), reporter)
    check_rewrite(given.prefix_rewrite or "", (*path, "prefixRewrite"), reporter)
    if given.port_redirect is not None and given.port_redirect > 65535:
        reporter.report("ES0231", (*path, "portRedirect"), f"a port must be 0..65535, got {given.port_redirect}")
    code = given.response_code
    return RedirectAction(
        status=_STATUS[code if isinstance(code, int) else _NAMES.index(code)],
        host=given.host_redirect or None,
        path=given.path_redirect or None,
        prefix_rewrite=given.prefix_rewrite or None,
        regex_rewrite=read_regex_rewrite(given.regex_rewrite, (*path, "regexRewrite"), reporter),
        port=given.port_redirect or None,
        https=given.https_redirect,
        strip_query=given.strip_query,
    )


def _respond(given: gateway.DirectResponseAction, path: FieldPath, reporter: Reporter) -> DirectResponseAction:
    if not 200 <= given.status <= 599:
        text = f"the status of a direct response must be 200..599, got {given.status}"
        reporter.report("ES0223", (*path, "status") if given.status else path, text)
    size = len(given.body.encode())
    limit = reporter.scope.max_body
    if size > limit:
        text = f"the body of a direct response has {size} bytes, more than the limit of {limit}"
        reporter.report("ES0224", (*path, "body"), text)
    return DirectResponseAction(given.status, given.body)

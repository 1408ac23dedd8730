"""gateway.solo.io/v1: VirtualService and RouteTable with their routes, and the options that both may name.

Source: Gloo's virtual_service.proto, route_table.proto, external_options.proto, matchers.proto and proxy.proto;
reference sections 2 to 5.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from edgesim.dialects.schema.common import Label, Manifest, NotServed, NotSimulated, OneOf, Ref, Strict, UInt32
from edgesim.dialects.schema.options import (
    DelegateOptionsRefs,
    RegexMatchAndSubstitute,
    RouteOptions,
    VirtualHostOptions,
    WeightedDestinationOptions,
)
from edgesim.dialects.schema.tls import SslConfig


class HeaderMatcher(Strict, frozen=True):
    """A condition on a header; an empty value asks for presence (section 3)."""

    name: str = ""
    value: str = ""
    regex: bool = False
    invert_match: bool = False


class QueryParameterMatcher(Strict, frozen=True):
    """A condition on a query parameter; an empty value asks for presence (section 3)."""

    name: str = ""
    value: str = ""
    regex: bool = False


class Matcher(Strict, frozen=True):
    """Conditions that must all hold (section 3)."""

    ONE_OF: ClassVar[OneOf] = (("prefix", "exact", "regex", "connectMatcher"),)

    prefix: str | None = None
    exact: str | None = None
    regex: str | None = None
    connect_matcher: NotServed = None
    case_sensitive: bool | None = None
    headers: tuple[HeaderMatcher, ...] = ()
    query_parameters: tuple[QueryParameterMatcher, ...] = ()
    methods: tuple[str, ...] = ()


class SubsetValues(Strict, frozen=True):
    """The labels a subset of an upstream's endpoints carries."""

    values: dict[str, str] | None = None


class KubeDestination(Strict, frozen=True):
    """A Service as a destination, without an Upstream."""

    ref: Ref | None = None
    port: UInt32 = 0


class Destination(Strict, frozen=True):
    """Where a request goes (section 4.1)."""

    ONE_OF: ClassVar[OneOf] = (("upstream", "kube", "consul"),)

    upstream: Ref | None = None
    kube: KubeDestination | None = None
    consul: NotServed = None
    subset: SubsetValues | None = None
    destination_spec: NotSimulated = None


class WeightedDestination(Strict, frozen=True):
    """One arm of a split; a missing weight is 0 (section 4.2)."""

    destination: Destination | None = None
    weight: UInt32 | None = None
    options: WeightedDestinationOptions | None = None


class MultiDestination(Strict, frozen=True):
    """A split over several destinations (section 4.2)."""

    destinations: tuple[WeightedDestination, ...] = ()


class RouteAction(Strict, frozen=True):
    """Forward the request (section 4.1)."""

    ONE_OF: ClassVar[OneOf] = (("single", "multi", "upstreamGroup", "clusterHeader", "dynamicForwardProxy"),)

    single: Destination | None = None
    multi: MultiDestination | None = None
    upstream_group: Ref | None = None
    cluster_header: str | None = None
    dynamic_forward_proxy: NotServed = None


class RedirectAction(Strict, frozen=True):
    """Answer with a redirect (section 4.4)."""

    ONE_OF: ClassVar[OneOf] = (("pathRedirect", "prefixRewrite", "regexRewrite"),)

    host_redirect: str = ""
    path_redirect: str | None = None
    prefix_rewrite: str | None = None
    regex_rewrite: RegexMatchAndSubstitute | None = None
    response_code: Literal[
        "MOVED_PERMANENTLY", "FOUND", "SEE_OTHER", "TEMPORARY_REDIRECT", "PERMANENT_REDIRECT", 0, 1, 2, 3, 4
    ] = "MOVED_PERMANENTLY"
    https_redirect: bool = False
    strip_query: bool = False
    port_redirect: UInt32 | None = None


class DirectResponseAction(Strict, frozen=True):
    """Answer without an upstream (section 4.5)."""

    status: UInt32 = 0
    body: str = ""


Operator = Literal[
    "Equals", "DoubleEquals", "NotEquals", "In", "NotIn", "Exists", "DoesNotExist", "GreaterThan", "LessThan",
    0, 1, 2, 3, 4, 5, 6, 7, 8,
]  # fmt: skip


class SelectorExpression(Strict, frozen=True):
    """One condition on a RouteTable's labels (section 5.2)."""

    key: str = ""
    operator: Operator = "Equals"
    values: tuple[str, ...] = ()


class RouteTableSelector(Strict, frozen=True):
    """Which RouteTables a delegating route takes in (section 5.2)."""

    namespaces: tuple[str, ...] = ()
    labels: dict[str, str] | None = None
    expressions: tuple[SelectorExpression, ...] = ()


class DelegateAction(Strict, frozen=True):
    """Leave the routes below to RouteTables (section 4.6)."""

    ONE_OF: ClassVar[OneOf] = (("ref", "selector"),)

    name: str = ""
    namespace: str = ""
    ref: Ref | None = None
    selector: RouteTableSelector | None = None


class Route(Strict, frozen=True):
    """One route of a VirtualService or RouteTable (section 2.4)."""

    ONE_OF: ClassVar[OneOf] = (("routeAction", "redirectAction", "directResponseAction", "delegateAction"),)

    matchers: tuple[Matcher, ...] = ()
    inheritable_matchers: bool | None = None
    inheritable_path_matchers: bool | None = None
    name: str = ""
    options: RouteOptions | None = None
    options_config_refs: DelegateOptionsRefs | None = None
    route_action: RouteAction | None = None
    redirect_action: RedirectAction | None = None
    direct_response_action: DirectResponseAction | None = None
    delegate_action: DelegateAction | None = None


class VirtualHost(Strict, frozen=True):
    """Domains and their routes (section 2)."""

    domains: tuple[str, ...] = ()
    routes: tuple[Route, ...] = ()
    options: VirtualHostOptions | None = None
    options_config_refs: DelegateOptionsRefs | None = None


class VirtualServiceSpec(Strict, frozen=True):
    """The spec of a VirtualService."""

    display_name: Label = ""
    ssl_config: SslConfig | None = None
    virtual_host: VirtualHost | None = None


class VirtualService(Manifest, frozen=True, kw_only=True):
    """gateway.solo.io/v1 VirtualService."""

    spec: VirtualServiceSpec


class RouteTableSpec(Strict, frozen=True):
    """The spec of a RouteTable; a missing weight is 0 (section 5.3)."""

    routes: tuple[Route, ...] = ()
    weight: Annotated[int, Meta(ge=-(2**31), le=2**31 - 1)] | None = None


class RouteTable(Manifest, frozen=True, kw_only=True):
    """gateway.solo.io/v1 RouteTable: routes that are reached by delegation only."""

    spec: RouteTableSpec = RouteTableSpec()


class RouteOptionSpec(Strict, frozen=True):
    """The spec of a RouteOption (section 5.6)."""

    options: RouteOptions | None = None
    target_refs: NotSimulated = None


class RouteOption(Manifest, frozen=True, kw_only=True):
    """gateway.solo.io/v1 RouteOption: options that several routes name."""

    spec: RouteOptionSpec = RouteOptionSpec()


class VirtualHostOptionSpec(Strict, frozen=True):
    """The spec of a VirtualHostOption (section 5.6)."""

    options: VirtualHostOptions | None = None
    target_refs: NotSimulated = None


class VirtualHostOption(Manifest, frozen=True, kw_only=True):
    """gateway.solo.io/v1 VirtualHostOption: options that several virtual hosts name."""

    spec: VirtualHostOptionSpec = VirtualHostOptionSpec()

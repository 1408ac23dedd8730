"""Virtual hosts and routes, in Envoy's vocabulary (envoy.config.route.v3)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from edgesim.model.listener import DownstreamTls
from edgesim.model.policies import NO_POLICIES, Policies
from edgesim.model.problems import Origin, OriginStep

Subset = tuple[tuple[str, str], ...]
"""Sorted (key, value) pairs of endpoint metadata; empty means no subset was asked for."""


class PathKind(StrEnum):
    """How a path specifier compares: Envoy's `prefix`, `path` and `safe_regex`."""

    PREFIX = "prefix"
    EXACT = "exact"
    REGEX = "regex"


class ValueKind(StrEnum):
    """How a header or query matcher compares its value."""

    PRESENT = "present"
    EXACT = "exact"
    REGEX = "regex"


@dataclass(frozen=True, slots=True)
class PathMatcher:
    """A path specifier. `case_sensitive` has no effect on a regex."""

    kind: PathKind
    value: str
    case_sensitive: bool = True


@dataclass(frozen=True, slots=True)
class HeaderMatcher:
    """One header condition; `name` is lower case, `:authority`, `:method` and `:path` included.

    `invert` on a present matcher holds when the header is absent; on a value it holds when the
    header is present with another value (an absent header never matches a value, as in Envoy).
    """

    name: str
    kind: ValueKind
    value: str = ""
    invert: bool = False


@dataclass(frozen=True, slots=True)
class QueryMatcher:
    """One query parameter condition; the first occurrence of a repeated key counts."""

    name: str
    kind: ValueKind
    value: str = ""


@dataclass(frozen=True, slots=True)
class RouteMatch:
    """Conditions that must all hold; `methods` is an OR, empty meaning any."""

    path: PathMatcher
    headers: tuple[HeaderMatcher, ...] = ()
    query: tuple[QueryMatcher, ...] = ()
    methods: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HeaderValue:
    """A header to set; `append` adds another value, otherwise it is overwritten or added."""

    name: str
    value: str
    append: bool = True


@dataclass(frozen=True, slots=True)
class HeaderMutations:
    """Changes to request and response headers at one level; removal precedes addition."""

    request_add: tuple[HeaderValue, ...] = ()
    request_remove: tuple[str, ...] = ()
    response_add: tuple[HeaderValue, ...] = ()
    response_remove: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.request_add or self.request_remove or self.response_add or self.response_remove)


NO_MUTATIONS = HeaderMutations()


@dataclass(frozen=True, slots=True)
class Destination:
    """A cluster by name, with the subset of its endpoints that is asked for."""

    cluster: str
    subset: Subset = ()


@dataclass(frozen=True, slots=True)
class WeightedCluster:
    """One arm of a split; a weight of 0 receives nothing."""

    destination: Destination
    weight: int
    headers: HeaderMutations = NO_MUTATIONS
    policies: Policies = NO_POLICIES


@dataclass(frozen=True, slots=True)
class RegexRewrite:
    r"""RE2 pattern and substitution (`\1` groups); every non-overlapping match is replaced."""

    pattern: str
    substitution: str


class HostRewriteKind(StrEnum):
    """Where the new Host comes from."""

    LITERAL = "literal"
    AUTO = "auto"
    HEADER = "header"
    PATH_REGEX = "path_regex"


@dataclass(frozen=True, slots=True)
class HostRewrite:
    """`value` is the literal host or the header's name; `regex` serves PATH_REGEX only."""

    kind: HostRewriteKind
    value: str = ""
    regex: RegexRewrite | None = None


@dataclass(frozen=True, slots=True)
class ForwardAction:
    """Envoy's RouteAction: exactly one of `destination`, `weighted`, `cluster_header` is set.

    `timeout` is in seconds: None means Envoy's 15 s, 0 means none.
    """

    destination: Destination | None = None
    weighted: tuple[WeightedCluster, ...] = ()
    cluster_header: str = ""
    prefix_rewrite: str | None = None
    regex_rewrite: RegexRewrite | None = None
    host_rewrite: HostRewrite | None = None
    timeout: float | None = None


@dataclass(frozen=True, slots=True)
class RedirectAction:
    """Envoy's RedirectAction; None keeps that part of the URL."""

    status: int = 301
    host: str | None = None
    path: str | None = None
    prefix_rewrite: str | None = None
    regex_rewrite: RegexRewrite | None = None
    port: int | None = None
    https: bool = False
    strip_query: bool = False


@dataclass(frozen=True, slots=True)
class DirectResponseAction:
    """A fixed answer without an upstream."""

    status: int
    body: str = ""


Action = ForwardAction | RedirectAction | DirectResponseAction


@dataclass(frozen=True, slots=True)
class InheritedOption:
    """An option a route did not write itself, by its field's name, and the resource and field that did."""

    field: str
    step: OriginStep


@dataclass(frozen=True, slots=True)
class Route:
    """Ordered: the first route any of whose matches holds wins. `number` counts from 1 in its owner.

    The origin of a route reached by delegation is the whole path: the delegating routes, outermost
    first, and the route itself.
    """

    matches: tuple[RouteMatch, ...]
    action: Action
    headers: HeaderMutations = NO_MUTATIONS
    name: str = ""
    number: int = 0
    origin: Origin = ()
    policies: Policies = NO_POLICIES
    inherited: tuple[InheritedOption, ...] = ()


@dataclass(frozen=True, slots=True)
class VirtualHost:
    """Domains (exact, `*.suffix`, `prefix.*`, `*`) and their routes, in order.

    One with `tls` is served by TLS listeners only, one without by plain listeners only.
    """

    name: str
    domains: tuple[str, ...]
    routes: tuple[Route, ...] = ()
    headers: HeaderMutations = NO_MUTATIONS
    origin: Origin = ()
    policies: Policies = NO_POLICIES
    tls: DownstreamTls | None = None

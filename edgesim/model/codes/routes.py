"""ES0200 to ES0299: virtual hosts and routes."""

from __future__ import annotations

from edgesim.model.codes.code import (
    UPSTREAM,
    Code,
    documents,
    error,
    route,
    routed,
    settings,
    subset_upstream,
    virtual_host,
    warning,
)

_TO_ECHO = "routeAction: {single: {upstream: {name: echo}}}\n"
_GOOD = routed(_TO_ECHO)


def _host(domains: str, name: str) -> str:
    return virtual_host(f"domains: {domains}\nroutes:\n- directResponseAction: {{status: 200, body: {name}}}\n", name)


def _split(one: int, two: int) -> str:
    arm = "{destination: {upstream: {name: echo}}, weight: %d}"
    return routed(f"routeAction:\n  multi:\n    destinations:\n    - {arm % one}\n    - {arm % two}\n")


def _ordered(*prefixes: str) -> str:
    routes = "".join(f"- matchers: [{{prefix: {prefix}}}]\n  {_TO_ECHO}" for prefix in prefixes)
    return virtual_host(f"domains: ['*']\nroutes:\n{routes}")


_WARNING = settings("gateway: {validation: {warnRouteShortCircuiting: true}}")

ROUTES: tuple[Code, ...] = (
    error(
        "ES0200",
        "Two virtual services want the same domain",
        "A domain belongs to one virtual host of a listener. Gloo rejects both, and freezes the whole listener. "
        "Envoy does not distinguish case.",
        documents(_host("[echo.example]", "echo"), _host("[Echo.example]", "foxtrot")),
        documents(_host("[echo.example]", "echo"), _host("[foxtrot.example]", "foxtrot")),
    ),
    error(
        "ES0201",
        "An empty domain",
        "An empty text is no domain. Leave `domains` out, or write `'*'`, to mean any.",
        _host("['']", "echo"),
        _host("['*']", "echo"),
    ),
    warning(
        "ES0203",
        "A virtual service without virtual host",
        "Without `spec.virtualHost` there are no routes: every request for it is answered 404.",
        "apiVersion: gateway.solo.io/v1\nkind: VirtualService\nmetadata: {name: echo}\nspec: {displayName: echo}\n",
        _host("['*']", "echo"),
    ),
    error(
        "ES0204",
        "A route without action",
        "A route has to say what it does with a request.",
        route("matchers: [{prefix: /}]\n"),
        _GOOD,
    ),
    error(
        "ES0205",
        "A matcher without path",
        "A matcher needs one of `prefix`, `exact`, `regex`, even if it also has headers or methods. "
        "Only a route without any matcher defaults to the prefix `/`.",
        routed("matchers: [{headers: [{name: stage, value: canary}]}]\n" + _TO_ECHO),
        routed("matchers: [{prefix: /, headers: [{name: stage, value: canary}]}]\n" + _TO_ECHO),
    ),
    error(
        "ES0206",
        "An invalid path",
        "A path holds RFC 3986 characters and complete escapes, no `//`, `/./`, `/../`, `%2f` or `#`, and does not "
        "end in `/..` or `/.`.",
        routed("matchers: [{prefix: /a//b}]\n" + _TO_ECHO),
        routed("matchers: [{prefix: /a/b}]\n" + _TO_ECHO),
    ),
    error(
        "ES0207",
        "An invalid rewrite",
        "The path part of a rewrite obeys the same rules as a path; it may carry `?query` and `#fragment`.",
        routed(_TO_ECHO + "options: {prefixRewrite: /a b}\n"),
        routed(_TO_ECHO + "options: {prefixRewrite: /a?b=c}\n"),
    ),
    error(
        "ES0208",
        "An invalid regex",
        "The pattern is no RE2 regex. RE2 has no look-around and no back-references.",
        routed("matchers: [{regex: '/(a'}]\n" + _TO_ECHO),
        routed("matchers: [{regex: '/(a)'}]\n" + _TO_ECHO),
    ),
    error(
        "ES0209",
        "A regex that is too large",
        "Envoy limits the size of a compiled regex (Settings `gloo.regexMaxProgramSize`, 1024 by default) and refuses "
        "the whole route configuration over one that is larger.",
        routed("matchers: [{regex: '/[a-z]{900}[a-z]{900}'}]\n" + _TO_ECHO),
        routed("matchers: [{regex: '/[a-z]+'}]\n" + _TO_ECHO),
    ),
    error(
        "ES0210",
        "A destination without type",
        "A destination names an `upstream` (or a `kube` service).",
        route("routeAction: {single: {subset: {values: {version: v1}}}}\n"),
        _GOOD,
    ),
    error(
        "ES0211",
        "A routeAction without destination",
        "A `routeAction` holds one of `single`, `multi`, `upstreamGroup`, `clusterHeader`.",
        route("routeAction: {}\n"),
        _GOOD,
    ),
    error(
        "ES0212",
        "A split without destinations",
        "`multi` (and an UpstreamGroup) needs at least one weighted destination.",
        route("routeAction: {multi: {destinations: []}}\n"),
        _split(1, 1),
    ),
    error(
        "ES0213",
        "Weights that sum to 0",
        "A weight of 0 receives nothing, a missing one is 0, and somebody has to receive the requests.",
        _split(0, 0),
        _split(0, 100),
    ),
    warning(
        "ES0214",
        "An upstream that is not there",
        "The route stays, and its requests (or the share of this destination) are answered 503. An upstream without "
        "`namespace` is looked for in the namespace of the resource that owns the route.",
        routed("routeAction: {single: {upstream: {name: ecko}}}\n"),
        _GOOD,
    ),
    warning(
        "ES0215",
        "An upstream group that is not there",
        "The route's requests are answered 503. The namespace of an `upstreamGroup` has no default.",
        route("routeAction: {upstreamGroup: {name: echo, namespace: default}}\n"),
        documents(
            route("routeAction: {upstreamGroup: {name: echo, namespace: default}}\n"),
            """\
            apiVersion: gloo.solo.io/v1
            kind: UpstreamGroup
            metadata: {name: echo}
            spec:
              destinations: [{destination: {upstream: {name: echo}}, weight: 1}]
            """,
            UPSTREAM,
        ),
    ),
    warning(
        "ES0217",
        "An invalid name of a cluster header",
        "The name must be ASCII without a colon. The route is left out.",
        route("routeAction: {clusterHeader: ':cluster'}\n"),
        route("routeAction: {clusterHeader: x-cluster}\n"),
    ),
    warning(
        "ES0218",
        "A subset of an upstream without subsets",
        "The upstream has no `subsetSpec` (a static one never has), so the subset is ignored and any endpoint serves.",
        routed("routeAction: {single: {upstream: {name: echo}, subset: {values: {version: v1}}}}\n"),
        _GOOD,
    ),
    error(
        "ES0219",
        "A subset by other keys than the upstream's",
        "The keys of a route's subset must be those of one of the upstream's selectors, all of them and no others.",
        documents(
            route("routeAction: {single: {upstream: {name: echo}, subset: {values: {vers: v1}}}}\n"),
            subset_upstream("version"),
        ),
        documents(
            route("routeAction: {single: {upstream: {name: echo}, subset: {values: {version: v1}}}}\n"),
            subset_upstream("version"),
        ),
    ),
    error(
        "ES0221",
        "A header that cannot be changed",
        "Host and pseudo-headers (`:path`, ...) cannot be set or removed, and a name must be a valid header name.",
        routed(_TO_ECHO + "options: {headerManipulation: {requestHeadersToRemove: [host]}}\n"),
        routed(_TO_ECHO + "options: {headerManipulation: {requestHeadersToRemove: [x-stage]}}\n"),
    ),
    error(
        "ES0222",
        "Two rewrites of one path",
        "`prefixRewrite` and `regexRewrite` exclude each other: Envoy refuses the route configuration.",
        routed(_TO_ECHO + "options: {prefixRewrite: /, regexRewrite: {pattern: {regex: a}, substitution: b}}\n"),
        routed(_TO_ECHO + "options: {regexRewrite: {pattern: {regex: a}, substitution: b}}\n"),
    ),
    error(
        "ES0223",
        "A direct response without a valid status",
        "The status of a direct response is 200 to 599.",
        route("directResponseAction: {status: 99}\n"),
        route("directResponseAction: {status: 404}\n"),
    ),
    error(
        "ES0224",
        "A direct response that is too long",
        "Envoy refuses a direct response body of more than 4096 bytes.",
        route(f"directResponseAction: {{status: 200, body: {'x' * 4097}}}\n"),
        route("directResponseAction: {status: 200, body: short}\n"),
    ),
    warning(
        "ES0225",
        "A route behind one that takes its requests",
        "With `gateway.validation.warnRouteShortCircuiting: true` in Settings Gloo warns of a matcher that is there "
        "already, of a path that begins with an earlier `prefix`, and of one in which an earlier `regex` is found, where "
        "headers, parameters and methods do not tell them apart either. Put the narrower route first.",
        documents(_ordered("/api", "/api/echo"), UPSTREAM, _WARNING),
        documents(_ordered("/api/echo", "/api"), UPSTREAM, _WARNING),
    ),
    warning(
        "ES0226",
        "An action or matcher that is not simulated",
        "Consul destinations, the dynamic forward proxy and CONNECT have no counterpart here; the route (or the "
        "matcher) is left out.",
        route("routeAction: {dynamicForwardProxy: {}}\n"),
        _GOOD,
    ),
    error(
        "ES0227",
        "An invalid name in a matcher",
        "Header names and methods are HTTP tokens, and a query parameter needs a name.",
        routed("matchers: [{prefix: /, headers: [{name: 'x stage'}]}]\n" + _TO_ECHO),
        routed("matchers: [{prefix: /, headers: [{name: x-stage}]}]\n" + _TO_ECHO),
    ),
    error(
        "ES0229",
        "A negative timeout",
        "A timeout is 0 (none) or more.",
        routed(_TO_ECHO + "options: {timeout: -1s}\n"),
        routed(_TO_ECHO + "options: {timeout: 1s}\n"),
    ),
    error(
        "ES0230",
        "Weights that sum to too much",
        "Envoy keeps the total in 32 bits.",
        _split(4_000_000_000, 4_000_000_000),
        _split(50, 50),
    ),
    error(
        "ES0231",
        "A port out of range",
        "A redirect's port is 0 to 65535.",
        route("redirectAction: {portRedirect: 80800}\n"),
        route("redirectAction: {portRedirect: 8080}\n"),
    ),
    error(
        "ES0232",
        "A substitution that does not fit its regex",
        "`\\1` in a substitution names the first group of the pattern, `\\0` the whole match, `\\\\` a backslash.",
        routed(_TO_ECHO + "options: {regexRewrite: {pattern: {regex: /a}, substitution: '/\\1'}}\n"),
        routed(_TO_ECHO + "options: {regexRewrite: {pattern: {regex: /(a)}, substitution: '/\\1'}}\n"),
    ),
)

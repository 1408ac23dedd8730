"""What the fields of VirtualService, RouteTable and what belongs to them mean, one sentence each.

Source: Gloo Edge's API reference and the behaviour of its translator.
"""

from __future__ import annotations

from typing import Final

from edgesim.dialects.schema import gateway, jwt, tls
from edgesim.dialects.schema.common import Ref

_NAMESPACE_OF_REF: Final = "Namespace of the resource that is named."

FIELDS: Final[dict[type, dict[str, str]]] = {
    Ref: {
        "name": "Name of the resource that is named.",
        "namespace": _NAMESPACE_OF_REF,
    },
    gateway.VirtualService: {
        "spec": "Which hosts are answered for, over TLS or not, and by which routes.",
        "status": "What the gateway makes of it, in `statuses`, by the namespace of the reporter: `state` and `reason`.",
    },
    gateway.VirtualServiceSpec: {
        "displayName": "A name for people; nothing depends on it.",
        "sslConfig": "TLS towards clients; where it stands, only gateways with `ssl: true` serve this VirtualService.",
        "virtualHost": "The hosts, and the routes that are tried in order.",
    },
    gateway.VirtualHost: {
        "domains": "Hosts that are answered for: exact, `*.suffix`, `prefix.*`, or `*` for all; an empty list means `*`.",
        "routes": "Routes in the order in which they are tried; the first that matches answers.",
        "options": "Options of all routes below, unless a route has its own.",
        "optionsConfigRefs": "VirtualHostOption resources whose options hold where this host has none of its own.",
    },
    gateway.Route: {
        "matchers": "Conditions, one of which must hold; none at all means every path below `/`.",
        "inheritableMatchers": "Whether headers, parameters and methods of the delegating route are put before those of this route; unless given, as there.",
        "inheritablePathMatchers": "Whether the path of the delegating route stands in place of the paths of this route; unless given, as there.",
        "name": "A name for people, which also stands in statistics and in the access log.",
        "options": "What is done with the requests of this route.",
        "optionsConfigRefs": "RouteOption resources whose options hold where this route has none of its own.",
        "routeAction": "Forward the request to an upstream, or to one of several by weight.",
        "redirectAction": "Answer with a redirect.",
        "directResponseAction": "Answer with a fixed status and body, without an upstream.",
        "delegateAction": "Leave the requests to the routes of one or several RouteTables.",
    },
    gateway.Matcher: {
        "prefix": "How the path begins, as plain text: `/api` also matches `/apis`.",
        "exact": "The whole path, without the query.",
        "regex": "A regular expression (RE2) that the whole path, without the query, must match.",
        "connectMatcher": "Only CONNECT requests.",
        "caseSensitive": "Whether upper and lower case differ in `prefix` and `exact`; they do unless it is false.",
        "headers": "Conditions on headers, all of which must hold.",
        "queryParameters": "Conditions on parameters of the query, all of which must hold.",
        "methods": "Methods, one of which the request must have; an empty list means any.",
    },
    gateway.HeaderMatcher: {
        "name": "Name of the header, in any case; `:authority` is the host.",
        "value": "The value the header must have; an empty one asks only that the header is there.",
        "regex": "Whether `value` is a regular expression that the whole value must match.",
        "invertMatch": "Whether the condition is turned round: the header has another value, or, without a `value`, is not there.",
    },
    gateway.QueryParameterMatcher: {
        "name": "Name of the parameter.",
        "value": "The value the parameter must have; an empty one asks only that the parameter is there.",
        "regex": "Whether `value` is a regular expression that the whole value must match.",
    },
    gateway.RouteAction: {
        "single": "The one destination of all requests.",
        "multi": "Several destinations, among which requests are split by weight.",
        "upstreamGroup": "An UpstreamGroup, which holds a split that several routes share.",
        "clusterHeader": "A request header that names the cluster, as `UPSTREAM_NAMESPACE`.",
        "dynamicForwardProxy": "Forward to the host that the request names.",
    },
    gateway.MultiDestination: {
        "destinations": "The arms of the split; each gets its weight's share of the sum of weights.",
    },
    gateway.WeightedDestination: {
        "destination": "Where the requests of this arm go.",
        "weight": "The share of this arm, beside the weights of the others; 0 or none means no request at all.",
        "options": "Options of the requests that this arm gets.",
    },
    gateway.Destination: {
        "upstream": "An Upstream; without a namespace it is looked for beside the resource that owns the route.",
        "kube": "A Kubernetes Service and its port, without an Upstream.",
        "consul": "A service of Consul.",
        "subset": "Only endpoints that carry these labels; the Upstream must declare a selector of the same keys.",
        "destinationSpec": "What some kinds of upstreams want to know of each request.",
    },
    gateway.KubeDestination: {
        "ref": "The Service.",
        "port": "The port of the Service, not of its pods.",
    },
    gateway.SubsetValues: {"values": "Labels and their values."},
    gateway.RedirectAction: {
        "hostRedirect": "The host to redirect to; the request's own where it is empty.",
        "pathRedirect": "The path to redirect to, in place of the whole path.",
        "prefixRewrite": "What replaces the prefix that matched.",
        "regexRewrite": "What replaces the parts of the path that match a pattern.",
        "responseCode": "The status: 301, 302, 303, 307 or 308, by its name; 301 unless another is given.",
        "httpsRedirect": "Whether the redirect leads to https.",
        "stripQuery": "Whether the query is left out.",
        "portRedirect": "The port to redirect to.",
    },
    gateway.DirectResponseAction: {
        "status": "The status of the answer, 200 to 599.",
        "body": "The body of the answer.",
    },
    gateway.DelegateAction: {
        "name": "Name of the RouteTable; `ref` is the newer form.",
        "namespace": "Namespace of the RouteTable; `ref` is the newer form.",
        "ref": "The one RouteTable.",
        "selector": "Which RouteTables; they are joined by their weights.",
    },
    gateway.RouteTableSelector: {
        "namespaces": "Where RouteTables are looked for: `*` is everywhere, and an empty list is beside the delegating one.",
        "labels": "Labels that a RouteTable must carry, all of them.",
        "expressions": "Conditions on the labels of a RouteTable, all of which must hold.",
    },
    gateway.SelectorExpression: {
        "key": "The label it is about.",
        "operator": "How the label is compared with the values.",
        "values": "What the label is compared with.",
    },
    gateway.RouteTable: {
        "spec": "Routes that are reached by delegation only.",
        "status": "What the gateway makes of it, in `statuses`, by the namespace of the reporter: `state` and `reason`.",
    },
    gateway.RouteTableSpec: {
        "routes": "Routes, whose paths must begin with the path of the route that delegates here.",
        "weight": "Its place among RouteTables that one selector finds: a lower weight goes first, and 0 where none is given.",
    },
    gateway.RouteOption: {
        "spec": "Options that several routes name.",
        "status": "What the gateway makes of it, in `statuses`, by the namespace of the reporter: `state` and `reason`.",
    },
    gateway.RouteOptionSpec: {
        "options": "The options of each route that names this resource.",
        "targetRefs": "Routes of the Gateway API that it is attached to.",
    },
    gateway.VirtualHostOption: {
        "spec": "Options that several virtual hosts name.",
        "status": "What the gateway makes of it, in `statuses`, by the namespace of the reporter: `state` and `reason`.",
    },
    gateway.VirtualHostOptionSpec: {
        "options": "The options of each virtual host that names this resource.",
        "targetRefs": "Gateways of the Gateway API that it is attached to.",
    },
    jwt.JwtVirtualHost: {
        "providers": "Who signs tokens, by a name of one's own.",
        "validationPolicy": "What becomes of requests without a valid token.",
        "allowMissingOrFailedJwt": "The older word for the policy ALLOW_MISSING_OR_FAILED.",
    },
    jwt.StagedJwtVirtualHost: {
        "beforeExtAuth": "Token rules that come before external authorization.",
        "afterExtAuth": "Token rules that come after external authorization.",
    },
    jwt.JwtRoute: {"disable": "Whether this route asks for no token."},
    jwt.StagedJwtRoute: {
        "beforeExtAuth": "A switch for the rules before external authorization.",
        "afterExtAuth": "A switch for the rules after external authorization.",
    },
    jwt.JwtProvider: {
        "jwks": "The keys that tokens are signed with.",
        "audiences": "Audiences, one of which a token must name; an empty list asks for none.",
        "issuer": "The issuer that a token must name.",
        "tokenSource": "Where a token is looked for.",
        "keepToken": "Whether the token is forwarded to the upstream.",
        "claimsToHeaders": "Claims that become request headers.",
        "clockSkewSeconds": "Seconds by which clocks may differ; 60 unless given.",
        "attachFailedStatusToMetadata": "Where the reason of a refusal is kept for other filters.",
    },
    jwt.Jwks: {
        "remote": "Keys that are fetched from an upstream.",
        "local": "Keys that are written down here.",
    },
    jwt.RemoteJwks: {
        "url": "The address of the key set.",
        "upstreamRef": "The Upstream that is asked for it.",
        "cacheDuration": "How long keys are kept before they are fetched again.",
        "asyncFetch": "Whether keys are fetched before the first request.",
    },
    jwt.LocalJwks: {"key": "A key or key set (JWK, JWKS), or a public key as PEM."},
    jwt.TokenSource: {
        "headers": "Headers that may hold a token.",
        "queryParams": "Parameters of the query that may hold a token.",
    },
    jwt.HeaderSource: {
        "header": "Name of the header.",
        "prefix": "What stands before the token in its value, such as `Bearer `.",
    },
    jwt.ClaimToHeader: {
        "claim": "Name of the claim.",
        "header": "Name of the request header that gets its value.",
        "append": "Whether the value is added to those the header has already.",
    },
    tls.SslConfig: {
        "secretRef": "A Secret of type kubernetes.io/tls with certificate and key.",
        "sslFiles": "Files with certificate and key.",
        "sds": "A server that hands out certificates.",
        "sniDomains": "Server names for which this certificate is used; an empty list means every name.",
        "verifySubjectAltName": "Names, one of which a client's certificate must carry.",
        "parameters": "TLS versions and ciphers.",
        "alpnProtocols": "Protocols that are offered to the client; h2 and http/1.1 unless given.",
        "oneWayTls": "Whether clients are not asked for a certificate even where a root certificate is given.",
        "disableTlsSessionResumption": "Whether every connection begins with a full handshake.",
        "transportSocketConnectTimeout": "How long a handshake may take.",
        "ocspStaplePolicy": "What happens where an OCSP staple is missing or expired.",
    },
    tls.UpstreamSslConfig: {
        "secretRef": "A Secret with a certificate for the client's side, or a root certificate.",
        "sslFiles": "Files with certificates.",
        "sds": "A server that hands out certificates.",
        "sni": "The server name that is asked for.",
        "verifySubjectAltName": "Names, one of which the upstream's certificate must carry.",
        "parameters": "TLS versions and ciphers.",
        "alpnProtocols": "Protocols that are offered to the upstream.",
        "allowRenegotiation": "Whether the upstream may renegotiate.",
        "oneWayTls": "Whether the upstream's certificate is not verified.",
    },
    tls.SslFiles: {
        "tlsCert": "Path of the certificate.",
        "tlsKey": "Path of its private key.",
        "rootCa": "Path of the certificates that the other side is verified with.",
        "ocspStaple": "Path of an OCSP response.",
    },
    tls.SslParameters: {
        "minimumProtocolVersion": "The oldest TLS version that is spoken.",
        "maximumProtocolVersion": "The newest TLS version that is spoken.",
        "cipherSuites": "Ciphers of TLS up to 1.2 that are allowed.",
        "ecdhCurves": "Curves that are allowed.",
    },
}

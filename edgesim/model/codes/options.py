"""ES0233 to ES0249: options of virtual hosts, routes and weighted destinations."""

from __future__ import annotations

from textwrap import indent

from edgesim.model.codes.code import UPSTREAM, Code, documents, error, gateway, routed, virtual_host

_TO_ECHO = "routeAction: {single: {upstream: {name: echo}}}\n"


_JWKS = (
    '{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",'
    '"y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}'
)
"""The public key of RFC 7515, appendix A.3."""


def _option(text: str) -> str:
    return routed(f"{_TO_ECHO}options: {{{text}}}\n")


def _buffered(text: str) -> str:
    """Write a route with an option, beside a Gateway with the buffer filter."""
    return documents(_option(text), gateway("httpGateway: {options: {buffer: {maxRequestBytes: 1048576}}}\n"))


def _host_option(text: str) -> str:
    routes = indent(_TO_ECHO, "  ")
    return documents(virtual_host(f"options: {{{text}}}\nroutes:\n- {routes[2:]}"), UPSTREAM)


OPTIONS: tuple[Code, ...] = (
    error(
        "ES0233",
        "A retry back-off that cannot be",
        "`maxInterval` needs a `baseInterval`, is not shorter than it, and both are at least 1ms.",
        _option("retries: {retryOn: 5xx, retryBackOff: {baseInterval: 1s, maxInterval: 100ms}}"),
        _option("retries: {retryOn: 5xx, retryBackOff: {baseInterval: 100ms, maxInterval: 1s}}"),
    ),
    error(
        "ES0234",
        "An invalid fault",
        "An abort has an `httpStatus` of 200 to 599. A delay is at least 1s, because Gloo looks at whole seconds only. "
        "A percentage is 0 to 100.",
        _option("faults: {delay: {percentage: 10, fixedDelay: 500ms}}"),
        _option("faults: {delay: {percentage: 10, fixedDelay: 1.5s}}"),
    ),
    error(
        "ES0235",
        "An invalid CORS policy",
        "A policy names an origin, in `allowOrigin` or `allowOriginRegex`, even where it only says `disableForRoute`. "
        "It belongs to a virtual host, a route that forwards, or a direct response; not to a redirect.",
        _option("cors: {allowMethods: [GET]}"),
        _option("cors: {allowOrigin: ['https://example.com'], allowMethods: [GET]}"),
    ),
    error(
        "ES0236",
        "Invalid shadowing",
        "Shadow traffic needs an `upstream` and a percentage of 0 to 100, on a route that forwards.",
        _option("shadowing: {upstream: {name: echo, namespace: default}, percentage: 101}"),
        _option("shadowing: {upstream: {name: echo, namespace: default}, percentage: 1.5}"),
    ),
    error(
        "ES0237",
        "An invalid hash policy",
        "A hash policy hashes a `header`, a `cookie` with a name, or the `sourceIp`, on a route that forwards.",
        _option("lbHash: {hashPolicies: [{terminal: true}]}"),
        _option("lbHash: {hashPolicies: [{header: x-user, terminal: true}]}"),
    ),
    error(
        "ES0238",
        "An invalid format string",
        "The value of a header to add is an Envoy format string: `%REQ(x)%` and its like are command operators, and "
        "a percent sign by itself is written `%%`. Envoy refuses the whole route configuration over an unknown one.",
        _option("headerManipulation: {requestHeadersToAdd: [{header: {key: x-from, value: '%DOWNSTREAM_ADRESS%'}}]}"),
        _option(
            "headerManipulation: {requestHeadersToAdd: [{header: {key: x-from, value: '%DOWNSTREAM_REMOTE_ADDRESS%'}}]}"
        ),
    ),
    error(
        "ES0239",
        "An invalid upgrade",
        "Each entry of `upgrades` names one protocol, and none twice.",
        _option("upgrades: [{websocket: {}}, {websocket: {enabled: false}}]"),
        _option("upgrades: [{websocket: {enabled: false}}]"),
    ),
    error(
        "ES0240",
        "An empty string matcher",
        "A matcher of `additionalOrigins` has one of `exact`, `prefix`, `suffix`, `safeRegex`, and no empty text.",
        _host_option("csrf: {additionalOrigins: [{ignoreCase: true}]}"),
        _host_option("csrf: {additionalOrigins: [{suffix: .example.com, ignoreCase: true}]}"),
    ),
    error(
        "ES0241",
        "An invalid local rate limit",
        "A token bucket holds at least one token (`maxTokens`), gets at least one (`tokensPerFill`), and is filled no "
        "more often than every 50ms (`fillInterval`). It is configured once at a level, before authentication.",
        _host_option("ratelimit: {localRatelimit: {tokensPerFill: 10}}"),
        _host_option("ratelimit: {localRatelimit: {maxTokens: 10, tokensPerFill: 10}}"),
    ),
    error(
        "ES0242",
        "Invalid token rules",
        "A JWT provider has keys: written down (`jwks.local.key`: a JWK, a JWKS or PEM), or fetched from a URL through "
        "an upstream that exists. Headers that hold a token or a claim have header names.",
        _host_option("jwt: {providers: {idp: {issuer: https://idp.example}}}"),
        _host_option(
            f"jwt: {{providers: {{idp: {{issuer: 'https://idp.example', jwks: {{local: {{key: '{_JWKS}'}}}}}}}}}}"
        ),
    ),
    error(
        "ES0243",
        "An edgesim.io setting that does not exist",
        "`envoyMetadata` takes anything, but what stands under `edgesim.io` is edgesim's own: `stickyWeights` lets "
        "`lbHash` choose the arm of a split too, `faultsByHeader` lets requests ask for delays and aborts themselves, "
        "`onEmpty` says what happens where no endpoint could answer.",
        _option("envoyMetadata: {edgesim.io: {stickyWeight: true}}"),
        _option("envoyMetadata: {other.example: {stickyWeight: true}}"),
    ),
    error(
        "ES0244",
        "An invalid buffer limit",
        "`maxRequestBytes` is greater than 0; `disabled`, if it is there, is true.",
        _buffered("bufferPerRoute: {buffer: {maxRequestBytes: 0}}"),
        _buffered("bufferPerRoute: {disabled: true}"),
    ),
)

"""Random options of routes, virtual hosts and arms of splits."""

from __future__ import annotations

from random import Random
from typing import Any

Json = dict[str, Any]
_ADDED = ("x-added", "x", "x-user", "stage", "via")
_TEXTS = (
    "plain",
    "%REQ(x-user)%",
    "%PROTOCOL%",
    "%REQ(:PATH)%-%REQ(:METHOD)%",
    "%DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT%",
)
_REMOVED = ("x", "y", "stage", "x-recorder-none", "user-agent")
_SUBSTITUTION = {"pattern": {"regex": "/([a-z])"}, "substitution": r"/\1\1"}
_RETRIED = ("5xx", "gateway-error", "retriable-status-codes", "retriable-status-codes,reset", "connect-failure")
_HASHED: tuple[Json, ...] = (
    {"header": "x-user"},
    {"header": "accept"},
    {"header": ":path"},
    {"cookie": {"name": "who", "ttl": "60s"}},
    {"sourceIp": True},
    {"header": "origin", "terminal": True},
)
_BALANCERS: tuple[Json, ...] = (
    {"roundRobin": {}},
    {"leastRequest": {"choiceCount": 3}},
    {"random": {}},
    {"ringHash": {"ringHashConfig": {"minimumRingSize": 64, "maximumRingSize": 128}}},
    {"ringHash": {}},
    {"maglev": {}},
)
_BREAKERS: tuple[Json, ...] = (
    {"maxConnections": 500, "maxRequests": 500, "maxPendingRequests": 500, "maxRetries": 50},
    {"maxRetries": 0},
    {"maxRequests": 0},
)
"""Not `maxPendingRequests: 0`: edgesim's connections outlive a reload that changes a cluster, and Envoy's do not."""
_HOST_OF_PATH = {"pattern": {"regex": "^/([a-z]+).*$"}, "substitution": r"\1.paths"}


def _headers(random: Random) -> Json:
    found: Json = {}
    for side in ("request", "response"):
        if random.random() < 0.5:
            found[f"{side}HeadersToAdd"] = [_added(random) for _ in range(random.randint(1, 2))]
        if random.random() < 0.4:
            found[f"{side}HeadersToRemove"] = random.sample(_REMOVED, random.randint(1, 2))
    return found


def _added(random: Random) -> Json:
    found: Json = {"header": {"key": random.choice(_ADDED), "value": random.choice(_TEXTS)}}
    if random.random() < 0.5:
        found["append"] = random.random() < 0.5
    return found


def _cors(random: Random) -> Json:
    found: Json = {"allowOrigin": ["http://example.com"], "allowMethods": ["GET", "POST"]}
    for name, value in (
        ("allowOriginRegex", ["https?://.*\\.org"]),
        ("allowHeaders", ["x-user"]),
        ("exposeHeaders", ["x-added"]),
        ("maxAge", "60"),
        ("allowCredentials", True),
    ):
        if random.random() < 0.5:
            found[name] = value
    return found


def _csrf(random: Random) -> Json:
    found: Json = {"filterEnabled": {"defaultValue": {"numerator": 100}}}
    if random.random() < 0.5:
        found["additionalOrigins"] = [{"suffix": "example.com"}]
    return found


def _retries(random: Random) -> Json:
    found: Json = {"retryOn": random.choice(_RETRIED), "numRetries": random.choice((1, 2))}
    if "retriable-status-codes" in found["retryOn"]:
        found["retriableStatusCodes"] = random.choice(([503], [500, 502]))
    if random.random() < 0.3:
        found["perTryTimeout"] = "20s"
    found["retryBackOff"] = {"baseInterval": "0.001s"}
    return found


def upstream_options(random: Random) -> Json:
    """Return options of an upstream under which it is certain what comes of a request, or among whom it is."""
    found: Json = {}
    if random.random() < 0.6:
        found["loadBalancerConfig"] = dict(random.choice(_BALANCERS))
        if random.random() < 0.3:
            found["loadBalancerConfig"]["healthyPanicThreshold"] = random.choice((0, 100))
    if random.random() < 0.3:
        found["circuitBreakers"] = random.choice(_BREAKERS)
    if random.random() < 0.3:
        found["connectionConfig"] = {"maxRequestsPerConnection": random.choice((1, 100)), "connectTimeout": "9s"}
    return found


def host_options(random: Random) -> Json:
    """Return options of a virtual host."""
    found: Json = {}
    if random.random() < 0.6:
        found["headerManipulation"] = _headers(random)
    if random.random() < 0.3:
        found["cors"] = _cors(random)
    if random.random() < 0.15:
        found["csrf"] = _csrf(random)
    if random.random() < 0.2:
        found["retries"] = _retries(random)
    for name in ("includeRequestAttemptCount", "includeAttemptCountInResponse"):
        if random.random() < 0.3:
            found[name] = True
    return found


def route_options(random: Random, *, forwarded: bool = True) -> Json:
    """Return options of a route: of forwarding, and with `forwarded` those that change where and as what it arrives."""
    found: Json = {}
    if random.random() < 0.4:
        found["headerManipulation"] = _headers(random)
    if forwarded and random.random() < 0.2:
        found["cors"] = _cors(random)
    if random.random() < 0.1:
        found["faults"] = {"abort": {"percentage": 100, "httpStatus": random.choice((418, 503))}}
    if random.random() < 0.2:
        found["timeout"] = "30s"
    if random.random() < 0.1:
        found["csrf"] = _csrf(random)
    if random.random() < 0.1:
        found["bufferPerRoute"] = {"buffer": {"maxRequestBytes": 100}}
    if random.random() < 0.1:
        found["maxStreamDuration"] = {"maxStreamDuration": "40s"}
    if forwarded and random.random() < 0.1:
        found["lbHash"] = {"hashPolicies": random.sample(_HASHED, random.randint(1, 2))}
    if random.random() < 0.15:
        found["retries"] = _retries(random)
    return found | (_rewrites(random) if forwarded else {})


def _rewrites(random: Random) -> Json:
    found: Json = {}
    path = random.choice(("", "", "prefixRewrite", "regexRewrite"))
    if path:
        found[path] = random.choice(("/", "/new", "/new/")) if path == "prefixRewrite" else _SUBSTITUTION
    host = random.choice(("", "", "hostRewrite", "autoHostRewrite", "hostRewriteHeader", "hostRewritePathRegex"))
    values = {"hostRewrite": "other.test", "autoHostRewrite": True, "hostRewriteHeader": "x-user"}
    if host:
        found[host] = values.get(host, _HOST_OF_PATH)
        if random.random() < 0.3:
            found["appendXForwardedHost"] = True
    return found


def weighted_options(random: Random) -> Json:
    """Return options of an arm of a split."""
    return {"headerManipulation": _headers(random)}

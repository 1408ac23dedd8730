"""What the options of virtual hosts, routes and weighted destinations mean, one sentence each.

Source: Gloo Edge's API reference and the behaviour of its translator.
"""

from __future__ import annotations

from typing import Final

from edgesim.dialects.schema import options

FIELDS: Final[dict[type, dict[str, str]]] = {
    options.SharedOptions: {
        "headerManipulation": "Headers that are added to requests and answers, or removed.",
        "retries": "When a request is tried again, and how often.",
        "cors": "Answers to browsers of other origins (CORS).",
        "csrf": "Protection against requests that another site makes a browser send (CSRF).",
        "bufferPerRoute": "Whether requests are read whole before they are forwarded, and how long they may be.",
        "stagedTransformations": "Templates that change requests and answers, at several stages.",
        "transformations": "Templates that change requests and answers.",
        "ratelimitBasic": "Simple limits that are counted by a rate limit server.",
        "ratelimit": "Limits on the number of requests, after authorization.",
        "rateLimitConfigs": "RateLimitConfig resources whose limits hold, after authorization.",
        "ratelimitEarly": "Limits on the number of requests, before authorization.",
        "rateLimitEarlyConfigs": "RateLimitConfig resources whose limits hold, before authorization.",
        "ratelimitRegular": "Limits on the number of requests, after authorization.",
        "rateLimitRegularConfigs": "RateLimitConfig resources whose limits hold, after authorization.",
        "extauth": "External authorization.",
        "waf": "Rules of a web application firewall.",
        "rbac": "Rules on the claims of tokens.",
        "dlp": "What is masked in answers.",
        "extProc": "An external processor of requests and answers.",
        "extProcEarly": "An external processor that comes before the other filters.",
        "extProcLate": "An external processor that comes after the other filters.",
        "extensions": "Settings of other plugins.",
    },
    options.VirtualHostOptions: {
        "corsPolicyMergeSettings": "How a route's CORS policy joins that of the virtual host.",
        "includeRequestAttemptCount": "Whether upstreams are told which try it is, in `x-envoy-attempt-count`.",
        "includeAttemptCountInResponse": "Whether clients are told how many tries there were.",
        "jwt": "Tokens that requests must carry (JWT).",
        "jwtStaged": "Tokens that requests must carry, before or after external authorization.",
        "stats": "Statistics of groups of paths.",
    },
    options.RouteOptions: {
        "prefixRewrite": "What replaces the prefix that matched, or the whole path under `exact` and `regex`, before forwarding.",
        "regexRewrite": "What replaces the parts of the path that match a pattern, before forwarding.",
        "timeout": "How long a request may take with all its tries; 15s unless given, and `0s` for no limit.",
        "hostRewrite": "The host that the upstream sees.",
        "autoHostRewrite": "Whether the upstream sees the name of its own endpoint as the host.",
        "hostRewriteHeader": "A request header whose value is the host that the upstream sees.",
        "hostRewritePathRegex": "How the host that the upstream sees is made of the path.",
        "appendXForwardedHost": "Whether the host that was replaced is kept in `x-forwarded-host`.",
        "idleTimeout": "How long nothing may move on a stream.",
        "maxStreamDuration": "How long a stream may live.",
        "faults": "Errors and delays that are injected.",
        "shadowing": "Another upstream that gets a copy of requests, whose answers nobody waits for.",
        "lbHash": "What a hashing balancer picks an endpoint by.",
        "upgrades": "Protocol upgrades, such as WebSocket, that are let through.",
        "tracing": "Names and tags of spans.",
        "envoyMetadata": "Metadata of the route, by the name of a filter.",
        "jwt": "A switch for the token rules of the virtual host.",
        "jwtStaged": "Switches for the token rules of the virtual host, for each stage.",
        "jwtProvidersStaged": "Token providers of this route alone.",
        "ai": "Settings of routes to language models.",
        "statefulSession": "Sessions that stay with their endpoint by a cookie or header.",
    },
    options.WeightedDestinationOptions: {
        "headerManipulation": "Headers that are added and removed where this arm is chosen.",
        "transformations": "Templates that change requests and answers where this arm is chosen.",
        "stagedTransformations": "Templates that change requests and answers where this arm is chosen, at several stages.",
        "bufferPerRoute": "Whether requests are read whole where this arm is chosen.",
        "csrf": "Protection against requests that another site makes a browser send, where this arm is chosen.",
        "extauth": "External authorization where this arm is chosen.",
        "extensions": "Settings of other plugins.",
    },
    options.HeaderManipulation: {
        "requestHeadersToAdd": "Headers that are added before forwarding.",
        "requestHeadersToRemove": "Names of headers that are removed before forwarding.",
        "responseHeadersToAdd": "Headers that are added to the answer.",
        "responseHeadersToRemove": "Names of headers that are removed from the answer.",
    },
    options.RequestHeaderToAdd: {
        "header": "Name and value.",
        "headerSecretRef": "A Secret that holds names and values.",
        "append": "Whether the value is added to those that are there; false replaces them.",
    },
    options.ResponseHeaderToAdd: {
        "header": "Name and value.",
        "append": "Whether the value is added to those that are there; false replaces them.",
    },
    options.HeaderPair: {
        "key": "Name of the header.",
        "value": "Its value, in which `%...%` stands for parts of the request.",
    },
    options.RegexPattern: {
        "regex": "A regular expression (RE2).",
        "googleRe2": "Limits of the expression; Envoy reads them no more.",
    },
    options.RegexMatchAndSubstitute: {
        "pattern": "What is looked for.",
        "substitution": "What stands in its place; `\\1` is the first group.",
    },
    options.RetryPolicy: {
        "retryOn": "Conditions, joined by commas, such as `5xx,connect-failure`.",
        "numRetries": "How often a request is tried again; once where it is 0 or not given.",
        "perTryTimeout": "How long each try may take.",
        "retryBackOff": "How long is waited between tries.",
        "retriableStatusCodes": "Statuses that are tried again under the condition `retriable-status-codes`.",
        "previousPriorities": "Whether a retry goes to endpoints of another priority.",
        "rateLimitedRetryBackOff": "How long is waited where the upstream says that there were too many requests.",
    },
    options.BackOff: {
        "baseInterval": "The first wait, which doubles with every try.",
        "maxInterval": "The longest wait.",
    },
    options.CorsPolicy: {
        "allowOrigin": "Origins that may ask, exactly; `*` is any.",
        "allowOriginRegex": "Regular expressions of origins that may ask.",
        "allowMethods": "Methods that may be used.",
        "allowHeaders": "Request headers that may be sent.",
        "exposeHeaders": "Answer headers that scripts may read.",
        "maxAge": "Seconds for which a browser keeps the answer to a preflight.",
        "allowCredentials": "Whether cookies may be sent.",
        "disableForRoute": "Whether the virtual host's policy does not hold for this route.",
    },
    options.CorsPolicyMergeSettings: {
        "allowOrigin": "How allowed origins are joined.",
        "allowOriginRegex": "How patterns of allowed origins are joined.",
        "allowMethods": "How allowed methods are joined.",
        "allowHeaders": "How allowed headers are joined.",
        "exposeHeaders": "How headers that scripts may read are joined: UNION takes both lists.",
        "maxAge": "Which age counts.",
        "allowCredentials": "Which answer about credentials counts.",
    },
    options.RouteFaults: {
        "abort": "Errors that are answered without asking the upstream.",
        "delay": "Delays before requests are forwarded.",
    },
    options.FaultAbort: {
        "percentage": "How many of a hundred requests get the error.",
        "httpStatus": "Status of the error.",
    },
    options.FaultDelay: {
        "percentage": "How many of a hundred requests wait.",
        "fixedDelay": "How long they wait.",
    },
    options.RouteShadowing: {
        "upstream": "The Upstream that gets the copies.",
        "percentage": "How many of a hundred requests are copied.",
        "disableShadowHostSuffixAppend": "Whether the host of copies does not get the ending `-shadow`.",
        "hostRewriteLiteral": "The host that copies carry.",
    },
    options.LbHash: {"hashPolicies": "What is hashed, one after the other; the results are joined."},
    options.HashPolicy: {
        "header": "A request header whose value is hashed.",
        "cookie": "A cookie whose value is hashed.",
        "sourceIp": "Whether the client's address is hashed.",
        "terminal": "Whether what follows is left out where this one gave a hash.",
    },
    options.HashCookie: {
        "name": "Name of the cookie.",
        "ttl": "How long the cookie lives that is set where there is none; without it none is set.",
        "path": "Path of the cookie that is set.",
    },
    options.MaxStreamDuration: {
        "maxStreamDuration": "How long a stream may live.",
        "grpcTimeoutHeaderMax": "The longest time that a gRPC client may ask for.",
        "grpcTimeoutHeaderOffset": "What is taken off the time that a gRPC client asks for.",
    },
    options.Upgrade: {
        "websocket": "WebSocket.",
        "connect": "CONNECT, as a tunnel.",
        "connectTerminate": "CONNECT, which ends here.",
    },
    options.UpgradeSwitch: {"enabled": "Whether the upgrade is let through; it is unless this is false."},
    options.CsrfPolicy: {
        "filterEnabled": "The share of requests that are checked and refused.",
        "shadowEnabled": "The share of requests that are checked and counted only.",
        "additionalOrigins": "Origins beside the host itself that may ask.",
    },
    options.RuntimeFraction: {
        "defaultValue": "The share.",
        "runtimeKey": "A key of Envoy's runtime that could change the share; there is no runtime here.",
    },
    options.FractionalPercent: {
        "numerator": "The part.",
        "denominator": "Of how many: HUNDRED, TEN_THOUSAND or MILLION.",
    },
    options.StringMatcher: {
        "exact": "The whole text.",
        "prefix": "How the text begins.",
        "suffix": "How the text ends.",
        "safeRegex": "A regular expression that the whole text must match.",
        "ignoreCase": "Whether upper and lower case are the same.",
    },
    options.BufferPerRoute: {
        "disabled": "Whether requests are not read whole at this level.",
        "buffer": "Limits of this level.",
    },
    options.BufferSettings: {"maxRequestBytes": "Bytes a request may have; a longer one is answered with 413."},
    options.RateLimit: {
        "localRatelimit": "A token bucket that is counted in the proxy itself.",
        "rateLimits": "Limits that are counted by a rate limit server.",
        "includeVhRateLimits": "Whether limits of the virtual host hold as well.",
    },
    options.TokenBucket: {
        "maxTokens": "How many requests the full bucket allows at once.",
        "tokensPerFill": "How many requests each filling adds; 1 unless given.",
        "fillInterval": "How often the bucket is filled.",
    },
    options.DelegateOptionsRefs: {"delegateOptions": "The resources, of which the first that says something counts."},
}

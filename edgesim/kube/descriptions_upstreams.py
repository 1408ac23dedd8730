"""What the fields of Upstream and UpstreamGroup mean, one sentence each.

Source: Gloo Edge's API reference and the behaviour of its translator.
"""

from __future__ import annotations

from typing import Final

from edgesim.dialects.schema import balancing, health, upstream

_STATUS: Final = "What the gateway makes of it, in `statuses`, by the namespace of the reporter: `state` and `reason`."

FIELDS: Final[dict[type, dict[str, str]]] = {
    upstream.Upstream: {"spec": "Where requests can be sent, and how.", "status": _STATUS},
    upstream.UpstreamSpec: {
        "static": "Endpoints that are written down.",
        "kube": "The pods behind a Kubernetes Service.",
        "consul": "A service of Consul.",
        "aws": "Functions of AWS Lambda.",
        "awsEc2": "Instances of AWS EC2.",
        "azure": "Functions of Azure.",
        "gcp": "Services of Google Cloud.",
        "pipe": "A Unix socket.",
        "ai": "Providers of language models.",
        "connectionConfig": "How connections to the upstream are made.",
        "discoveryMetadata": "What Gloo's discovery keeps here.",
        "sslConfig": "TLS towards the upstream.",
        "circuitBreakers": "Limits on what is sent to the upstream at once.",
        "loadBalancerConfig": "How one of the endpoints is picked.",
        "healthChecks": "Requests that find out which endpoints are healthy.",
        "outlierDetection": "When endpoints that fail are left out for a while.",
        "failover": "Endpoints for when none of these is healthy.",
        "protocolSelection": "Whether the upstream is spoken to in the client's protocol.",
        "useHttp2": "Whether HTTP/2 is spoken to the upstream.",
        "initialStreamWindowSize": "Bytes an HTTP/2 stream may have on its way.",
        "initialConnectionWindowSize": "Bytes an HTTP/2 connection may have on its way.",
        "maxConcurrentStreams": "Streams an HTTP/2 connection may have at once.",
        "overrideStreamErrorOnInvalidHttpMessage": "Whether a bad message ends its stream only.",
        "httpProxyHostname": "The host that a tunnel is asked for.",
        "httpConnectSslConfig": "TLS towards the proxy of a tunnel.",
        "httpConnectHeaders": "Headers of the request for a tunnel.",
        "ignoreHealthOnHostRemoval": "Whether endpoints that are removed go at once, healthy or not.",
        "respectDnsTtl": "Whether names are asked for again when the DNS server says so.",
        "dnsRefreshRate": "How often names are asked for again.",
        "proxyProtocolVersion": "Whether the upstream is told the client's address by the PROXY protocol.",
        "preconnectPolicy": "Connections that are made before they are needed.",
        "disableIstioAutoMtls": "Whether Istio's certificates are not used.",
    },
    upstream.StaticSpec: {
        "hosts": "The endpoints.",
        "useTls": "Whether TLS is spoken to endpoints.",
        "autoSniRewrite": "Whether the server name follows the host of the request.",
        "serviceSpec": "What kind of service it is.",
    },
    upstream.StaticHost: {
        "addr": "An address or a DNS name.",
        "port": "Its port.",
        "sniAddr": "The server name that is asked for under TLS.",
        "loadBalancingWeight": "Its share beside the other endpoints.",
        "healthCheckConfig": "How this endpoint's health is asked for.",
        "metadata": "Metadata of the endpoint.",
    },
    upstream.KubeSpec: {
        "serviceName": "Name of the Service.",
        "serviceNamespace": "Namespace of the Service.",
        "servicePort": "Port of the Service, not of its pods.",
        "selector": "Labels that pods must carry beside those the Service asks for.",
        "serviceSpec": "What kind of service it is.",
        "subsetSpec": "By which labels of the pods routes may choose a subset.",
    },
    upstream.SubsetSpec: {
        "selectors": "Sets of labels, each of which cuts the endpoints into subsets.",
        "fallbackPolicy": "What is done where no endpoint has the labels that a route asks for.",
        "defaultSubset": "The labels of the subset that is taken under DEFAULT_SUBSET.",
    },
    upstream.SubsetSelector: {
        "keys": "The labels.",
        "singleHostPerSubset": "Whether each subset has one endpoint at most.",
    },
    upstream.ConnectionConfig: {
        "connectTimeout": "How long a connection may take to be made; 5s unless given.",
        "maxRequestsPerConnection": "After how many requests a connection is closed.",
        "tcpKeepalive": "Probes of idle connections.",
        "perConnectionBufferLimitBytes": "Bytes that a connection may hold.",
        "commonHttpProtocolOptions": "Limits that all versions of HTTP share.",
        "http1ProtocolOptions": "Settings of HTTP/1.1.",
        "http2ProtocolOptions": "Settings of HTTP/2.",
    },
    upstream.CircuitBreakers: {
        "maxConnections": "Connections at once.",
        "maxPendingRequests": "Requests that wait for a connection.",
        "maxRequests": "Requests at once.",
        "maxRetries": "Retries at once; 3 unless given.",
        "trackRemaining": "Whether what is left is counted.",
    },
    health.OutlierDetection: {
        "consecutive5xx": "Errors in a row for which an endpoint is left out; 5 unless given.",
        "interval": "How often endpoints are looked at.",
        "baseEjectionTime": "How long an endpoint is left out the first time.",
        "maxEjectionPercent": "How many of a hundred endpoints may be left out.",
        "enforcingConsecutive5xx": "How likely errors in a row have that effect, of a hundred.",
        "enforcingSuccessRate": "How likely a low rate of success has that effect, of a hundred.",
        "successRateMinimumHosts": "Endpoints with enough requests that rates are compared from.",
        "successRateRequestVolume": "Requests that an endpoint must have had.",
        "successRateStdevFactor": "How far below the mean a rate must be, in thousandths of a standard deviation.",
        "consecutiveGatewayFailure": "Gateway errors (502, 503, 504) in a row for which an endpoint is left out.",
        "enforcingConsecutiveGatewayFailure": "How likely gateway errors in a row have that effect, of a hundred.",
        "splitExternalLocalOriginErrors": "Whether failures to connect are counted apart from errors that are answered.",
        "consecutiveLocalOriginFailure": "Failures to connect in a row for which an endpoint is left out.",
        "enforcingConsecutiveLocalOriginFailure": "How likely failures to connect have that effect, of a hundred.",
        "enforcingLocalOriginSuccessRate": "How likely a low rate of connecting has that effect, of a hundred.",
    },
    balancing.LoadBalancerConfig: {
        "roundRobin": "One after the other.",
        "leastRequest": "The one of two, drawn at random, that has fewer requests.",
        "random": "One at random.",
        "ringHash": "By a hash, on a ring.",
        "maglev": "By a hash, in a table.",
        "healthyPanicThreshold": "Below how many healthy endpoints of a hundred all are used.",
        "updateMergeWindow": "How long changes of endpoints are gathered.",
        "localityWeightedLbConfig": "Whether places have weights.",
        "useHostnameForHashing": "Whether names instead of addresses are hashed.",
        "closeConnectionsOnHostSetChange": "Whether connections are closed when endpoints change.",
    },
    balancing.RoundRobin: {"slowStartConfig": "How new endpoints get their share little by little."},
    balancing.LeastRequest: {
        "choiceCount": "How many endpoints are drawn to be compared.",
        "slowStartConfig": "How new endpoints get their share little by little.",
    },
    balancing.SlowStart: {
        "slowStartWindow": "How long it takes to get the whole share.",
        "aggression": "How fast the share grows: 1 is evenly.",
        "minWeightPercent": "The share to begin with, of a hundred.",
    },
    balancing.RingHash: {"ringHashConfig": "The size of the ring."},
    balancing.RingHashConfig: {
        "minimumRingSize": "The fewest places of the ring.",
        "maximumRingSize": "The most places of the ring.",
    },
    upstream.UpstreamGroup: {"spec": "A split that several routes share.", "status": _STATUS},
    upstream.UpstreamGroupSpec: {
        "destinations": "The arms of the split; each gets its weight's share of the sum of weights.",
    },
}

"""What the fields of health checks, failover and connections mean, one sentence each.

Source: Gloo Edge's API reference and Envoy's behaviour.
"""

from __future__ import annotations

from typing import Final

from edgesim.dialects.schema import balancing, health, upstream

FIELDS: Final[dict[type, dict[str, str]]] = {
    health.HealthCheck: {
        "timeout": "How long a check may take; required.",
        "interval": "How long after one check the next begins; required.",
        "initialJitter": "Up to how long the first check is put off, at random.",
        "intervalJitter": "Up to how much longer than the interval is waited, at random.",
        "intervalJitterPercent": "The same as a share of the interval, of a hundred.",
        "unhealthyThreshold": "Failed checks in a row after which an endpoint is left out; required.",
        "healthyThreshold": "Passed checks in a row after which an endpoint is used again; required.",
        "reuseConnection": "Whether checks share a connection; unless given they do.",
        "httpHealthCheck": "A request that has to be answered as expected.",
        "tcpHealthCheck": "A connection, and bytes to send and to receive.",
        "grpcHealthCheck": "A call of gRPC's health service.",
        "customHealthCheck": "A checker of one's own, built into Envoy.",
        "noTrafficInterval": "The interval while the upstream has had no request.",
        "unhealthyInterval": "The interval of endpoints that are left out.",
        "unhealthyEdgeInterval": "The interval once after an endpoint was left out.",
        "healthyEdgeInterval": "The interval once after an endpoint was used again.",
        "eventLogPath": "The file that events are written to.",
        "alwaysLogHealthCheckFailures": "Whether each failed check is written down, not the first only.",
    },
    health.HttpHealthCheck: {
        "host": "The host to ask for; unless given, the name of the cluster.",
        "path": "The path to ask for; required.",
        "method": "The method to ask with; unless given, GET.",
        "serviceName": "The name that an answer has to tell, in `x-envoy-upstream-healthchecked-cluster`.",
        "requestHeadersToAdd": "Headers of the request.",
        "requestHeadersToRemove": "Names of headers that are taken out of the request.",
        "useHttp2": "Whether HTTP/2 is spoken.",
        "expectedStatuses": "Ranges of statuses that pass; unless given, 200 alone.",
        "responseAssertions": "What else an answer has to say.",
    },
    health.StatusRange: {
        "start": "The first status of the range.",
        "end": "The first status behind the range.",
    },
    health.TcpHealthCheck: {
        "send": "What is sent; unless given, that there is a connection is enough.",
        "receive": "What has to come, in this order.",
    },
    health.Payload: {"text": "Bytes, in hexadecimal."},
    health.GrpcHealthCheck: {
        "serviceName": "The service whose health is asked for; unless given, that of the whole server.",
        "authority": "The authority to ask for; unless given, the name of the cluster.",
    },
    balancing.Failover: {
        "prioritizedLocalities": "Endpoints that are used when those of the upstream are not enough, the first of them first.",
        "policy": "When endpoints are not enough.",
    },
    balancing.FailoverPolicy: {
        "overprovisioningFactor": "How much more than its healthy share a priority takes, of a hundred; 140 unless given.",
    },
    balancing.PrioritizedLocality: {"localityEndpoints": "Endpoints of one priority, by where they run."},
    balancing.LocalityLbEndpoints: {
        "locality": "Where they run.",
        "lbEndpoints": "The endpoints.",
        "loadBalancingWeight": "The share of this place among those of its priority.",
    },
    balancing.LbEndpoint: {
        "address": "The address, or a name.",
        "port": "The port.",
        "healthCheckConfig": "What health checks ask of this endpoint otherwise.",
        "upstreamSslConfig": "TLS towards this endpoint.",
        "loadBalancingWeight": "The share of this endpoint among those of its place; 1 unless given.",
        "metadata": "Metadata of this endpoint.",
    },
    balancing.Locality: {
        "region": "The region.",
        "zone": "The zone in the region.",
        "subZone": "The place in the zone.",
    },
    upstream.TcpKeepalive: {
        "keepaliveProbes": "Probes without an answer after which a connection is given up.",
        "keepaliveTime": "How long a connection is idle before it is probed.",
        "keepaliveInterval": "How long after one probe the next is sent.",
    },
    upstream.CommonHttpProtocolOptions: {
        "idleTimeout": "How long a connection without requests is kept; an hour unless given.",
        "maxHeadersCount": "The most headers of an answer.",
        "maxStreamDuration": "How long a request and its answer may take.",
        "headersWithUnderscoresAction": "What becomes of headers with an underscore in their name.",
    },
}

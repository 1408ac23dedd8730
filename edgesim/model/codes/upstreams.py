"""ES0300 to ES0399: upstreams and upstream groups."""

from __future__ import annotations

from edgesim.model.codes.code import SERVICE, UPSTREAM, Code, documents, error, upstream, warning


def _kube(service: str) -> str:
    return upstream(f"kube: {{serviceName: {service}, serviceNamespace: default, servicePort: 80}}\n")


def _group(destination: str) -> str:
    return documents(
        f"""\
        apiVersion: gloo.solo.io/v1
        kind: UpstreamGroup
        metadata: {{name: echo}}
        spec:
          destinations:
          - {destination}
        """,
        UPSTREAM,
    )


_CHECK = "healthChecks: [{timeout: 1s, interval: 5s, unhealthyThreshold: 2, healthyThreshold: 1, tcpHealthCheck: {}}]\n"
_TWO_CHECKS = """\
healthChecks:
  - {timeout: 1s, interval: 5s, unhealthyThreshold: 2, healthyThreshold: 1, tcpHealthCheck: {}}
  - {timeout: 1s, interval: 5s, unhealthyThreshold: 2, healthyThreshold: 1, httpHealthCheck: {path: /}}
"""


def _static(more: str) -> str:
    return upstream(f"static: {{hosts: [{{addr: 127.0.0.1, port: 5678}}]}}\n{more}")


def _named(rate: str) -> str:
    return upstream(f"static: {{hosts: [{{addr: localhost, port: 5678}}]}}\ndnsRefreshRate: {rate}\n")


_GOOD_GROUP = _group("{destination: {upstream: {name: echo}}, weight: 1}")

UPSTREAMS: tuple[Code, ...] = (
    error(
        "ES0300",
        "An upstream without type",
        "An upstream is `static` or `kube` (or of a type that is not simulated).",
        upstream("connectionConfig: {connectTimeout: 1s}\n"),
        UPSTREAM,
    ),
    error(
        "ES0301",
        "A static upstream without hosts",
        "There is no address to send requests to.",
        upstream("static: {hosts: []}\n"),
        UPSTREAM,
    ),
    error(
        "ES0302",
        "A host without address",
        "Each host of a static upstream has an `addr`: an IP address or a DNS name.",
        upstream("static: {hosts: [{port: 5678}]}\n"),
        UPSTREAM,
    ),
    error(
        "ES0303",
        "A host without a valid port",
        "Each host of a static upstream has a `port`, 1 to 65535.",
        upstream("static: {hosts: [{addr: 127.0.0.1}]}\n"),
        UPSTREAM,
    ),
    error(
        "ES0304",
        "A service that is not there",
        "A kube upstream follows a Service, named with its namespace. Without it the upstream has no cluster, and its "
        "requests are answered 503.",
        documents(_kube("ecko"), SERVICE),
        documents(_kube("echo"), SERVICE),
    ),
    warning(
        "ES0305",
        "An upstream of a type that is not simulated",
        "edgesim sends requests to static and kube upstreams only; to this one they are answered 503.",
        upstream("consul: {serviceName: echo}\n"),
        UPSTREAM,
    ),
    error(
        "ES0306",
        "An upstream group that names a missing upstream",
        "The group is rejected; the routes that use it answer 503 for the share of that destination.",
        _group("{destination: {upstream: {name: ecko}}, weight: 1}"),
        _GOOD_GROUP,
    ),
    error(
        "ES0307",
        "An upstream group with an empty destination",
        "Each entry of `destinations` has a `destination`.",
        _group("{weight: 1}"),
        _GOOD_GROUP,
    ),
    error(
        "ES0309",
        "A host with weight 0",
        "`loadBalancingWeight` is at least 1. To send a host nothing, take it out.",
        upstream("static: {hosts: [{addr: 127.0.0.1, port: 5678, loadBalancingWeight: 0}]}\n"),
        UPSTREAM,
    ),
    error(
        "ES0310",
        "A connect timeout that is not positive",
        "Envoy refuses a cluster whose connect timeout is 0 or less.",
        documents(
            """\
            apiVersion: gloo.solo.io/v1
            kind: Upstream
            metadata: {name: echo}
            spec:
              static: {hosts: [{addr: 127.0.0.1, port: 5678}]}
              connectionConfig: {connectTimeout: 0s}
            """
        ),
        UPSTREAM,
    ),
    error(
        "ES0311",
        "A health check that lacks a part",
        "A health check has a `timeout`, an `interval`, an `unhealthyThreshold`, a `healthyThreshold`, and a check: "
        "`httpHealthCheck`, `tcpHealthCheck` or `grpcHealthCheck`.",
        _static("healthChecks: [{timeout: 1s, interval: 5s, tcpHealthCheck: {}}]\n"),
        _static(_CHECK),
    ),
    error(
        "ES0312",
        "A health check with an impossible duration",
        "Envoy wants `timeout` and all intervals of a health check above 0, and its jitters not below.",
        _static(_CHECK.replace("5s", "0s")),
        _static(_CHECK),
    ),
    error(
        "ES0313",
        "An invalid health check",
        "`httpHealthCheck` has a `path`; its method is not CONNECT; `expectedStatuses` are half-open ranges within 100 "
        "to 600: `{start: 200, end: 300}` is every 2xx. Neither these texts nor the `authority` of a `grpcHealthCheck` "
        "hold a line break.",
        _static(_CHECK.replace("tcpHealthCheck: {}", "httpHealthCheck: {path: /, expectedStatuses: [{start: 200}]}")),
        _static(
            _CHECK.replace(
                "tcpHealthCheck: {}", "httpHealthCheck: {path: /, expectedStatuses: [{start: 200, end: 300}]}"
            )
        ),
    ),
    error(
        "ES0314",
        "An invalid payload of a TCP health check",
        "What is sent and received is written in hexadecimal, two digits for each byte.",
        _static(_CHECK.replace("{}", "{send: {text: PING}}")),
        _static(_CHECK.replace("{}", "{send: {text: '50494e47'}}")),
    ),
    error(
        "ES0315",
        "Outlier detection without an interval",
        "Gloo wants `outlierDetection.interval`: how often ejections are looked at.",
        _static("outlierDetection: {consecutive5xx: 3}\n"),
        _static("outlierDetection: {consecutive5xx: 3, interval: 10s}\n"),
    ),
    error(
        "ES0316",
        "Outlier detection with an impossible number",
        "Durations of `outlierDetection` are above 0; `maxEjectionPercent` and what begins with `enforcing` are "
        "percentages, 0 to 100.",
        _static("outlierDetection: {interval: 10s, maxEjectionPercent: 150}\n"),
        _static("outlierDetection: {interval: 10s, maxEjectionPercent: 50}\n"),
    ),
    error(
        "ES0317",
        "An impossible load balancer",
        "Envoy compares at least 2 endpoints (`choiceCount`); a ring has at most 8388608 places, and not fewer at most "
        "than at least; percentages are 0 to 100.",
        _static("loadBalancerConfig: {leastRequest: {choiceCount: 1}}\n"),
        _static("loadBalancerConfig: {leastRequest: {choiceCount: 2}}\n"),
    ),
    error(
        "ES0319",
        "A negative duration of an upstream",
        "Idle timeouts, keep-alive times and slow start windows are not below 0; 0 switches them off.",
        _static("connectionConfig: {commonHttpProtocolOptions: {idleTimeout: -1s}}\n"),
        _static("connectionConfig: {commonHttpProtocolOptions: {idleTimeout: 60s}}\n"),
    ),
    error(
        "ES0320",
        "An overprovisioning factor of 0",
        "`failover.policy.overprovisioningFactor` is in per cent and above 0; 140, the default, lets a priority keep all "
        "its requests while 72 of 100 endpoints are healthy.",
        _static("failover: {policy: {overprovisioningFactor: 0}}\n"),
        _static("failover: {policy: {overprovisioningFactor: 100}}\n"),
    ),
    warning(
        "ES0321",
        "A DNS refresh rate that is ignored",
        "`dnsRefreshRate` is more than 1ms; a shorter one is ignored, and names are resolved every 5 seconds.",
        _named("0s"),
        _named("10s"),
    ),
    error(
        "ES0322",
        "A DNS refresh rate without DNS",
        "Only a static upstream with a DNS name among its hosts has anything to resolve.",
        _static("dnsRefreshRate: 10s\n"),
        _named("10s"),
    ),
    error(
        "ES0323",
        "Hashing by host name without DNS",
        "Envoy refuses `useHostnameForHashing` but on a static upstream with a DNS name among its hosts.",
        _static("loadBalancerConfig: {maglev: {}, useHostnameForHashing: true}\n"),
        _named("10s") + "  loadBalancerConfig: {maglev: {}, useHostnameForHashing: true}\n",
    ),
    error(
        "ES0324",
        "A gRPC health check without HTTP/2",
        "Envoy refuses a gRPC health check of an upstream that it does not speak HTTP/2 to. `useHttp2: true` says it "
        "does, or a `serviceSpec` with `grpc`; a TCP health check asks for less.",
        _static(_CHECK.replace("tcp", "grpc")),
        _static(_CHECK),
    ),
    error(
        "ES0325",
        "More than one health check",
        "Envoy takes several health checks of an upstream only if each has a name, and Gloo has no field for it: Envoy "
        "refuses the cluster. Keep the check that says most.",
        _static(_TWO_CHECKS),
        _static(_CHECK),
    ),
    error(
        "ES0326",
        "A DNS refresh rate of a millisecond",
        "Envoy refuses a `dnsRefreshRate` of 1ms: it must be greater. Gloo ignores shorter ones, and passes this one on.",
        _named("1ms"),
        _named("10s"),
    ),
)

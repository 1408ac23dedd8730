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
)

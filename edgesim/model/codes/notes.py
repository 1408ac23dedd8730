"""ES0600 to ES0699: notes. They never freeze, refuse, or change an exit code."""

from __future__ import annotations

from edgesim.model.codes.code import (
    SERVICE,
    UPSTREAM,
    Code,
    documents,
    gateway,
    note,
    route,
    routed,
    upstream,
    virtual_host,
)

_TO_ECHO = "routeAction: {single: {upstream: {name: echo}}}\n"


def _kube(port: int) -> str:
    text = f"kube: {{serviceName: echo, serviceNamespace: default, servicePort: {port}}}\n"
    return documents(upstream(text), SERVICE)


_ANSWER = "domains: ['*']\nroutes: [{directResponseAction: {status: 200}}]\n"
_NAMING = "httpGateway: {virtualServices: [{name: echo, namespace: default}]}\n"

NOTES: tuple[Code, ...] = (
    note(
        "ES0600",
        "A kind that is not simulated",
        "edgesim has no use for this kind (yet); the document has no effect, the rest of the file has.",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: echo}\n",
        UPSTREAM,
    ),
    note(
        "ES0601",
        "A field that is not simulated",
        "The field exists and is checked, but has no effect here (yet). On a cluster it would.",
        routed(_TO_ECHO + "options: {tracing: {routeDescriptor: echo}}\n"),
        routed(_TO_ECHO),
    ),
    note(
        "ES0602",
        "A servicePort that names the target port",
        "`servicePort` is the port of the Service. This one is only the port of the pods behind it: edgesim finds them, "
        "as old Gloo did, but newer Gloo would find none.",
        _kube(5678),
        _kube(80),
    ),
    note(
        "ES0603",
        "A servicePort that the service does not have",
        "The upstream has no endpoints, so its requests are answered 503 (`no healthy upstream`). Gloo only logs this.",
        _kube(81),
        _kube(80),
    ),
    note(
        "ES0604",
        "An option without effect",
        "The option is read and would act elsewhere, but not here: rewrites, timeouts and retries are options of "
        "forwarding, which Gloo ignores on a redirect or a direct response; others need a second option beside them.",
        route("directResponseAction: {status: 200}\noptions: {timeout: 1s}\n"),
        route("directResponseAction: {status: 200}\n"),
    ),
    note(
        "ES0605",
        "A domain that never matches",
        "A `*` counts only as a whole domain, at the beginning (`*.example.com`) or at the end (`example.*`).",
        virtual_host("domains: [echo.*.com]\nroutes: [{directResponseAction: {status: 200}}]\n"),
        virtual_host("domains: ['*.echo.com']\nroutes: [{directResponseAction: {status: 200}}]\n"),
    ),
    note(
        "ES0606",
        "An unknown retry condition",
        "`retryOn` lists Envoy's conditions, with commas between them. Envoy ignores a word it does not know.",
        routed(_TO_ECHO + "options: {retries: {retryOn: '5xx,gateway-eror'}}\n"),
        routed(_TO_ECHO + "options: {retries: {retryOn: '5xx,gateway-error'}}\n"),
    ),
    note(
        "ES0607",
        "A shadow upstream that is not there",
        "The request itself is served; no shadow of it is sent. The namespace is not defaulted here.",
        routed(_TO_ECHO + "options: {shadowing: {upstream: {name: echo}, percentage: 10}}\n"),
        routed(_TO_ECHO + "options: {shadowing: {upstream: {name: echo, namespace: default}, percentage: 10}}\n"),
    ),
    note(
        "ES0608",
        "A listener that is not as the Gateway has it",
        "edgesim stands for the proxy `gateway-proxy`, on this machine's loopback address: a Gateway of another proxy has "
        "no effect, and an address that is not loopback is bound only with `edgesim up --listen`.",
        gateway("bindAddress: 192.0.2.1\nbindPort: 8080\nhttpGateway: {}\n"),
        gateway("bindAddress: '::'\nbindPort: 8080\nhttpGateway: {}\n"),
    ),
    note(
        "ES0609",
        "A virtual service on no gateway",
        "No Gateway selects it, so none of its routes is served. One with `sslConfig` is only ever on Gateways with "
        "`ssl: true`, one without only on the others.",
        documents(virtual_host(_ANSWER), gateway("httpGateway: {virtualServiceSelector: {team: echo}}\n")),
        documents(virtual_host(_ANSWER), gateway("httpGateway: {}\n")),
    ),
    note(
        "ES0610",
        "Outside the namespace of the installation",
        "Gloo reads Settings `default` and Gateways in the namespace it is installed in, gloo-system; with "
        "`gateway.readGatewaysFromAllNamespaces: true` in Settings, Gateways everywhere.",
        gateway("httpGateway: {}\n", namespace="default"),
        gateway("httpGateway: {}\n"),
    ),
    note(
        "ES0611",
        "A reference to a virtual service of the other sort",
        "The Gateway names a virtual service that exists and cannot be on it: those with `sslConfig` are on Gateways with "
        "`ssl: true` only, the others on those without.",
        documents(virtual_host(_ANSWER), gateway(f"ssl: true\n{_NAMING}"), gateway("httpGateway: {}\n", "plain")),
        documents(virtual_host(_ANSWER), gateway(_NAMING)),
    ),
    note(
        "ES0612",
        "HTTP/2 to an upstream",
        "With `useHttp2` Envoy speaks HTTP/2 to the endpoints. Real Envoy does so here, too (`--engine envoy`, `edgesim "
        "export envoy`), and so do health checks by gRPC. Requests through edgesim's own proxy are sent by HTTP/1.1, which "
        "edgesim's pods understand as well; a program of your own may not.",
        upstream("static: {hosts: [{addr: 127.0.0.1, port: 5678}]}\nuseHttp2: true\n"),
        upstream("static: {hosts: [{addr: 127.0.0.1, port: 5678}]}\n"),
    ),
)

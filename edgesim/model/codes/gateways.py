"""ES0520 to ES0539: gateways and Settings."""

from __future__ import annotations

from edgesim.model.codes.code import Code, documents, error, gateway, settings, virtual_host

DOMAIN_CONFLICT = "ES0522"
"""A Gateway's problem that is its virtual services' doing."""


def _host(name: str, domain: str) -> str:
    return virtual_host(f"domains: [{domain}]\nroutes: [{{directResponseAction: {{status: 200}}}}]\n", name)


def _naming(name: str) -> str:
    text = f"httpGateway: {{virtualServices: [{{name: {name}, namespace: default}}]}}\n"
    everything = gateway("bindPort: 8081\nhttpGateway: {}\n", "gateway-all")
    return documents(gateway(text), everything, _host("echo", "echo.example"))


def _two(port: int) -> str:
    return documents(gateway("httpGateway: {}\n"), gateway(f"bindPort: {port}\nhttpGateway: {{}}\n", "gateway-two"))


def _choosing(expression: str) -> str:
    text = f"httpGateway: {{virtualServiceExpressions: {{expressions: [{expression}]}}}}\n"
    return documents(gateway(text), gateway("bindPort: 8081\nhttpGateway: {}\n", "gateway-all"))


def _trusting(cidr: str) -> str:
    hcm = f"httpConnectionManagerSettings: {{internalAddressConfig: {{cidrRanges: [{cidr}]}}}}"
    return gateway(f"httpGateway: {{options: {{{hcm}}}}}\n")


def _answering(code: int) -> str:
    policy = f"replaceInvalidRoutes: true, invalidRouteResponseCode: {code}"
    return settings(f"gloo: {{invalidConfigPolicy: {{{policy}}}}}")


GATEWAYS: tuple[Code, ...] = (
    error(
        "ES0520",
        "A gateway of no type",
        "A Gateway has one of `httpGateway`, `tcpGateway`, `hybridGateway`, if only an empty one.",
        gateway("bindPort: 8080\n"),
        gateway("bindPort: 8080\nhttpGateway: {}\n"),
    ),
    error(
        "ES0521",
        "A connection limit of none",
        "`connectionLimit.maxActiveConnections` is at least 1.",
        gateway("httpGateway: {options: {connectionLimit: {maxActiveConnections: 0}}}\n"),
        gateway("httpGateway: {options: {connectionLimit: {maxActiveConnections: 1000}}}\n"),
    ),
    error(
        DOMAIN_CONFLICT,
        "A gateway whose virtual services want one domain",
        "A domain belongs to one virtual service of a Gateway. Each of those that want it has the problem too (ES0200). "
        "Gloo freezes everything on the Gateway's listener.",
        documents(_host("echo", "echo.example"), _host("foxtrot", "echo.example"), gateway("httpGateway: {}\n")),
        documents(_host("echo", "echo.example"), _host("foxtrot", "foxtrot.example"), gateway("httpGateway: {}\n")),
    ),
    error(
        "ES0523",
        "A gateway that names a missing virtual service",
        "`virtualServices` lists them by name and namespace; the namespace has no default.",
        _naming("ecko"),
        _naming("echo"),
    ),
    error(
        "ES0524",
        "Two gateways want one address",
        "Each Gateway has a `bindAddress` and a `bindPort`, 8080 (8443 with `ssl: true`) where none is written. The first "
        "keeps it. Addresses that mean any (`::`, `0.0.0.0`) count as one.",
        _two(8080),
        _two(8081),
    ),
    error(
        "ES0525",
        "An address that cannot be",
        "`bindAddress` is an IP address and `bindPort` 1 to 65535.",
        gateway("bindPort: 80800\nhttpGateway: {}\n"),
        gateway("bindPort: 8080\nhttpGateway: {}\n"),
    ),
    error(
        "ES0526",
        "An invalid selector of virtual services",
        "`In` and `NotIn` need values, `Exists` and `DoesNotExist` none, `Equals` one, `GreaterThan` and `LessThan` an "
        "integer. The Gateway selects nothing.",
        _choosing("{key: team, operator: In}"),
        _choosing("{key: team, operator: In, values: [a]}"),
    ),
    error(
        "ES0527",
        "A replacement without a valid status",
        "`gloo.invalidConfigPolicy.invalidRouteResponseCode` of Settings is 200 to 599: it is what routes answer that "
        "cannot be served. Without it they answer 404.",
        _answering(99),
        _answering(503),
    ),
    error(
        "ES0528",
        "An internal address that is none",
        "`internalAddressConfig.cidrRanges` lists addresses with the length of their prefix: clients there may use the "
        "`x-envoy-*` headers that change timeouts and retries.",
        _trusting("{addressPrefix: 10.0.0.0/8}"),
        _trusting("{addressPrefix: 10.0.0.0, prefixLen: 8}"),
    ),
)

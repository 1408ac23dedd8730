from __future__ import annotations

import pytest

from edgesim.model import DEFAULT_LISTENER, DirectResponseAction, ListenerOptions, options_of
from edgesim.model.policies import Csrf, LocalRateLimit
from tests.dialects.scenes import Outcome, gateway, route, run


def http(options: str, more: str = "") -> Outcome:
    """Translate a Gateway with HTTP options."""
    return run(gateway(f"{more}httpGateway: {{options: {{{options}}}}}\n"))


def hcm(settings: str) -> Outcome:
    """Translate a Gateway with settings of the HTTP connection manager."""
    return http(f"httpConnectionManagerSettings: {{{settings}}}")


def listener(outcome: Outcome) -> ListenerOptions:
    """Return the plain listener's options; there is no problem."""
    assert outcome.problems == []
    return options_of(outcome.translation.model, tls=False)


def test_without_a_gateway_the_defaults_hold() -> None:
    """And an empty gateway changes nothing."""
    assert listener(run(route("directResponseAction: {status: 200}\n"))) == DEFAULT_LISTENER
    assert listener(run(gateway("httpGateway: {}\n"))) == DEFAULT_LISTENER
    assert listener(hcm("")) == DEFAULT_LISTENER


def test_connection_manager_settings_are_read_whole() -> None:
    """Every setting that edgesim acts on reaches the model."""
    outcome = hcm(
        "useRemoteAddress: true, xffNumTrustedHops: 2, skipXffAppend: true, generateRequestId: false, "
        "preserveExternalRequestId: true, serverName: edge, acceptHttp10: true, defaultHostForHttp10: a.example, "
        "mergeSlashes: true, normalizePath: false, stripAnyHostPort: true, maxRequestHeadersKb: 96, "
        "maxHeadersCount: 200, idleTimeout: 1m, streamIdleTimeout: 0s, requestTimeout: 2s, requestHeadersTimeout: 3s, "
        "maxStreamDuration: 4s, upgrades: [{websocket: {enabled: false}}, {connect: {}}]"
    )
    assert listener(outcome) == ListenerOptions(
        use_remote_address=True,
        xff_trusted_hops=2,
        skip_xff_append=True,
        generate_request_id=False,
        preserve_external_request_id=True,
        server_name="edge",
        accept_http_10=True,
        default_host_for_http_10="a.example",
        merge_slashes=True,
        normalize_path=False,
        strip_any_host_port=True,
        max_headers_bytes=96 * 1024,
        max_headers=200,
        idle_timeout=60.0,
        stream_idle_timeout=0.0,
        request_timeout=2.0,
        header_timeout=3.0,
        max_stream_duration=4.0,
        websocket=False,
        allow_connect=True,
    )


def test_who_is_internal_is_read() -> None:
    """Ranges with host bits, without a length and with one too long are what Envoy makes of them."""
    ranges = (
        "{addressPrefix: 10.1.2.3, prefixLen: 8}, {addressPrefix: 127.0.0.1, prefixLen: 99}, {addressPrefix: '::1'}"
    )
    outcome = hcm(f"internalAddressConfig: {{unixSockets: false, cidrRanges: [{ranges}]}}")
    assert listener(outcome).internal_addresses == ("10.0.0.0/8", "127.0.0.1/32", "::/0")


def test_other_options_of_a_listener_are_read() -> None:
    """Router, buffer, CSRF, rate and connection limits, and what holds for all routes."""
    outcome = http(
        "router: {suppressEnvoyHeaders: true}, buffer: {maxRequestBytes: 9}, connectionLimit: {maxActiveConnections: 7}, "
        "csrf: {filterEnabled: {defaultValue: {numerator: 100}}}, httpLocalRatelimit: {defaultLimit: {maxTokens: 5}}",
        "routeOptions: {mostSpecificHeaderMutationsWins: true}\n",
    )
    assert listener(outcome) == ListenerOptions(
        suppress_envoy_headers=True,
        buffer_bytes=9,
        max_connections=7,
        csrf=Csrf(1_000_000),
        local_rate_limit=LocalRateLimit(5),
        most_specific_mutations_win=True,
    )


@pytest.mark.parametrize(
    ("settings", "code", "field"),
    [
        ("maxRequestHeadersKb: 0", "ES0106", "maxRequestHeadersKb"),
        ("maxRequestHeadersKb: 8193", "ES0106", "maxRequestHeadersKb"),
        ("maxHeadersCount: 0", "ES0106", "maxHeadersCount"),
        ("maxHeadersCount: '1'", "ES0104", "maxHeadersCount"),
        ("xffNumTrustedHops: -1", "ES0106", "xffNumTrustedHops"),
        ("idleTimeout: -1s", "ES0229", "idleTimeout"),
        ("streamIdleTimeout: 1", "ES0104", "streamIdleTimeout"),
        ("upgrades: [{}]", "ES0239", "upgrades[0]"),
        ("internalAddressConfig: {cidrRanges: [{}]}", "ES0528", "internalAddressConfig.cidrRanges[0]"),
        (
            "internalAddressConfig: {cidrRanges: [{addressPrefix: 10.0.0.0/8}]}",
            "ES0528",
            "internalAddressConfig.cidrRanges[0].addressPrefix",
        ),
        ("useRemoteAdress: true", "ES0103", "useRemoteAdress"),
    ],
)
def test_a_wrong_setting_is_an_error(settings: str, code: str, field: str) -> None:
    """Types and ranges are checked, at the field."""
    problem = hcm(settings).only()
    path = f"spec.httpGateway.options.httpConnectionManagerSettings.{field}"
    assert (problem.code, problem.field) == (code, path)


@pytest.mark.parametrize(
    ("options", "code", "field"),
    [
        ("connectionLimit: {}", "ES0521", "connectionLimit"),
        ("connectionLimit: {maxActiveConnections: 0}", "ES0521", "connectionLimit.maxActiveConnections"),
        ("buffer: {}", "ES0244", "buffer"),
        ("httpLocalRatelimit: {defaultLimit: {}}", "ES0241", "httpLocalRatelimit.defaultLimit"),
    ],
)
def test_a_wrong_option_is_an_error(options: str, code: str, field: str) -> None:
    """Other options have the rules of their level's namesakes."""
    problem = http(options).only()
    assert (problem.code, problem.field) == (code, f"spec.httpGateway.options.{field}")


def test_limits_that_say_nothing_are_none() -> None:
    """A local rate limit without a default bucket limits only where a route has one."""
    assert listener(http("httpLocalRatelimit: {}")).local_rate_limit is None


def test_each_listener_has_its_gateway() -> None:
    """`ssl: true` is the TLS listener's."""
    tls = gateway(
        "ssl: true\nbindPort: 8443\nhttpGateway: {options: {buffer: {maxRequestBytes: 2}}}\n", "gateway-proxy-ssl"
    )
    outcome = run(
        gateway("bindPort: 8080\nbindAddress: '::'\nhttpGateway: {options: {buffer: {maxRequestBytes: 1}}}\n"), tls
    )
    model = outcome.translation.model
    assert outcome.problems == []
    assert (options_of(model, tls=False).buffer_bytes, options_of(model, tls=True).buffer_bytes) == (1, 2)


@pytest.mark.parametrize(
    ("spec", "codes"),
    [
        ("bindPort: 9090\nbindAddress: 10.0.0.1\nhttpGateway: {}\n", ["ES0608"]),
        ("bindPort: 9090\nbindAddress: 127.0.0.2\nhttpGateway: {}\n", []),
        ("bindPort: 9090\nbindAddress: 0.0.0.0\nhttpGateway: {}\n", []),
        ("bindAddress: here\nhttpGateway: {}\n", ["ES0525"]),
        ("bindPort: 65536\nhttpGateway: {}\n", ["ES0525"]),
        ("proxyNames: [gateway-proxy, other]\nhttpGateway: {virtualServiceSelector: {a: b}}\n", []),
        ("proxyNames: [other]\nhttpGateway: {}\n", ["ES0608"]),
        ("tcpGateway: {}\n", ["ES0601"]),
        ("hybridGateway: {}\nuseProxyProto: true\n", ["ES0601", "ES0601"]),
        ("options: {accessLoggingService: {}}\nhttpGateway: {options: {gzip: {}}}\n", ["ES0601", "ES0601"]),
        ("{}\n", ["ES0520"]),
    ],
)
def test_what_a_gateway_cannot_do_here_is_said(spec: str, codes: list[str]) -> None:
    """Addresses, other proxies, TCP and hybrid gateways are noted; one of no type or with no real address is an error."""
    assert run(gateway(spec)).codes == codes


def test_a_longer_direct_response_may_be_allowed() -> None:
    """By the gateway's routeOptions, which may forbid a shorter one as well."""
    body = "x" * 5000
    text = route(f"directResponseAction: {{status: 200, body: {body}}}\n")
    assert run(text).codes == ["ES0224"]
    short = gateway("routeOptions: {maxDirectResponseBodySizeBytes: 4}\nhttpGateway: {}\n")
    assert run(text.replace(body, "abcde"), short).codes == ["ES0224"]
    outcome = run(text, gateway("routeOptions: {maxDirectResponseBodySizeBytes: 5000}\nhttpGateway: {}\n"))
    assert outcome.problems == []
    action = outcome.routes[0].action
    assert isinstance(action, DirectResponseAction)
    assert action.body == body

"""Health checks and outlier detection of an Upstream."""

from __future__ import annotations

import pytest

from edgesim.model import (
    GrpcCheck,
    HeaderMutations,
    HeaderValue,
    HealthCheck,
    HttpCheck,
    OutlierDetection,
    TcpCheck,
)
from tests.dialects.scenes import UPSTREAM, Outcome, run

NEEDED = "timeout: 1s, interval: 5s, unhealthyThreshold: 2, healthyThreshold: 1"


def checked(*checks: str) -> Outcome:
    return run(UPSTREAM + "  healthChecks:\n" + "".join(f"  - {{{each}}}\n" for each in checks))


def only(check: str) -> HealthCheck:
    outcome = checked(check)
    assert outcome.problems == []
    ((found,),) = (cluster.health_checks for cluster in outcome.clusters)
    return found


def test_what_is_not_said_is_as_envoy_has_it() -> None:
    """Without traffic a check runs every minute, connections are kept, and 200 alone is healthy."""
    assert only(f"{NEEDED}, httpHealthCheck: {{path: /health}}") == HealthCheck(1, 5, 2, 1, HttpCheck("/health"))


def test_everything_is_read() -> None:
    """Intervals, jitters, and what an HTTP check sends and expects."""
    found = only(
        f"{NEEDED}, initialJitter: 100ms, intervalJitter: 200ms, intervalJitterPercent: 10, noTrafficInterval: 2s, "
        "unhealthyInterval: 3s, unhealthyEdgeInterval: 4s, healthyEdgeInterval: 6s, reuseConnection: false, "
        "httpHealthCheck: {host: a.example, path: /, method: HEAD, expectedStatuses: [{start: 200, end: 300}, "
        "{start: 404, end: 405}], requestHeadersToAdd: [{header: {key: X-Probe, value: 'yes'}, append: false}], "
        "requestHeadersToRemove: [User-Agent], useHttp2: true}"
    )
    headers = HeaderMutations((HeaderValue("x-probe", "yes", append=False),), ("user-agent",))
    checker = HttpCheck("/", "a.example", "HEAD", ((200, 300), (404, 405)), headers, http2=True)
    assert found == HealthCheck(1, 5, 2, 1, checker, 0.1, 0.2, 10, 2, 3, 4, 6, reuse_connection=False)


@pytest.mark.parametrize(("method", "wanted"), [("METHOD_UNSPECIFIED", "GET"), ("3", "POST"), ("PATCH", "PATCH")])
def test_methods_are_read_by_name_or_number(method: str, wanted: str) -> None:
    """Without a method a check is a GET."""
    checker = only(f"{NEEDED}, httpHealthCheck: {{path: /, method: {method}}}").checker
    assert isinstance(checker, HttpCheck)
    assert checker.method == wanted


def test_other_checks_are_read() -> None:
    """A TCP check without payloads only connects; payloads are bytes."""
    assert only(f"{NEEDED}, tcpHealthCheck: {{}}").checker == TcpCheck()
    payloads = "{send: {text: '50494e47'}, receive: [{text: 504F}, {text: '0a'}]}"
    assert only(f"{NEEDED}, tcpHealthCheck: {payloads}").checker == TcpCheck(b"PING", (b"PO", b"\n"))


@pytest.mark.parametrize("spec", ["useHttp2: true\n", "serviceSpec: {grpc: {}}"])
def test_grpc_checks_need_http2(spec: str) -> None:
    """Envoy refuses one of an upstream that it does not speak HTTP/2 to."""
    check = f"  healthChecks: [{{{NEEDED}, grpcHealthCheck: {{serviceName: echo, authority: a.example}}}}]\n"
    assert run(UPSTREAM + check).codes == ["ES0324"]
    text = UPSTREAM.replace("    hosts", f"    {spec}\n    hosts") if "Spec" in spec else f"{UPSTREAM}  {spec}"
    outcome = run(text + check)
    assert outcome.codes == ["ES0601" if "Spec" in spec else "ES0612"]
    assert outcome.clusters[0].http2
    assert outcome.clusters[0].health_checks[0].checker == GrpcCheck("echo", "a.example")


@pytest.mark.parametrize("authority", ["a\\nb", "a\\0"])
def test_an_authority_is_one_line(authority: str) -> None:
    """Envoy refuses one that could not be a header's value."""
    check = f'  healthChecks: [{{{NEEDED}, grpcHealthCheck: {{authority: "{authority}"}}}}]\n'
    outcome = run(f"{UPSTREAM}  useHttp2: true\n{check}")
    assert outcome.codes == ["ES0612", "ES0313"]
    assert outcome.problems[1].field == "spec.healthChecks[0].grpcHealthCheck.authority"


def test_a_second_check_is_refused() -> None:
    """Envoy wants names for several checks, for which Gloo has no field."""
    outcome = checked(f"{NEEDED}, httpHealthCheck: {{path: /}}", f"{NEEDED}, tcpHealthCheck: {{}}")
    assert outcome.codes == ["ES0325"]


def test_a_custom_check_is_noted() -> None:
    """What Envoy's extensions check is not simulated: endpoints are not checked by it."""
    outcome = checked(f"{NEEDED}, customHealthCheck: {{name: redis}}")
    assert outcome.codes == ["ES0601"]
    assert outcome.clusters[0].health_checks == ()


@pytest.mark.parametrize(
    ("check", "message"),
    [
        ("timeout: 1s, interval: 1s, unhealthyThreshold: 1, tcpHealthCheck: {}", "HealthyThreshold"),
        ("timeout: 1s, interval: 1s, healthyThreshold: 1, tcpHealthCheck: {}", "UnhealthyThreshold"),
        ("interval: 1s, unhealthyThreshold: 1, healthyThreshold: 1, tcpHealthCheck: {}", "Timeout"),
        ("timeout: 1s, unhealthyThreshold: 1, healthyThreshold: 1, tcpHealthCheck: {}", "Interval"),
        (NEEDED, "HealthChecker"),
    ],
)
def test_a_part_that_lacks_is_named_with_its_check(check: str, message: str) -> None:
    """The second check of two is number 1, as Gloo counts."""
    outcome = checked(f"{NEEDED}, tcpHealthCheck: {{}}", check)
    assert outcome.codes == ["ES0325", "ES0311"]
    assert outcome.problems[1].message == f"The field HealthCheck[1].{message} cannot be nil"
    assert outcome.clusters == ()


@pytest.mark.parametrize(
    ("given", "code", "field"),
    [
        ("timeout: 0s", "ES0312", "timeout"),
        ("interval: -1s", "ES0312", "interval"),
        ("noTrafficInterval: 0s", "ES0312", "noTrafficInterval"),
        ("unhealthyInterval: 0s", "ES0312", "unhealthyInterval"),
        ("unhealthyEdgeInterval: 0s", "ES0312", "unhealthyEdgeInterval"),
        ("healthyEdgeInterval: 0s", "ES0312", "healthyEdgeInterval"),
        ("initialJitter: -1s", "ES0312", "initialJitter"),
        ("intervalJitter: -1s", "ES0312", "intervalJitter"),
    ],
)
def test_durations_envoy_refuses(given: str, code: str, field: str) -> None:
    """Times are above 0, jitters not below."""
    name, _, value = given.partition(": ")
    fields = dict(each.split(": ") for each in NEEDED.split(", ")) | {name: value}
    outcome = checked(", ".join(f"{key}: {each}" for key, each in fields.items()) + ", tcpHealthCheck: {}")
    assert outcome.codes == [code]
    assert outcome.only().field == f"spec.healthChecks[0].{field}"


@pytest.mark.parametrize(
    ("checker", "code"),
    [
        ("httpHealthCheck: {}", "ES0313"),
        ('httpHealthCheck: {path: "/\\r\\nX: y"}', "ES0313"),
        ('httpHealthCheck: {path: /, host: "a\\0"}', "ES0313"),
        ("httpHealthCheck: {path: /, method: CONNECT}", "ES0313"),
        ("httpHealthCheck: {path: /, method: 6}", "ES0313"),
        ("httpHealthCheck: {path: /, expectedStatuses: [{start: 200, end: 200}]}", "ES0313"),
        ("httpHealthCheck: {path: /, expectedStatuses: [{start: 99, end: 200}]}", "ES0313"),
        ("httpHealthCheck: {path: /, expectedStatuses: [{start: 200, end: 601}]}", "ES0313"),
        ("httpHealthCheck: {path: /, requestHeadersToAdd: [{header: {key: Host}}]}", "ES0221"),
        ("tcpHealthCheck: {send: {}}", "ES0314"),
        ("tcpHealthCheck: {send: {text: '504'}}", "ES0314"),
        ("tcpHealthCheck: {send: {text: '50 49'}}", "ES0314"),
        ("tcpHealthCheck: {receive: [{text: '50'}, {text: XY}]}", "ES0314"),
    ],
)
def test_checks_envoy_refuses(checker: str, code: str) -> None:
    """An upstream with an impossible check has no cluster."""
    outcome = checked(f"{NEEDED}, {checker}")
    assert outcome.codes == [code]
    assert outcome.clusters == ()


def outlier(text: str) -> Outcome:
    return run(UPSTREAM + f"  outlierDetection: {{{text}}}\n")


def test_outlier_detection_is_read() -> None:
    """What is not said is as Envoy has it; the longest ejection is never shorter than the first."""
    assert outlier("interval: 10s").clusters[0].outlier == OutlierDetection()
    (cluster,) = outlier(
        "interval: 1s, consecutive5xx: 1, baseEjectionTime: 10m, maxEjectionPercent: 2, enforcingConsecutive5xx: 3, "
        "enforcingSuccessRate: 4, successRateMinimumHosts: 5, successRateRequestVolume: 6, "
        "successRateStdevFactor: 7, consecutiveGatewayFailure: 8, enforcingConsecutiveGatewayFailure: 9, "
        "splitExternalLocalOriginErrors: true, consecutiveLocalOriginFailure: 10, "
        "enforcingConsecutiveLocalOriginFailure: 11, enforcingLocalOriginSuccessRate: 12"
    ).clusters
    assert cluster.outlier == OutlierDetection(1, 1, 600, 600, 2, 3, 4, 5, 6, 7, 8, 9, True, 10, 11, 12)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("consecutive5xx: 3", "ES0315"),
        ("interval: 0s", "ES0316"),
        ("interval: 1s, baseEjectionTime: 0s", "ES0316"),
        ("interval: 1s, maxEjectionPercent: 101", "ES0316"),
        ("interval: 1s, enforcingConsecutive5xx: 101", "ES0316"),
        ("interval: 1s, enforcingSuccessRate: 101", "ES0316"),
        ("interval: 1s, enforcingConsecutiveGatewayFailure: 101", "ES0316"),
        ("interval: 1s, enforcingConsecutiveLocalOriginFailure: 101", "ES0316"),
        ("interval: 1s, enforcingLocalOriginSuccessRate: 101", "ES0316"),
    ],
)
def test_outlier_detection_envoy_refuses(text: str, code: str) -> None:
    """An interval is needed, durations are above 0, and percentages at most 100."""
    outcome = outlier(text)
    assert outcome.codes == [code]
    assert outcome.clusters == ()

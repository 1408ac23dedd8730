"""Active health checks of an Upstream (reference section 7.5)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

from edgesim.dialects.gloo.durations import seconds
from edgesim.dialects.gloo.headers import request_headers
from edgesim.dialects.gloo.scope import Reporter
from edgesim.dialects.resource import FieldPath
from edgesim.dialects.schema import health as schema
from edgesim.model import GrpcCheck, HealthCheck, HttpCheck, TcpCheck

_METHODS: tuple[str, ...] = tuple(name for name in get_args(schema.Method) if isinstance(name, str))
_FORBIDDEN_IN_A_LINE = frozenset("\0\r\n")
_NEEDED = (
    ("healthy_threshold", "HealthyThreshold"),
    ("unhealthy_threshold", "UnhealthyThreshold"),
    ("timeout", "Timeout"),
    ("interval", "Interval"),
)


def health_checks_of(
    given: Sequence[schema.HealthCheck], reporter: Reporter, *, http2: bool
) -> tuple[HealthCheck, ...]:
    """Read the health checks; those by gRPC need an upstream that is spoken HTTP/2 to."""
    for at, each in enumerate(given):
        if each.grpc_health_check is not None and not http2:
            path = ("spec", "healthChecks", at, "grpcHealthCheck")
            text = "a cluster must support HTTP/2 for gRPC healthchecking"
            reporter.report("ES0324", path, text, "add `useHttp2: true`")
    if len(given) > 1:
        text = "all health checks must have a name when multiple health checks are configured"
        reporter.report("ES0325", ("spec", "healthChecks", 1), text, "keep one: Gloo has no field for the name")
    found = (_health_check(each, at, reporter) for at, each in enumerate(given))
    return tuple(each for each in found if each is not None)


def _health_check(given: schema.HealthCheck, index: int, reporter: Reporter) -> HealthCheck | None:
    at = ("spec", "healthChecks", index)
    for name, word in _NEEDED:
        if getattr(given, name) is None:
            reporter.report("ES0311", at, f"The field HealthCheck[{index}].{word} cannot be nil")
    checker = _checker(given, index, at, reporter)
    read = _Durations(at, reporter)
    timeout, interval = read.positive("timeout", given.timeout), read.positive("interval", given.interval)
    traffic = read.positive("noTrafficInterval", given.no_traffic_interval)
    unhealthy = read.positive("unhealthyInterval", given.unhealthy_interval)
    unhealthy_edge = read.positive("unhealthyEdgeInterval", given.unhealthy_edge_interval)
    healthy_edge = read.positive("healthyEdgeInterval", given.healthy_edge_interval)
    initial_jitter = read.jitter("initialJitter", given.initial_jitter)
    interval_jitter = read.jitter("intervalJitter", given.interval_jitter)
    if checker is None or timeout is None or interval is None:
        return None
    return HealthCheck(
        timeout=timeout,
        interval=interval,
        unhealthy_threshold=given.unhealthy_threshold or 0,
        healthy_threshold=given.healthy_threshold or 0,
        checker=checker,
        initial_jitter=initial_jitter,
        interval_jitter=interval_jitter,
        interval_jitter_percent=given.interval_jitter_percent,
        no_traffic_interval=60.0 if traffic is None else traffic,
        unhealthy_interval=unhealthy,
        unhealthy_edge_interval=unhealthy_edge,
        healthy_edge_interval=healthy_edge,
        reuse_connection=given.reuse_connection is not False,
    )


def _checker(
    given: schema.HealthCheck, index: int, at: FieldPath, reporter: Reporter
) -> HttpCheck | TcpCheck | GrpcCheck | None:
    if given.http_health_check is not None:
        return _http(given.http_health_check, (*at, "httpHealthCheck"), reporter)
    if given.tcp_health_check is not None:
        return _tcp(given.tcp_health_check, (*at, "tcpHealthCheck"), reporter)
    if given.grpc_health_check is not None:
        return _grpc(given.grpc_health_check, (*at, "grpcHealthCheck"), reporter)
    if given.custom_health_check is None:
        reporter.report("ES0311", at, f"The field HealthCheck[{index}].HealthChecker cannot be nil")
    return None


class _Durations:
    """Reads the durations of one health check."""

    def __init__(self, path: FieldPath, reporter: Reporter) -> None:
        self._path = path
        self._reporter = reporter

    def positive(self, name: str, given: str | None) -> float | None:
        """Read a time that is above 0."""
        value = None if given is None else seconds(given)
        if value is not None and value <= 0:
            self._reporter.report("ES0312", (*self._path, name), f"{name} must be greater than 0, got {given}")
        return value

    def jitter(self, name: str, given: str | None) -> float:
        """Read a time that is not below 0; 0 without it."""
        value = 0.0 if given is None else seconds(given)
        if value < 0:
            self._reporter.report("ES0312", (*self._path, name), f"{name} cannot be negative, got {given}")
        return value


def _http(given: schema.HttpHealthCheck, at: FieldPath, reporter: Reporter) -> HttpCheck:
    if not given.path:
        reporter.report("ES0313", at, "path cannot be empty", "add `path`")
    for name, text in (("path", given.path), ("host", given.host)):
        if not _FORBIDDEN_IN_A_LINE.isdisjoint(text):
            reporter.report("ES0313", (*at, name), f"{name} cannot hold line breaks or NUL")
    method = given.method if isinstance(given.method, str) else _METHODS[given.method]
    if method == "CONNECT":
        reporter.report("ES0313", (*at, "method"), "a health check cannot use the method CONNECT")
    headers = request_headers(given.request_headers_to_add, given.request_headers_to_remove, at, reporter)
    expected = tuple(
        _statuses(each, (*at, "expectedStatuses", i), reporter) for i, each in enumerate(given.expected_statuses)
    )
    method = "GET" if method == "METHOD_UNSPECIFIED" else method
    return HttpCheck(given.path, given.host, method, expected or ((200, 201),), headers, http2=given.use_http2 is True)


def _statuses(given: schema.StatusRange, at: FieldPath, reporter: Reporter) -> tuple[int, int]:
    start, end = given.start, given.end
    fault = ""
    if start >= end:
        fault = f"start < end, but found start={start} and end={end}"
    elif start < 100:
        fault = f"start >= 100, but found start={start}"
    elif end > 600:
        fault = f"end <= 600, but found end={end}"
    if fault:
        text = f"Invalid http expected status range: expecting {fault}"
        reporter.report("ES0313", at, text, "`end` is the first status that is not expected any more")
    return start, end


def _grpc(given: schema.GrpcHealthCheck, at: FieldPath, reporter: Reporter) -> GrpcCheck:
    if not _FORBIDDEN_IN_A_LINE.isdisjoint(given.authority):
        reporter.report("ES0313", (*at, "authority"), "authority cannot hold line breaks or NUL")
    return GrpcCheck(given.service_name, given.authority)


def _tcp(given: schema.TcpHealthCheck, at: FieldPath, reporter: Reporter) -> TcpCheck:
    send = b"" if given.send is None else _payload(given.send, (*at, "send"), reporter)
    receive = tuple(_payload(each, (*at, "receive", i), reporter) for i, each in enumerate(given.receive))
    return TcpCheck(send, receive)


def _payload(given: schema.Payload, at: FieldPath, reporter: Reporter) -> bytes:
    try:
        if given.text and given.text.isalnum():
            return bytes.fromhex(given.text)
    except ValueError:
        pass
    text = f"invalid hex string '{given.text}'" if given.text else "a payload cannot be empty"
    path = (*at, "text") if given.text else at
    reporter.report("ES0314", path, text, "two hexadecimal digits for each byte, such as '50494e47'")
    return b""

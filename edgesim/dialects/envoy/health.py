"""Health checks, outlier detection and circuit breakers, as fields of Envoy's Cluster."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields

from edgesim.dialects.envoy.form import Json, given, listed, optional_seconds, seconds, used
from edgesim.dialects.envoy.headers import request_mutations
from edgesim.model import NO_BREAKERS, CircuitBreakers, GrpcCheck, HealthCheck, HttpCheck, OutlierDetection, TcpCheck

_USUAL_PAUSE = 60.0
_TIMES = frozenset(("interval", "base_ejection_time", "max_ejection_time"))


def health_checks(checks: Sequence[HealthCheck]) -> list[Json]:
    """Return the HealthChecks of a cluster; where there are several, Envoy wants them named."""
    if len(checks) == 1:
        return [_health_check(checks[0])]
    return [{"name": f"check-{number}", **_health_check(check)} for number, check in enumerate(checks, 1)]


def _health_check(check: HealthCheck) -> Json:
    pause = check.no_traffic_interval
    return {
        "timeout": seconds(check.timeout),
        "interval": seconds(check.interval),
        "unhealthy_threshold": check.unhealthy_threshold,
        "healthy_threshold": check.healthy_threshold,
        **_checker(check.checker),
        **given(
            initial_jitter=_unless_zero(check.initial_jitter),
            interval_jitter=_unless_zero(check.interval_jitter),
            interval_jitter_percent=check.interval_jitter_percent or None,
            no_traffic_interval=None if pause == _USUAL_PAUSE else seconds(pause),
            unhealthy_interval=optional_seconds(check.unhealthy_interval),
            unhealthy_edge_interval=optional_seconds(check.unhealthy_edge_interval),
            healthy_edge_interval=optional_seconds(check.healthy_edge_interval),
            reuse_connection=None if check.reuse_connection else False,
        ),
    }


def _unless_zero(value: float) -> str | None:
    return seconds(value) if value else None


def _checker(checker: HttpCheck | TcpCheck | GrpcCheck) -> Json:
    if isinstance(checker, HttpCheck):
        return {"http_health_check": _http(checker)}
    if isinstance(checker, TcpCheck):
        sent = {"text": checker.send.hex()} if checker.send else None
        wanted = listed([{"text": each.hex()} for each in checker.receive])
        return {"tcp_health_check": given(send=sent, receive=wanted)}
    return {"grpc_health_check": used(service_name=checker.service, authority=checker.authority)}


def _http(checker: HttpCheck) -> Json:
    statuses = [{"start": start, "end": end} for start, end in checker.expected]
    return {
        "path": checker.path,
        **used(host=checker.host, method="" if checker.method == "GET" else checker.method),
        **request_mutations(checker.headers),
        **({"codec_client_type": "HTTP2"} if checker.http2 else {}),
        **({} if checker.expected == ((200, 201),) else {"expected_statuses": statuses}),
    }


def outlier_detection(outlier: OutlierDetection) -> Json:
    """Return an OutlierDetection: its fields are named as the model's, those with Envoy's default left out."""
    usual = OutlierDetection()
    told = {each.name: getattr(outlier, each.name) for each in fields(outlier)}
    changed = {name: value for name, value in told.items() if value != getattr(usual, name)}
    return {name: seconds(value) if name in _TIMES else value for name, value in changed.items()}


def circuit_breakers(breakers: CircuitBreakers) -> Json | None:
    """Return CircuitBreakers, None where they are Envoy's defaults."""
    if breakers == NO_BREAKERS:
        return None
    return {"thresholds": [{each.name: getattr(breakers, each.name) for each in fields(breakers)}]}

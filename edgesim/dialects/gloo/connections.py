"""What an Upstream says of its connections, and how many of them there may be (reference section 7.5)."""

from __future__ import annotations

from edgesim.dialects.gloo.durations import seconds
from edgesim.dialects.gloo.scope import Reporter
from edgesim.dialects.schema import upstream as schema
from edgesim.model import (
    DEFAULT_CONNECTION,
    NO_BREAKERS,
    CircuitBreakers,
    ClusterType,
    ConnectionSettings,
    TcpKeepalive,
)

DEFAULT_REFRESH_RATE = 5.0
"""Seconds after which Envoy resolves a name again."""
_LEAST_REFRESH_RATE = 0.001
_NANO = 1e-9
_PATH = ("spec", "connectionConfig")


def breakers_of(given: schema.CircuitBreakers) -> CircuitBreakers:
    """Read circuit breakers; those of an upstream replace those of Settings as a whole."""
    return CircuitBreakers(
        _or(given.max_connections, NO_BREAKERS.max_connections),
        _or(given.max_pending_requests, NO_BREAKERS.max_pending_requests),
        _or(given.max_requests, NO_BREAKERS.max_requests),
        _or(given.max_retries, NO_BREAKERS.max_retries),
    )


def _or(given: int | None, default: int) -> int:
    return default if given is None else given


def connection_of(given: schema.ConnectionConfig | None, reporter: Reporter) -> ConnectionSettings:
    """Read how connections are made and kept."""
    if given is None:
        return DEFAULT_CONNECTION
    keepalive, protocol = given.tcp_keepalive, given.common_http_protocol_options
    return ConnectionSettings(
        connect_timeout=_connect_timeout(given.connect_timeout, reporter),
        max_requests_per_connection=given.max_requests_per_connection or 0,
        tcp_keepalive=None if keepalive is None else _keepalive(keepalive, reporter),
        idle_timeout=DEFAULT_CONNECTION.idle_timeout if protocol is None else _idle_timeout(protocol, reporter),
        buffer_limit=given.per_connection_buffer_limit_bytes,
    )


def dns_refresh_rate(given: str | None, kind: ClusterType, reporter: Reporter) -> float:
    """Read how often names are resolved again; only a cluster of names can say so."""
    value = DEFAULT_REFRESH_RATE if given is None else seconds(given)
    path = ("spec", "dnsRefreshRate")
    if value < _LEAST_REFRESH_RATE:
        text = f"dnsRefreshRate was set below minimum requirement (1ms), ignoring configuration: {given}"
        reporter.report("ES0321", path, text)
        return DEFAULT_REFRESH_RATE
    if given is not None and kind is not ClusterType.STRICT_DNS:
        found = kind.value.upper()
        text = f"DnsRefreshRate is only valid with STRICT_DNS or LOGICAL_DNS cluster type, found {found}"
        reporter.report("ES0322", path, text, "take it out: there is no name to resolve")
    elif value < _LEAST_REFRESH_RATE + _NANO / 2:
        reporter.report("ES0326", path, f"dnsRefreshRate must be greater than 1ms, got {given}")
    return value


def _connect_timeout(given: str | None, reporter: Reporter) -> float:
    if given is None:
        return DEFAULT_CONNECTION.connect_timeout
    value = seconds(given)
    if value <= 0:
        path = (*_PATH, "connectTimeout")
        reporter.report("ES0310", path, f"connectTimeout must be greater than 0, got {given}")
    return value


def _keepalive(given: schema.TcpKeepalive, reporter: Reporter) -> TcpKeepalive:
    """Read the socket options; Gloo sends whole seconds."""
    at = (*_PATH, "tcpKeepalive")
    return TcpKeepalive(
        given.keepalive_probes,
        _whole_seconds(given.keepalive_time, (*at, "keepaliveTime"), reporter),
        _whole_seconds(given.keepalive_interval, (*at, "keepaliveInterval"), reporter),
    )


def _whole_seconds(given: str | None, path: tuple[str, ...], reporter: Reporter) -> int | None:
    if given is None:
        return None
    value = seconds(given)
    if value < 0:
        reporter.report("ES0319", path, f"{path[-1]} cannot be negative, got {given}")
    return int(value)


def _idle_timeout(given: schema.CommonHttpProtocolOptions, reporter: Reporter) -> float:
    if given.idle_timeout is None:
        return DEFAULT_CONNECTION.idle_timeout
    value = seconds(given.idle_timeout)
    if value < 0:
        path = (*_PATH, "commonHttpProtocolOptions", "idleTimeout")
        reporter.report("ES0319", path, f"idleTimeout cannot be negative, got {given.idle_timeout}")
    return value

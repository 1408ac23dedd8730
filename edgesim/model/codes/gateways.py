"""ES0520 to ES0539: gateways."""

from __future__ import annotations

from edgesim.model.codes.code import Code, error, gateway

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
)

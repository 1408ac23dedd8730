"""Envoy's command operators: the table that compiles `%NAME(parameters):length%` into a getter.

Each row of OPERATORS names a command of Envoy 1.40, what it says, and how a getter is made. Commands that
ask for what edgesim does not have (metadata, filter state, fingerprints) are known and always `-`.
RESPONSE_CODE is 0 before there is an answer; `:n` cuts to n bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from edgesim.policies.getters import (
    REQUEST_SPECIAL,
    Derived,
    Getter,
    Process,
    constant,
    host_name,
    host_of,
    never,
    path_operator,
    plain,
    port_of,
    query_param,
    query_params,
    request_header,
    requested_server_name,
    response_code_details,
    response_header,
    slot,
    time_of,
    trailer,
    without_port,
)
from edgesim.policies.response_flags import long_names, short_names


class Parameters(Enum):
    """Whether a command takes something in brackets."""

    NONE = "none"
    OPTIONAL = "optional"
    REQUIRED = "required"


@dataclass(frozen=True, slots=True)
class Operator:
    """One command. `build` makes its getter from the text in brackets and raises ValueError when it is wrong."""

    name: str
    meaning: str
    build: Callable[[str, Process], Getter]
    parameters: Parameters = Parameters.NONE
    length: bool = False


_WITH_LENGTH = frozenset(("DYNAMIC_METADATA", "METADATA", "FILTER_STATE", "UPSTREAM_FILTER_STATE", "CEL"))
_OPTIONAL, _REQUIRED = Parameters.OPTIONAL, Parameters.REQUIRED

_OTHERS = (
    "BYTES_RETRANSMITTED CUSTOM_FLAGS DOWNSTREAM_CX_RTT DOWNSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED "
    "DOWNSTREAM_DECOMPRESSED_HEADER_BYTES_SENT DOWNSTREAM_DETECTED_CLOSE_TYPE "
    "DOWNSTREAM_DIRECT_LOCAL_ADDRESS_ENDPOINT_ID DOWNSTREAM_HEADER_BYTES_RECEIVED DOWNSTREAM_HEADER_BYTES_SENT "
    "DOWNSTREAM_LOCAL_ADDRESS_ENDPOINT_ID DOWNSTREAM_LOCAL_CLOSE_REASON DOWNSTREAM_LOCAL_DNS_SAN "
    "DOWNSTREAM_LOCAL_EMAIL_SAN DOWNSTREAM_LOCAL_IP_SAN DOWNSTREAM_LOCAL_OTHERNAME_SAN "
    "DOWNSTREAM_PEER_CHAIN_FINGERPRINTS_1 DOWNSTREAM_PEER_CHAIN_FINGERPRINTS_256 DOWNSTREAM_PEER_CHAIN_SERIALS "
    "DOWNSTREAM_PEER_DNS_SAN DOWNSTREAM_PEER_EMAIL_SAN DOWNSTREAM_PEER_IP_SAN "
    "DOWNSTREAM_PEER_ISSUER_FINGERPRINT_256 DOWNSTREAM_PEER_ISSUER_SERIAL DOWNSTREAM_PEER_OTHERNAME_SAN "
    "DOWNSTREAM_TLS_GROUP DOWNSTREAM_WIRE_BYTES_RECEIVED DOWNSTREAM_WIRE_BYTES_SENT PACKETS_RETRANSMITTED "
    "REQUEST_HEADERS_BYTES RESPONSE_HEADERS_BYTES RESPONSE_TRAILERS_BYTES ROUTE_RESOLUTION_COUNT "
    "ROUTE_RESOLUTION_TIME_US SPAN_ID TLS_JA4_FINGERPRINT UNIQUE_ID UPSTREAM_CONNECTION_ID "
    "UPSTREAM_CONNECTION_IDS_ATTEMPTED UPSTREAM_CONNECTION_POOL_READY_DURATION "
    "UPSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED UPSTREAM_DECOMPRESSED_HEADER_BYTES_SENT "
    "UPSTREAM_DETECTED_CLOSE_TYPE UPSTREAM_HEADER_BYTES_RECEIVED UPSTREAM_HEADER_BYTES_SENT "
    "UPSTREAM_HOSTS_ATTEMPTED UPSTREAM_HOSTS_ATTEMPTED_WITHOUT_PORT UPSTREAM_HOST_NAMES_ATTEMPTED "
    "UPSTREAM_HOST_NAMES_ATTEMPTED_WITHOUT_PORT UPSTREAM_LOCAL_CLOSE_REASON UPSTREAM_LOCAL_DNS_SAN "
    "UPSTREAM_LOCAL_IP_SAN UPSTREAM_LOCAL_URI_SAN UPSTREAM_PEER_CERT UPSTREAM_PEER_DNS_SAN UPSTREAM_PEER_IP_SAN "
    "UPSTREAM_PEER_ISSUER UPSTREAM_PEER_SUBJECT UPSTREAM_PEER_URI_SAN UPSTREAM_REMOTE_ADDRESS_ENDPOINT_ID "
    "UPSTREAM_SERVER_NAME UPSTREAM_TLS_CIPHER UPSTREAM_TLS_GROUP UPSTREAM_TLS_SESSION_ID UPSTREAM_TLS_VERSION "
    "UPSTREAM_WIRE_BYTES_RECEIVED UPSTREAM_WIRE_BYTES_SENT"
)
"""What else Envoy takes, all without parameters: sizes on the wire, certificates, the endpoints of each try."""

_ROWS = (
    Operator(
        "START_TIME", "when the request began, UTC; a time format in brackets", time_of("start", local=False), _OPTIONAL
    ),
    Operator("START_TIME_LOCAL", "when the request began, in local time", time_of("start", local=True), _OPTIONAL),
    Operator("EMIT_TIME", "when the line is written, UTC", time_of("emitted", local=False), _OPTIONAL),
    Operator("EMIT_TIME_LOCAL", "when the line is written, in local time", time_of("emitted", local=True), _OPTIONAL),
    Operator("PROTOCOL", "the client's protocol", slot("protocol")),
    Operator("UPSTREAM_PROTOCOL", "the upstream's protocol", slot("upstream_protocol")),
    Operator("RESPONSE_CODE", "the status; 0 when none was sent", slot("status")),
    Operator("RESPONSE_CODE_DETAILS", "who set the status, and why", response_code_details, _OPTIONAL),
    Operator("RESPONSE_FLAGS", "short flags", plain(Derived("flags", short_names))),
    Operator("RESPONSE_FLAGS_LONG", "long flags", plain(Derived("flags", long_names))),
    Operator("CONNECTION_TERMINATION_DETAILS", "why the connection was ended", slot("termination_details")),
    Operator("BYTES_RECEIVED", "bytes of the request's body", slot("bytes_received")),
    Operator("BYTES_SENT", "bytes of the answer's body", slot("bytes_sent")),
    Operator("DURATION", "ms until the answer's last byte", slot("duration")),
    Operator("REQUEST_DURATION", "ms until the request's last byte came", slot("request_duration")),
    Operator("REQUEST_TX_DURATION", "ms until the request's last byte went upstream", slot("request_tx_duration")),
    Operator("RESPONSE_DURATION", "ms until the answer's first byte came", slot("response_duration")),
    Operator("RESPONSE_TX_DURATION", "ms from the answer's first byte to its last", slot("response_tx_duration")),
    Operator("REQ", "a request header, `X?Y` another if there is none", request_header, _REQUIRED, length=True),
    Operator("RESP", "a header of the answer", response_header, _REQUIRED, length=True),
    Operator("TRAILER", "a trailer of the answer", trailer, _REQUIRED, length=True),
    Operator("PATH", "the path: WQ or NQ, then ORIG, PATH or ORIG_OR_PATH", path_operator, _OPTIONAL, length=True),
    Operator("QUERY_PARAM", "a query parameter", query_param, _REQUIRED, length=True),
    Operator("QUERY_PARAMS", "the query", query_params, _OPTIONAL, length=True),
    Operator("LOCAL_REPLY_BODY", "the body edgesim answered itself", slot("local_reply_body")),
    Operator("UPSTREAM_HOST", "the endpoint's address, connected to or not", slot("upstream_host")),
    Operator("UPSTREAM_HOST_NAME", "the endpoint's host name, else its address", plain(host_name)),
    Operator(
        "UPSTREAM_HOST_NAME_WITHOUT_PORT",
        "the same without port",
        plain(lambda record: without_port(host_name(record))),
    ),
    Operator("UPSTREAM_CLUSTER", "the cluster", slot("upstream_cluster")),
    Operator("UPSTREAM_CLUSTER_RAW", "the cluster, whatever its alternative name", slot("upstream_cluster")),
    Operator("UPSTREAM_REMOTE_ADDRESS", "the endpoint's address where there is a connection", slot("upstream_remote")),
    Operator("UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT", "without port", host_of("upstream_remote"), _OPTIONAL),
    Operator("UPSTREAM_REMOTE_PORT", "the endpoint's port", port_of("upstream_remote")),
    Operator("UPSTREAM_LOCAL_ADDRESS", "this side's address towards the endpoint", slot("upstream_local")),
    Operator("UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT", "without port", host_of("upstream_local"), _OPTIONAL),
    Operator("UPSTREAM_LOCAL_PORT", "its port", port_of("upstream_local")),
    Operator("UPSTREAM_TRANSPORT_FAILURE_REASON", "why connecting failed", slot("transport_failure")),
    Operator("UPSTREAM_REQUEST_ATTEMPT_COUNT", "tries; 0 when nothing was forwarded", slot("attempts")),
    Operator("DOWNSTREAM_REMOTE_ADDRESS", "the client, as x-forwarded-for says", slot("downstream_remote")),
    Operator("DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT", "without port", host_of("downstream_remote"), _OPTIONAL),
    Operator("DOWNSTREAM_REMOTE_PORT", "its port", port_of("downstream_remote")),
    Operator("DOWNSTREAM_DIRECT_REMOTE_ADDRESS", "the connection's peer", slot("downstream_direct_remote")),
    Operator(
        "DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT", "without port", host_of("downstream_direct_remote"), _OPTIONAL
    ),
    Operator("DOWNSTREAM_DIRECT_REMOTE_PORT", "its port", port_of("downstream_direct_remote")),
    Operator("DOWNSTREAM_LOCAL_ADDRESS", "the address the client connected to", slot("downstream_local")),
    Operator("DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT", "without port", host_of("downstream_local"), _OPTIONAL),
    Operator("DOWNSTREAM_LOCAL_PORT", "its port", port_of("downstream_local")),
    Operator("DOWNSTREAM_DIRECT_LOCAL_ADDRESS", "the same address", slot("downstream_local")),
    Operator("DOWNSTREAM_DIRECT_LOCAL_ADDRESS_WITHOUT_PORT", "without port", host_of("downstream_local"), _OPTIONAL),
    Operator("DOWNSTREAM_DIRECT_LOCAL_PORT", "its port", port_of("downstream_local")),
    Operator(
        "REQUESTED_SERVER_NAME",
        "the TLS server name asked for; SNI_FIRST or HOST_FIRST, then ORIG, HOST or ORIG_OR_HOST",
        requested_server_name,
        _OPTIONAL,
    ),
    Operator("DOWNSTREAM_TLS_VERSION", "the version of TLS the client speaks", slot("tls_version")),
    Operator("DOWNSTREAM_TLS_CIPHER", "the cipher suite agreed on with it", slot("tls_cipher")),
    Operator("ROUTE_NAME", "the route", slot("route_name")),
    Operator("CONNECTION_ID", "a number for the client's connection", slot("connection_id")),
    Operator("STREAM_ID", "the request's id", plain(REQUEST_SPECIAL[b"x-request-id"])),
    Operator("HOSTNAME", "this machine", lambda _parameters, process: constant(process.hostname)),
    Operator(
        "ENVIRONMENT",
        "an environment variable",
        lambda name, process: constant(process.environment.get(name, "-")),
        _REQUIRED,
        length=True,
    ),
    Operator("ACCESS_LOG_TYPE", "when the line was written", lambda _parameters, _process: constant("DownstreamEnd")),
    *(
        Operator(name, "not known here: always `-`", never, parameters, length=name in _WITH_LENGTH)
        for parameters, names in (
            (_REQUIRED, "DYNAMIC_METADATA CLUSTER_METADATA UPSTREAM_METADATA METADATA"),
            (_REQUIRED, "FILTER_STATE UPSTREAM_FILTER_STATE"),
            (_OPTIONAL, "GRPC_STATUS"),
            (Parameters.NONE, "VIRTUAL_CLUSTER_NAME"),
            (Parameters.NONE, "GRPC_STATUS_NUMBER TRACE_ID FILTER_CHAIN_NAME LISTENER_NAME ROUNDTRIP_DURATION"),
            (Parameters.NONE, "TLS_JA3_FINGERPRINT DOWNSTREAM_TRANSPORT_FAILURE_REASON DOWNSTREAM_HANDSHAKE_DURATION"),
            (Parameters.NONE, "DOWNSTREAM_TLS_SESSION_ID"),
            (Parameters.NONE, "DOWNSTREAM_PEER_SUBJECT DOWNSTREAM_PEER_ISSUER DOWNSTREAM_PEER_SERIAL"),
            (Parameters.NONE, "DOWNSTREAM_PEER_FINGERPRINT_256 DOWNSTREAM_PEER_FINGERPRINT_1 DOWNSTREAM_PEER_CERT"),
            (Parameters.NONE, "DOWNSTREAM_LOCAL_SUBJECT DOWNSTREAM_PEER_URI_SAN DOWNSTREAM_LOCAL_URI_SAN"),
            (Parameters.NONE, _OTHERS),
            (_REQUIRED, "CEL COMMON_DURATION"),
            (_OPTIONAL, "DOWNSTREAM_PEER_CERT_V_START DOWNSTREAM_PEER_CERT_V_END"),
            (_OPTIONAL, "UPSTREAM_PEER_CERT_V_START UPSTREAM_PEER_CERT_V_END"),
        )
        for name in names.split()
    ),
)

OPERATORS: dict[str, Operator] = {row.name: row for row in _ROWS}
"""Every command by name."""

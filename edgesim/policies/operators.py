"""Envoy's command operators: the table that compiles `%NAME(parameters):length%` into a getter.

Each row of OPERATORS names a command of Envoy 1.40, what it says, and how a getter is made; a getter
returns bytes, a number, or None for "not known", which is written `-`. Commands that ask for what edgesim
does not have (metadata, filter state, fingerprints) are known and always `-`. Measured on Envoy 1.40: of a
repeated header the first line is written; an empty header is empty, not `-`; `:n` cuts to n bytes;
`%REQ(host)%` is the authority. RESPONSE_CODE is 0 before there is an answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from enum import Enum
from ipaddress import ip_address, ip_network
from operator import attrgetter

from edgesim.model import RequestHead
from edgesim.policies.record import Record
from edgesim.policies.response_flags import long_names, short_names
from edgesim.policies.times import LOCAL_TIME, UTC_TIME, has_newline, time_format

Value = bytes | int | None
Getter = Callable[[Record], Value]


@dataclass(frozen=True, slots=True)
class Process:
    """What some operators ask of the process; `zone` is for the operators of local time."""

    hostname: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    zone: tzinfo = UTC


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


def _slot(name: str) -> Callable[[str, Process], Getter]:
    getter: Getter = attrgetter(name)
    return lambda _parameters, _process: getter


def _plain(getter: Getter) -> Callable[[str, Process], Getter]:
    return lambda _parameters, _process: getter


def _never(_parameters: str, _process: Process) -> Getter:
    return lambda _record: None


# --- addresses ---------------------------------------------------------------------------------------


def _host(address: bytes | None) -> bytes | None:
    """Return an address without its port and brackets."""
    if address is None:
        return None
    host, colon, _port = address.rpartition(b":")
    return host.strip(b"[]") if colon else address


def _port(address: bytes | None) -> int | None:
    if address is None:
        return None
    port = address.rpartition(b":")[2]
    return int(port) if port.isdigit() else None


def _host_of(slot: str) -> Callable[[str, Process], Getter]:
    """Return what builds the address without port; a number in brackets masks it, as in `10.1.0.0/16`."""
    get: Callable[[Record], bytes | None] = attrgetter(slot)

    def build(parameters: str, _process: Process) -> Getter:
        if not parameters.isdecimal():
            return lambda record: _host(get(record))
        return lambda record: _masked(_host(get(record)), int(parameters))

    return build


def _masked(host: bytes | None, bits: int) -> bytes | None:
    try:
        address = ip_address((host or b"").decode())
    except ValueError:
        return host
    return str(ip_network(f"{address}/{min(bits, address.max_prefixlen)}", strict=False)).encode()


def _port_of(slot: str) -> Callable[[str, Process], Getter]:
    get: Callable[[Record], bytes | None] = attrgetter(slot)
    return _plain(lambda record: _port(get(record)))


def _host_name(record: Record) -> bytes | None:
    return record.upstream_remote if record.upstream_host_name is None else record.upstream_host_name


# --- header fields -----------------------------------------------------------------------------------


def _names(parameters: str) -> list[bytes]:
    names = parameters.split("?")
    if len(names) > 2:
        raise ValueError(f"more than one alternative header in `{parameters}`")
    for name in names:
        if not name or not all("!" <= character <= "~" for character in name):
            raise ValueError(f"`{name}` is no header name")
    return [name.lower().encode() for name in names]


def _either(getters: list[Getter]) -> Getter:
    if len(getters) == 1:
        return getters[0]
    first, second = getters

    def get(record: Record) -> Value:
        value = first(record)
        return second(record) if value is None else value

    return get


def _request(parameters: str, _process: Process) -> Getter:
    return _either([_request_field(name) for name in _names(parameters)])


def _request_field(name: bytes) -> Getter:
    special = _REQUEST_SPECIAL.get(name)
    if special is not None:
        return special

    def get(record: Record) -> Value:
        head = record.head
        if head is None:
            return None
        value = head.headers.get(name)
        if value is not None and head.repeated and name in head.repeated:
            return head.repeated[name][0]
        return value

    return get


def _made_or_received(slot: str, name: bytes) -> Getter:
    made: Callable[[Record], bytes | None] = attrgetter(slot)

    def get(record: Record) -> Value:
        value = made(record)
        if value is None and record.head is not None:
            return record.head.headers.get(name)
        return value

    return get


def _method(record: Record) -> Value:
    return None if record.head is None else record.head.method


def _authority(record: Record) -> Value:
    if record.authority is None and record.head is not None:
        return record.head.authority
    return record.authority


def _path(record: Record) -> bytes | None:
    if record.path is not None:
        return record.path
    return None if record.head is None else _target(record.head)


def _target(head: RequestHead) -> bytes:
    return head.path if head.query is None else head.path + b"?" + head.query


def _original_path(record: Record) -> bytes | None:
    # One sent by the client is removed by the router before anything is forwarded.
    return record.original_path


_REQUEST_SPECIAL: dict[bytes, Getter] = {
    b":method": _method,
    b":authority": _authority,
    b"host": _authority,
    b":path": _path,
    b":scheme": attrgetter("scheme"),
    b"x-envoy-original-path": _original_path,
    b"x-forwarded-for": _made_or_received("forwarded_for", b"x-forwarded-for"),
    b"x-request-id": _made_or_received("request_id", b"x-request-id"),
}


def _response(parameters: str, _process: Process) -> Getter:
    return _either([_response_field(name) for name in _names(parameters)])


def _response_field(name: bytes) -> Getter:
    if name == b":status":
        return lambda record: b"%d" % record.status if record.status else None

    def get(record: Record) -> Value:
        if record.response is None:
            return None
        value = record.response.get(name)
        if value is not None and record.response_repeated and name in record.response_repeated:
            return record.response_repeated[name][0]
        return value

    if name != b"x-envoy-upstream-service-time":
        return get

    def get_made(record: Record) -> Value:
        # As bytes: a header's value is a text, also in JSON.
        return get(record) if record.service_time is None else b"%d" % record.service_time

    return get_made


def _trailer(parameters: str, _process: Process) -> Getter:
    def field_of(name: bytes) -> Getter:
        return lambda record: None if record.trailers is None else record.trailers.get(name)

    return _either([field_of(name) for name in _names(parameters)])


# --- the path ----------------------------------------------------------------------------------------

_SOURCES: dict[str, Callable[[Record], bytes | None]] = {
    "": lambda record: _path(record) if record.original_path is None else record.original_path,
    "ORIG_OR_PATH": lambda record: _path(record) if record.original_path is None else record.original_path,
    "PATH": _path,
    "ORIG": _original_path,
}


def _source(name: str) -> Callable[[Record], bytes | None]:
    if name not in _SOURCES:
        raise ValueError(f"`{name}` is none of ORIG, PATH, ORIG_OR_PATH")
    return _SOURCES[name]


def _path_operator(parameters: str, _process: Process) -> Getter:
    query, _, source = parameters.partition(":")
    if query not in {"", "WQ", "NQ"}:
        raise ValueError(f"`{query}` is neither WQ (with query) nor NQ (no query)")
    get = _source(source)
    if query != "NQ":
        return get

    def without_query(record: Record) -> Value:
        path = get(record)
        return None if path is None else path.partition(b"?")[0]

    return without_query


def _query(path: bytes | None) -> bytes | None:
    if path is None:
        return None
    return path.partition(b"?")[2] or None


def _query_params(parameters: str, _process: Process) -> Getter:
    get = _source(parameters)
    return lambda record: _query(get(record))


def _query_param(parameters: str, _process: Process) -> Getter:
    wanted = parameters.encode()
    get = _SOURCES["PATH"]

    def first_value(record: Record) -> Value:
        for pair in (_query(get(record)) or b"").split(b"&"):
            key, _, value = pair.partition(b"=")
            if key == wanted:
                return value
        return None

    return first_value


# --- times and the process ---------------------------------------------------------------------------


def _time(slot: str, *, local: bool) -> Callable[[str, Process], Getter]:
    get: Callable[[Record], float] = attrgetter(slot)

    def build(parameters: str, process: Process) -> Getter:
        if has_newline(parameters):
            raise ValueError("a time format must not write a line break")
        write = time_format(parameters or (LOCAL_TIME if local else UTC_TIME), process.zone if local else UTC)
        return lambda record: write(get(record))

    return build


def _constant(value: str | None) -> Getter:
    fixed = value.encode() if value else None
    return lambda _record: fixed


def _response_code_details(parameters: str, _process: Process) -> Getter:
    if parameters == "ALLOW_WHITESPACES":
        return attrgetter("response_code_details")

    def details(record: Record) -> Value:
        text = record.response_code_details
        return None if text is None else b"_".join(text.split(b" "))

    return details


_WITH_LENGTH = frozenset(("DYNAMIC_METADATA", "METADATA", "FILTER_STATE", "UPSTREAM_FILTER_STATE"))
_OPTIONAL, _REQUIRED = Parameters.OPTIONAL, Parameters.REQUIRED

_ROWS = (
    Operator(
        "START_TIME", "when the request began, UTC; a time format in brackets", _time("start", local=False), _OPTIONAL
    ),
    Operator("START_TIME_LOCAL", "when the request began, in local time", _time("start", local=True), _OPTIONAL),
    Operator("EMIT_TIME", "when the line is written, UTC", _time("emitted", local=False), _OPTIONAL),
    Operator("EMIT_TIME_LOCAL", "when the line is written, in local time", _time("emitted", local=True), _OPTIONAL),
    Operator("PROTOCOL", "the client's protocol", _slot("protocol")),
    Operator("UPSTREAM_PROTOCOL", "the upstream's protocol", _slot("upstream_protocol")),
    Operator("RESPONSE_CODE", "the status; 0 when none was sent", _slot("status")),
    Operator("RESPONSE_CODE_DETAILS", "who set the status, and why", _response_code_details, _OPTIONAL),
    Operator("RESPONSE_FLAGS", "short flags", _plain(lambda record: short_names(record.flags))),
    Operator("RESPONSE_FLAGS_LONG", "long flags", _plain(lambda record: long_names(record.flags))),
    Operator("CONNECTION_TERMINATION_DETAILS", "why the connection was ended", _slot("termination_details")),
    Operator("BYTES_RECEIVED", "bytes of the request's body", _slot("bytes_received")),
    Operator("BYTES_SENT", "bytes of the answer's body", _slot("bytes_sent")),
    Operator("DURATION", "ms until the answer's last byte", _slot("duration")),
    Operator("REQUEST_DURATION", "ms until the request's last byte came", _slot("request_duration")),
    Operator("REQUEST_TX_DURATION", "ms until the request's last byte went upstream", _slot("request_tx_duration")),
    Operator("RESPONSE_DURATION", "ms until the answer's first byte came", _slot("response_duration")),
    Operator("RESPONSE_TX_DURATION", "ms from the answer's first byte to its last", _slot("response_tx_duration")),
    Operator("REQ", "a request header, `X?Y` another if there is none", _request, _REQUIRED, length=True),
    Operator("RESP", "a header of the answer", _response, _REQUIRED, length=True),
    Operator("TRAILER", "a trailer of the answer", _trailer, _REQUIRED, length=True),
    Operator("PATH", "the path: WQ or NQ, then ORIG, PATH or ORIG_OR_PATH", _path_operator, _OPTIONAL, length=True),
    Operator("QUERY_PARAM", "a query parameter", _query_param, _REQUIRED, length=True),
    Operator("QUERY_PARAMS", "the query", _query_params, _OPTIONAL, length=True),
    Operator("LOCAL_REPLY_BODY", "the body edgesim answered itself", _slot("local_reply_body")),
    Operator("UPSTREAM_HOST", "the endpoint's address", _slot("upstream_remote")),
    Operator("UPSTREAM_HOST_NAME", "the endpoint's host name, else its address", _plain(_host_name)),
    Operator(
        "UPSTREAM_HOST_NAME_WITHOUT_PORT", "the same without port", _plain(lambda record: _host(_host_name(record)))
    ),
    Operator("UPSTREAM_CLUSTER", "the cluster", _slot("upstream_cluster")),
    Operator("UPSTREAM_CLUSTER_RAW", "the cluster, whatever its alternative name", _slot("upstream_cluster")),
    Operator("UPSTREAM_REMOTE_ADDRESS", "the endpoint's address", _slot("upstream_remote")),
    Operator("UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT", "without port", _host_of("upstream_remote"), _OPTIONAL),
    Operator("UPSTREAM_REMOTE_PORT", "the endpoint's port", _port_of("upstream_remote")),
    Operator("UPSTREAM_LOCAL_ADDRESS", "this side's address towards the endpoint", _slot("upstream_local")),
    Operator("UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT", "without port", _host_of("upstream_local"), _OPTIONAL),
    Operator("UPSTREAM_LOCAL_PORT", "its port", _port_of("upstream_local")),
    Operator("UPSTREAM_TRANSPORT_FAILURE_REASON", "why connecting failed", _slot("transport_failure")),
    Operator("UPSTREAM_REQUEST_ATTEMPT_COUNT", "tries; 0 when nothing was forwarded", _slot("attempts")),
    Operator("DOWNSTREAM_REMOTE_ADDRESS", "the client, as x-forwarded-for says", _slot("downstream_remote")),
    Operator("DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT", "without port", _host_of("downstream_remote"), _OPTIONAL),
    Operator("DOWNSTREAM_REMOTE_PORT", "its port", _port_of("downstream_remote")),
    Operator("DOWNSTREAM_DIRECT_REMOTE_ADDRESS", "the connection's peer", _slot("downstream_direct_remote")),
    Operator(
        "DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT", "without port", _host_of("downstream_direct_remote"), _OPTIONAL
    ),
    Operator("DOWNSTREAM_DIRECT_REMOTE_PORT", "its port", _port_of("downstream_direct_remote")),
    Operator("DOWNSTREAM_LOCAL_ADDRESS", "the address the client connected to", _slot("downstream_local")),
    Operator("DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT", "without port", _host_of("downstream_local"), _OPTIONAL),
    Operator("DOWNSTREAM_LOCAL_PORT", "its port", _port_of("downstream_local")),
    Operator("REQUESTED_SERVER_NAME", "the TLS server name asked for", _slot("server_name")),
    Operator("ROUTE_NAME", "the route", _slot("route_name")),
    Operator("CONNECTION_ID", "a number for the client's connection", _slot("connection_id")),
    Operator("STREAM_ID", "the request's id", _plain(_REQUEST_SPECIAL[b"x-request-id"])),
    Operator("HOSTNAME", "this machine", lambda _parameters, process: _constant(process.hostname)),
    Operator(
        "ENVIRONMENT",
        "an environment variable",
        lambda name, process: _constant(process.environment.get(name)),
        _REQUIRED,
        length=True,
    ),
    Operator("ACCESS_LOG_TYPE", "when the line was written", lambda _parameters, _process: _constant("DownstreamEnd")),
    *(
        Operator(name, "not known here: always `-`", _never, parameters, length=name in _WITH_LENGTH)
        for parameters, names in (
            (_REQUIRED, "DYNAMIC_METADATA CLUSTER_METADATA UPSTREAM_METADATA METADATA"),
            (_REQUIRED, "FILTER_STATE UPSTREAM_FILTER_STATE"),
            (_OPTIONAL, "GRPC_STATUS"),
            (Parameters.NONE, "VIRTUAL_CLUSTER_NAME"),
            (Parameters.NONE, "GRPC_STATUS_NUMBER TRACE_ID FILTER_CHAIN_NAME LISTENER_NAME ROUNDTRIP_DURATION"),
            (Parameters.NONE, "TLS_JA3_FINGERPRINT DOWNSTREAM_TRANSPORT_FAILURE_REASON DOWNSTREAM_HANDSHAKE_DURATION"),
            (Parameters.NONE, "DOWNSTREAM_TLS_VERSION DOWNSTREAM_TLS_CIPHER DOWNSTREAM_TLS_SESSION_ID"),
            (Parameters.NONE, "DOWNSTREAM_PEER_SUBJECT DOWNSTREAM_PEER_ISSUER DOWNSTREAM_PEER_SERIAL"),
            (Parameters.NONE, "DOWNSTREAM_PEER_FINGERPRINT_256 DOWNSTREAM_PEER_FINGERPRINT_1 DOWNSTREAM_PEER_CERT"),
            (Parameters.NONE, "DOWNSTREAM_LOCAL_SUBJECT DOWNSTREAM_PEER_URI_SAN DOWNSTREAM_LOCAL_URI_SAN"),
        )
        for name in names.split()
    ),
)

OPERATORS: dict[str, Operator] = {row.name: row for row in _ROWS}
"""Every command by name."""

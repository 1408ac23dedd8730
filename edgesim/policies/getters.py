"""What command operators read from a record: a getter returns bytes, a number, or None for "not known".

Measured on Envoy 1.40: of a repeated header the first line is written, an empty header is empty, and
`%REQ(host)%` is the authority.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from ipaddress import ip_address, ip_network
from operator import attrgetter
from typing import Any

from edgesim.policies.record import Record
from edgesim.policies.times import LOCAL_TIME, UTC_TIME, has_newline, time_format

Value = bytes | int | None
Getter = Callable[[Record], Value]


@dataclass(frozen=True, slots=True)
class Process:
    """What some operators ask of the process; `zone` is for the operators of local time."""

    hostname: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    zone: tzinfo = UTC


def slot(name: str) -> Callable[[str, Process], Getter]:
    """Return what builds a getter of one of the record's slots."""
    getter: Getter = attrgetter(name)
    return lambda _parameters, _process: getter


def plain(getter: Getter) -> Callable[[str, Process], Getter]:
    """Return what builds this very getter."""
    return lambda _parameters, _process: getter


class Derived:
    """A getter of what is made from one slot."""

    __slots__ = ("convert", "read", "slot")

    def __init__(self, slot: str, convert: Callable[[Any], Value]) -> None:
        """Take the slot's name, and what makes the value from what is there."""
        self.slot = slot
        self.read: Callable[[Any], Any] = attrgetter(slot)
        self.convert = convert

    def __call__(self, record: Record) -> Value:
        """Return the value."""
        return self.convert(self.read(record))


def never(_parameters: str, _process: Process) -> Getter:
    """Return a getter of what is never known."""
    return lambda _record: None


# --- addresses ---------------------------------------------------------------------------------------


def without_port(address: bytes | None) -> bytes | None:
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


def host_of(slot: str) -> Callable[[str, Process], Getter]:
    """Return what builds the address without port; a number in brackets masks it, as in `10.1.0.0/16`."""

    def build(parameters: str, _process: Process) -> Getter:
        if not parameters.isdecimal():
            return Derived(slot, without_port)
        return Derived(slot, lambda address: _masked(without_port(address), int(parameters)))

    return build


def _masked(host: bytes | None, bits: int) -> bytes | None:
    try:
        address = ip_address((host or b"").decode())
    except ValueError:
        return host
    return str(ip_network(f"{address}/{min(bits, address.max_prefixlen)}", strict=False)).encode()


def port_of(slot: str) -> Callable[[str, Process], Getter]:
    """Return what builds the port of an address."""
    return plain(Derived(slot, _port))


def host_name(record: Record) -> bytes | None:
    """Return the endpoint's host name, its address where it has none."""
    return record.upstream_host if record.upstream_host_name is None else record.upstream_host_name


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


def request_header(parameters: str, _process: Process) -> Getter:
    """Return a getter of a request header, with `?` of another where there is none."""
    return _either([_request_field(name) for name in _names(parameters)])


def requested_server_name(parameters: str, process: Process) -> Getter:
    """Return a getter of the TLS server name, with the host in its place or before it where `ORDER:HOST` says so."""
    order, _, host = parameters.partition(":")
    if host not in _HOSTS:
        raise ValueError(f"`{host}` is none of {', '.join(filter(None, _HOSTS))}")
    named: Getter = attrgetter("server_name")
    hosted = request_header(_HOSTS[host], process)
    getters = {"": [named], "SNI_ONLY": [named], "SNI_FIRST": [named, hosted], "HOST_FIRST": [hosted, named]}
    if order not in getters:
        raise ValueError(f"`{order}` is none of {', '.join(filter(None, getters))}")
    return _either(getters[order])


_HOSTS = {
    "": "x-envoy-original-host?:authority",
    "ORIG": "x-envoy-original-host",
    "HOST": ":authority",
    "ORIG_OR_HOST": "x-envoy-original-host?:authority",
}


def _request_field(name: bytes) -> Getter:
    special = REQUEST_SPECIAL.get(name)
    if special is not None:
        return special

    def get(record: Record) -> Value:
        head = record.head
        if record.sent is not None:
            return record.sent.get(name)
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
        if record.sent is not None and name in record.sent:
            return record.sent[name]
        value = made(record)
        if value is None and record.head is not None:
            return record.head.headers.get(name)
        return value

    return get


def _method(record: Record) -> Value:
    return None if record.head is None else record.head.method


def _authority(record: Record) -> Value:
    head = record.head
    if record.authority is not None or head is None:
        return record.authority
    return head.authority or (b"" if b"host" in head.headers else None)


def _path(record: Record) -> bytes | None:
    if record.path is not None:
        return record.path
    head = record.head
    return None if head is None else head.path if head.query is None else head.path + b"?" + head.query


_original_path: Callable[[Record], bytes | None] = attrgetter("original_path")
# One sent by the client is removed by the router before anything is forwarded.


REQUEST_SPECIAL: dict[bytes, Getter] = {
    b":method": _method,
    b":authority": _authority,
    b"host": _authority,
    b":path": _path,
    b":scheme": attrgetter("scheme"),
    b"x-envoy-original-path": _original_path,
    b"x-forwarded-proto": _made_or_received("forwarded_proto", b"x-forwarded-proto"),
    b"x-forwarded-for": _made_or_received("forwarded_for", b"x-forwarded-for"),
    b"x-request-id": _made_or_received("request_id", b"x-request-id"),
}


def response_header(parameters: str, _process: Process) -> Getter:
    """Return a getter of the answer's header, with `?` of another where there is none."""
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
        taken = record.service_time
        return get(record) if taken is None else b"%d" % taken

    return get_made


def trailer(parameters: str, _process: Process) -> Getter:
    """Return a getter of the answer's trailer, with `?` of another where there is none."""

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


def path_operator(parameters: str, _process: Process) -> Getter:
    """Return a getter of the path: WQ with query or NQ without, then which path."""
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


def query_params(parameters: str, _process: Process) -> Getter:
    """Return a getter of the whole query of the path named."""
    get = _source(parameters)
    return lambda record: _query(get(record))


def query_param(parameters: str, _process: Process) -> Getter:
    """Return a getter of a query parameter's first value, as it came."""
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


def time_of(slot: str, *, local: bool) -> Callable[[str, Process], Getter]:
    """Return what builds a getter of a time in the format in brackets."""

    def build(parameters: str, process: Process) -> Getter:
        if has_newline(parameters):
            raise ValueError("a time format must not write a line break")
        form = parameters or (LOCAL_TIME if local else UTC_TIME)
        write = time_format(form, process.zone if local else UTC)
        return Derived(slot, write)

    return build


def constant(value: str | None) -> Getter:
    """Return a getter of a text that does not change; an empty one is not known."""
    fixed = value.encode() if value else None
    return lambda _record: fixed


def response_code_details(parameters: str, _process: Process) -> Getter:
    """Return a getter of the details, as one word unless whitespace is allowed."""
    if parameters == "ALLOW_WHITESPACES":
        return attrgetter("response_code_details")

    def details(record: Record) -> Value:
        text = record.response_code_details
        return None if text is None else b"_".join(text.split(b" "))

    return details

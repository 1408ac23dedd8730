"""What is known of one exchange: the source of every command operator, in headers and in the access log."""

from __future__ import annotations

from typing import Protocol

from edgesim.model import RequestHead

Headers = dict[bytes, bytes]
Repeated = dict[bytes, list[bytes]]


class Named(Protocol):
    """Fields that are found by name."""

    def get(self, name: bytes, /) -> bytes | None:
        """Return a field's value, None where there is none."""


class Record:
    """One exchange, filled in on the way.

    One is made per request, so what is not known costs nothing: it is the class's. A subclass may look things
    up when they are asked for.

    Everything is bytes ready to be written, or a number; None means not known (yet), written `-`.
    Addresses are `ip:port`, times unix seconds, durations whole milliseconds. `path` and `authority` are
    those the upstream saw, None where they are the head's. `request_id`, `original_path`,
    `forwarded_for` and `service_time` are header fields edgesim made itself, which the parsed heads do
    not hold; they win over what was received. `sent` holds the request's fields with what routes changed,
    None where they are the head's; `response` holds the answer's fields by lower-case name,
    `response_repeated` all lines of those that are repeated, as in a RequestHead.
    """

    start: float
    emitted: float
    head: RequestHead | None = None
    protocol: bytes | None = b"HTTP/1.1"
    scheme = b"http"
    path: bytes | None = None
    original_path: bytes | None = None
    authority: bytes | None = None
    request_id: bytes | None = None
    forwarded_for: bytes | None = None
    forwarded_proto: bytes | None = None
    sent: Headers | None = None
    status = 0
    response_code_details: bytes | None = None
    flags = 0
    response: Named | None = None
    response_repeated: Repeated | None = None
    trailers: Headers | None = None
    local_reply_body = b""
    service_time: int | None = None
    bytes_received = 0
    bytes_sent = 0
    duration = 0
    request_duration: int | None = None
    request_tx_duration: int | None = None
    response_duration: int | None = None
    response_tx_duration: int | None = None
    attempts = 0
    upstream_cluster: bytes | None = None
    upstream_host: bytes | None = None
    """The endpoint that was chosen; `upstream_remote` is that of a connection, which may not have come to be."""
    upstream_remote: bytes | None = None
    upstream_local: bytes | None = None
    upstream_host_name: bytes | None = None
    upstream_protocol: bytes | None = None
    transport_failure: bytes | None = None
    termination_details: bytes | None = None
    downstream_remote: bytes | None = None
    downstream_direct_remote: bytes | None = None
    downstream_local: bytes | None = None
    server_name: bytes | None = None
    tls_version: bytes | None = None
    tls_cipher: bytes | None = None
    route_name: bytes | None = None
    connection_id = 0

    def __init__(self, start: float) -> None:
        """Begin with a request's first byte at `start`; every default is what Envoy logs when nothing happened."""
        self.start = start
        self.emitted = start

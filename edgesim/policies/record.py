"""What is known of one exchange: the source of every command operator, in headers and in the access log."""

from __future__ import annotations

from edgesim.model import RequestHead

Headers = dict[bytes, bytes]
Repeated = dict[bytes, list[bytes]]


class Record:
    """One exchange; slotted and mutable because one is made per request and filled in on the way.

    Everything is bytes ready to be written, or a number; None means not known (yet), written `-`.
    Addresses are `ip:port`, times unix seconds, durations whole milliseconds. `path` and `authority` are
    those the upstream saw, None where they are the head's. `request_id`, `original_path`,
    `forwarded_for` and `service_time` are header fields edgesim made itself, which the parsed heads do
    not hold; they win over what was received. `sent` holds the request's fields with what routes changed,
    None where they are the head's; `response` holds the answer's fields by lower-case name,
    `response_repeated` all lines of those that are repeated, as in a RequestHead.
    """

    __slots__ = (
        "attempts",
        "authority",
        "bytes_received",
        "bytes_sent",
        "connection_id",
        "downstream_direct_remote",
        "downstream_local",
        "downstream_remote",
        "duration",
        "emitted",
        "flags",
        "forwarded_for",
        "forwarded_proto",
        "head",
        "local_reply_body",
        "original_path",
        "path",
        "protocol",
        "request_duration",
        "request_id",
        "request_tx_duration",
        "response",
        "response_code_details",
        "response_duration",
        "response_repeated",
        "response_tx_duration",
        "route_name",
        "scheme",
        "server_name",
        "sent",
        "service_time",
        "start",
        "status",
        "termination_details",
        "trailers",
        "transport_failure",
        "upstream_cluster",
        "upstream_host_name",
        "upstream_local",
        "upstream_protocol",
        "upstream_remote",
    )

    def __init__(self, start: float) -> None:
        """Begin with a request's first byte at `start`; every default is what Envoy logs when nothing happened."""
        self.start = start
        self.emitted = start
        self.head: RequestHead | None = None
        self.protocol: bytes | None = b"HTTP/1.1"
        self.scheme = b"http"
        self.path: bytes | None = None
        self.original_path: bytes | None = None
        self.authority: bytes | None = None
        self.request_id: bytes | None = None
        self.forwarded_for: bytes | None = None
        self.forwarded_proto: bytes | None = None
        self.sent: Headers | None = None
        self.status = 0
        self.response_code_details: bytes | None = None
        self.flags = 0
        self.response: Headers | None = None
        self.response_repeated: Repeated | None = None
        self.trailers: Headers | None = None
        self.local_reply_body = b""
        self.service_time: int | None = None
        self.bytes_received = 0
        self.bytes_sent = 0
        self.duration = 0
        self.request_duration: int | None = None
        self.request_tx_duration: int | None = None
        self.response_duration: int | None = None
        self.response_tx_duration: int | None = None
        self.attempts = 0
        self.upstream_cluster: bytes | None = None
        self.upstream_remote: bytes | None = None
        self.upstream_local: bytes | None = None
        self.upstream_host_name: bytes | None = None
        self.upstream_protocol: bytes | None = None
        self.transport_failure: bytes | None = None
        self.termination_details: bytes | None = None
        self.downstream_remote: bytes | None = None
        self.downstream_direct_remote: bytes | None = None
        self.downstream_local: bytes | None = None
        self.server_name: bytes | None = None
        self.route_name: bytes | None = None
        self.connection_id = 0

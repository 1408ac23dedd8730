"""Records as a proxy would leave them."""

from __future__ import annotations

from edgesim.model import RequestHead
from edgesim.policies.record import Record

START = 1795537983.871400


def forwarded() -> Record:
    """Return the record of the request measured on Envoy 1.40, whose log lines the tests expect."""
    record = Record(START)
    record.emitted = START + 0.001
    headers = {b"x-a": b"abcdef", b"x-multi": b"2", b"x-empty": b"", b"user-agent": b"curl/8"}
    repeated = {b"x-multi": [b"1", b"2"]}
    record.head = RequestHead(b"POST", b"a.com", b"/e/x", b"a=b&c=d", headers, repeated)
    record.path, record.original_path = b"/z/x?a=b&c=d", b"/e/x?a=b&c=d"
    record.request_id = b"dbb6b706-843c-49a1-9ae9-cccdcaed1c0f"
    record.status, record.response_code_details = 200, b"via_upstream"
    record.response = {b"server": b"envoy", b"x-r": b"two", b"content-length": b"290"}
    record.response_repeated = {b"x-r": [b"one", b"two"]}
    record.trailers = {b"x-sum": b"ok"}
    record.service_time = record.response_duration = record.request_duration = 0
    record.duration, record.attempts = 1, 1
    record.bytes_received, record.bytes_sent = 5, 290
    record.upstream_cluster, record.upstream_remote = b"c", b"127.0.0.1:21101"
    record.upstream_host = record.upstream_remote
    record.upstream_protocol = b"HTTP/1.1"
    record.downstream_remote = record.downstream_direct_remote = b"127.0.0.1:33408"
    record.downstream_local = b"[::1]:21102"
    record.route_name, record.connection_id = b"rn", 1
    return record


def refused() -> Record:
    """Return the record of bytes that were no request."""
    record = Record(START)
    record.status, record.flags = 400, 1 << 18
    return record

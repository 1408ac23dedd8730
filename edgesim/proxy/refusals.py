"""Answers to what is no request edgesim serves: unreadable, too large, too slow, or with nobody to go to.

The client's connection ends behind such an answer. It is counted and logged as Envoy does it (measured on 1.40):
what broke the protocol is flagged `DPE` and answered with the reason phrase as body; nothing is told of a head
that could not be read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from edgesim.http1.fields import Fields
from edgesim.http1.reasons import REASONS
from edgesim.http1.replies import local_fields, reply_bytes
from edgesim.http1.requests import BAD_PATH, MISSING_HOST, NO_ROUTE
from edgesim.model import RequestHead
from edgesim.policies.record import Record
from edgesim.policies.response_flags import DC, DPE, NR, SI
from edgesim.proxy.observed import note_refusal

if TYPE_CHECKING:
    from edgesim.proxy.downstream import Downstream

HEADER_TIMEOUT = b"request_header_timeout"
REQUEST_TIMEOUT = b"request_overall_timeout"
IDLE_TIMEOUT = b"stream_idle_timeout"
_FLAGS = {MISSING_HOST: 0, BAD_PATH: 0, NO_ROUTE: NR, HEADER_TIMEOUT: 0, REQUEST_TIMEOUT: 0, IDLE_TIMEOUT: SI}
_READ = frozenset((MISSING_HOST, BAD_PATH, NO_ROUTE))
"""Reasons that are found behind the codec: the head was read, and the log tells of it."""


class Refusal(NamedTuple):
    """A status, the body, why in Envoy's words (response code details), and the head where one was read."""

    status: int
    body: bytes
    details: bytes
    head: RequestHead | None = None
    older: bool = False

    @property
    def flags(self) -> int:
        """The response flags."""
        return _FLAGS.get(self.details, DPE)


def refusal(status: int, details: bytes, body: bytes | None = None) -> Refusal:
    """Return a refusal, with Envoy's body where none is given."""
    if body is None:
        body = REASONS[status].encode() if _FLAGS.get(details, DPE) == DPE else b""
    return Refusal(status, body, details)


def with_head(refused: Refusal, method: bytes, target: bytes, fields: Fields, *, older: bool) -> Refusal:
    """Return a refusal that tells of its head, if Envoy's codec would have taken it."""
    if refused.details not in _READ:
        return refused
    headers = dict(fields)
    path, mark, query = target.partition(b"?")
    head = RequestHead(method, headers.get(b"host", b""), path, query if mark else None, headers)
    return refused._replace(head=head, older=older)


def answer(connection: Downstream, refused: Refusal) -> bytes:
    """Return the bytes of a refusal, counted and logged."""
    worker = connection.worker
    note_refusal(worker, refused.status)
    worker.no_route += refused.details == NO_ROUTE
    fields = local_fields(refused.body)
    server = connection.listener.snapshot.options.server_name.encode()
    if worker.log is not None:
        record = _record(connection, refused.head)
        record.status, record.flags, record.response_code_details = refused.status, refused.flags, refused.details
        record.bytes_sent = len(refused.body)
        record.response = {**dict(fields), b"server": server, b"date": worker.date, b"connection": b"close"}
        if refused.older:
            record.protocol = b"HTTP/1.0"
        worker.log.add(record)
    return reply_bytes(
        refused.status,
        fields,
        refused.body,
        worker.date,
        close=True,
        head_only=False,
        server=server,
        older=refused.older,
    )


def note_torn_head(connection: Downstream) -> None:
    """Count and log a client that left amid a head."""
    worker = connection.worker
    note_refusal(worker, 0)
    if worker.log is not None:
        record = _record(connection, None)
        record.flags, record.response_code_details = DC, b"downstream_remote_disconnect"
        worker.log.add(record)


def _record(connection: Downstream, head: RequestHead | None) -> Record:
    record = Record(connection.worker.wall_clock())
    record.head = head
    record.downstream_remote = record.downstream_direct_remote = connection.peer
    record.downstream_local = connection.local
    return record

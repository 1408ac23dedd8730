"""The record of an exchange, for header values and the access log.

A log line tells a dozen things of the fifty there are, and is written for every request: so what costs
something to find out is found out when a format asks for it.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from edgesim.policies.lines import line
from edgesim.policies.record import Headers, Record
from edgesim.policies.remote import Client, needs_request_id
from edgesim.policies.response_flags import UF
from edgesim.routing.rewrite import forwarded_scheme

if TYPE_CHECKING:
    from edgesim.proxy.exchange_state import ExchangeState


class _Asked:
    """An attribute found out when it is first asked for, and kept like any other."""

    def __init__(self, find: Callable[[ExchangeRecord], Any]) -> None:
        self._find = find
        self._name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, record: ExchangeRecord, owner: type) -> Any:
        record.__dict__[self._name] = found = self._find(record)
        return found


def elapsed(exchange: ExchangeState) -> float:
    """Return seconds since a request began; one that was refused at sight took none."""
    return exchange.downstream.worker.now() - exchange.begun if exchange.begun else 0.0


def record_of(exchange: ExchangeState) -> Record:
    """Return what is known of an exchange now."""
    now, taken = exchange.downstream.worker.wall_clock(), elapsed(exchange)
    return _kind(exchange)(exchange, now, now - taken, int(taken * 1000))


def record_at_end(exchange: ExchangeState, start: float, micros: int) -> Record:
    """Return what is known of an exchange that ended: it began at `start`, unix seconds, and took so many microseconds."""
    return _kind(exchange)(exchange, start + micros / 1e6, start, micros // 1000)


def _kind(exchange: ExchangeState) -> type[ExchangeRecord]:
    plan = exchange.plan
    return PlainRecord if plan is not None and plan.rules.plain else ExchangeRecord


# --- the client --------------------------------------------------------------------------------------


def _client(record: ExchangeRecord) -> Client:
    return record.exchange.downstream.client(record.exchange.request.head)


def _peer(record: ExchangeRecord) -> bytes:
    return record.exchange.downstream.peer


def _local(record: ExchangeRecord) -> bytes:
    return record.exchange.downstream.local


def _of_tls(name: str) -> _Asked:
    """Look up what a connection over TLS knows, and a plain one has not."""
    return _Asked(lambda record: getattr(record.exchange.downstream, name, None) or None)


def _forwarded_for(record: ExchangeRecord) -> bytes | None:
    if record.exchange.downstream.listener.snapshot.remote.append:
        client: Client = record.client
        if client.forwarded_for is not None:
            return client.forwarded_for
    head = record.exchange.request.head
    return line(head, b"x-forwarded-for") if head.repeated and b"x-forwarded-for" in head.repeated else None


def _forwarded_proto(record: ExchangeRecord) -> bytes | None:
    headers = record.exchange.request.head.headers
    replaced = b"x-forwarded-proto" not in headers or record.client.sets_proto
    return record.exchange.downstream.scheme if replaced else None


def _scheme(record: ExchangeRecord) -> bytes:
    exchange = record.exchange
    return record.forwarded_proto or forwarded_scheme(exchange.request.head, exchange.downstream.scheme)


def _request_id(record: ExchangeRecord) -> bytes | None:
    """A request that was answered before it was forwarded has got an id all the same."""
    exchange = record.exchange
    downstream, head = exchange.downstream, exchange.request.head
    rules = downstream.listener.snapshot.remote
    if exchange.request_id is None and needs_request_id(rules, record.client, head):
        exchange.request_id = downstream.worker.request_id()
    return exchange.request_id


# --- what was sent and received ----------------------------------------------------------------------


def _sent(record: ExchangeRecord) -> Headers | None:
    """The request's fields with what routes changed; None where nothing of the client's was."""
    exchange = record.exchange
    if exchange.sent_fields is not None:
        return dict(reversed(exchange.sent_fields))
    if not exchange.sent_head:
        return None
    # The head was the same as that of an earlier request, so its fields were not made again.
    _, *lines = exchange.sent_head[:-4].split(b"\r\n")
    return {name: value for name, _, value in (each.partition(b": ") for each in reversed(lines))}


def _authority(record: ExchangeRecord) -> bytes | None:
    return None if record.sent is None else record.sent.get(b"host")


def _is_rewritten(exchange: ExchangeState) -> bool:
    """The path changes behind the mutations, and before an endpoint is looked for; of a redirect with its answer."""
    acted = exchange.attempts > 0 or exchange.details == b"direct_response"
    return bool(exchange.sent_head) or (exchange.done and acted)


def _original_path(record: ExchangeRecord) -> bytes | None:
    exchange = record.exchange
    if exchange.plan is None or exchange.plan.rewrite is None or not _is_rewritten(exchange):
        return None
    head = exchange.request.head
    return head.path if head.query is None else head.path + b"?" + head.query


def _path(record: ExchangeRecord) -> bytes | None:
    exchange = record.exchange
    if exchange.plan is None or exchange.plan.rewrite is None or not _is_rewritten(exchange):
        return None
    head = exchange.request.head
    path = exchange.plan.rewrite(head.path)
    return path if head.query is None else path + b"?" + head.query


def _response(record: ExchangeRecord) -> Headers | None:
    answered = record.exchange.answered
    return None if answered is None else dict(reversed(answered.fields))


# --- the route and the endpoint ----------------------------------------------------------------------


def _route_name(record: ExchangeRecord) -> bytes | None:
    decision = record.exchange.decision
    return None if decision is None else decision.route.name.encode() or None


def _cluster(record: ExchangeRecord) -> bytes | None:
    plan, decision = record.exchange.plan, record.exchange.decision
    known = plan is not None and (plan.cluster is not None or plan.response is not None)
    destination = decision.destination if decision is not None and known else None
    return None if destination is None else destination.cluster.encode()


def _host(record: ExchangeRecord) -> bytes | None:
    pool = record.exchange.pool
    return None if pool is None else pool.written


def _endpoint(record: ExchangeRecord) -> bytes | None:
    """Of a connection that was not made there is no other end, though the endpoint was chosen."""
    return None if record.flags & UF or record.exchange.unreached else record.upstream_host


def _failure(record: ExchangeRecord) -> bytes | None:
    pool = record.exchange.pool
    return pool.failure or None if pool is not None and record.flags & UF else None


class ExchangeRecord(Record):
    """What is known of an exchange at one moment."""

    exchange: ExchangeState
    client: Any = _Asked(_client)
    downstream_remote: Any = _Asked(lambda record: record.client.address)
    downstream_direct_remote: Any = _Asked(_peer)
    downstream_local: Any = _Asked(_local)
    server_name: Any = _of_tls("server_name")
    tls_version: Any = _of_tls("tls_version")
    tls_cipher: Any = _of_tls("tls_cipher")
    forwarded_for: Any = _Asked(_forwarded_for)
    forwarded_proto: Any = _Asked(_forwarded_proto)
    scheme: Any = _Asked(_scheme)
    request_id: Any = _Asked(_request_id)
    sent: Any = _Asked(_sent)
    authority: Any = _Asked(_authority)
    path: Any = _Asked(_path)
    original_path: Any = _Asked(_original_path)
    response: Any = _Asked(_response)
    route_name: Any = _Asked(_route_name)
    upstream_cluster: Any = _Asked(_cluster)
    upstream_host: Any = _Asked(_host)
    upstream_remote: Any = _Asked(_endpoint)
    upstream_protocol: Any = _Asked(lambda record: None if record.upstream_remote is None else b"HTTP/1.1")
    transport_failure: Any = _Asked(_failure)

    flags: Any = property(attrgetter("exchange.flags"))
    bytes_received: Any = property(attrgetter("exchange.body_size"))
    bytes_sent: Any = property(attrgetter("exchange.answer_size"))
    attempts: Any = property(attrgetter("exchange.attempts"))
    service_time: Any = property(attrgetter("exchange.service_time"))
    response_code_details: Any = property(lambda record: record.exchange.details or None)

    def __init__(self, exchange: ExchangeState, emitted: float, start: float, duration: int) -> None:
        """Keep what is the moment's: when it is and when the exchange began, unix seconds, and milliseconds between."""
        self.exchange = exchange
        self.emitted = emitted
        self.start = start
        self.duration = duration
        self.head = exchange.request.head
        self.status = exchange.status
        if self.head.repeated is not None:
            self.forwarded_for = _forwarded_for(self)
        if exchange.older:
            self.protocol = b"HTTP/1.0"
        if exchange.plan is None:
            self.sent = self.authority = self.path = self.original_path = None
        if exchange.request_id is not None:
            self.request_id = exchange.request_id
        if exchange.pool is not None:
            self.upstream_host = exchange.pool.written


class PlainRecord(ExchangeRecord):
    """The record of an exchange whose route changes nothing of the request."""

    sent = authority = path = original_path = None
    forwarded_for: Any = None

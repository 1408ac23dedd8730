"""What is told of an exchange when it ends: counts, always; a line in the access log, where there is one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgesim.policies.lines import line
from edgesim.policies.record import Record
from edgesim.policies.remote import needs_request_id
from edgesim.policies.response_flags import UF
from edgesim.telemetry.histogram import BYTES_RECEIVED, BYTES_SENT, RESETS, RETRIES, Counts, new_counts, record
from edgesim.telemetry.tally import StatKey

if TYPE_CHECKING:
    from edgesim.proxy.exchange import Exchange
    from edgesim.proxy.plan import Plan
    from edgesim.proxy.upstream import Pool


def note_end(exchange: Exchange) -> None:
    """Count an exchange that ended, and log it."""
    plan = exchange.plan
    worker = exchange.downstream.worker
    if plan is None:
        counts = worker.unrouted
    else:
        pool = exchange.pool
        counts = plan.counts.get(pool) or _counts_of(exchange, plan, pool)
    record(counts, exchange.status, int(_elapsed(exchange) * 1e6))
    counts[BYTES_SENT] += exchange.answer_size
    counts[BYTES_RECEIVED] += exchange.body_size
    if exchange.attempts > 1:
        counts[RETRIES] += exchange.attempts - 1
    if not exchange.status:
        counts[RESETS] += 1
    if worker.log is not None:
        worker.log.add(record_of(exchange))


def _elapsed(exchange: Exchange) -> float:
    """Return seconds since a request began; one that was refused at sight took none."""
    return exchange.downstream.worker.now() - exchange.begun if exchange.begun else 0.0


def _counts_of(exchange: Exchange, plan: Plan, pool: Pool | None) -> Counts:
    """Find the counts of a plan and an endpoint; they outlive both."""
    decision = plan.decision
    route = decision.route.name or str(decision.route.number)
    cluster = decision.destination.cluster if decision.destination is not None else ""
    endpoint = "" if pool is None else f"{pool.address}:{pool.port}"
    key = StatKey(decision.virtual_host.name, route, cluster, plan.subset, endpoint)
    counts = exchange.downstream.worker.counts.setdefault(key, new_counts())
    plan.counts[pool] = counts
    return counts


def record_of(exchange: Exchange) -> Record:
    """Return what is known of an exchange now."""
    downstream = exchange.downstream
    worker = downstream.worker
    head = exchange.request.head
    elapsed = _elapsed(exchange)
    known = Record(worker.wall_clock() - elapsed)
    known.emitted = known.start + elapsed
    known.head = head
    known.scheme = downstream.scheme
    known.status = exchange.status
    known.flags = exchange.flags
    known.bytes_received = exchange.body_size
    known.bytes_sent = exchange.answer_size
    known.duration = int(elapsed * 1000)
    known.downstream_remote = known.downstream_direct_remote = downstream.peer
    known.downstream_local = downstream.local
    _note_client(exchange, known)
    _note_route(exchange, known)
    _note_upstream(exchange, known)
    return known


def _note_client(exchange: Exchange, known: Record) -> None:
    """Tell who the client is, and what every request gets before its route is looked for."""
    downstream, head = exchange.downstream, exchange.request.head
    snapshot = downstream.worker.snapshot
    client = downstream.client(head)
    known.downstream_remote = client.address
    known.forwarded_for = client.forwarded_for
    if client.forwarded_for is None and head.repeated and b"x-forwarded-for" in head.repeated:
        known.forwarded_for = line(head, b"x-forwarded-for")
    if client.sets_proto or b"x-forwarded-proto" not in head.headers:
        known.forwarded_proto = downstream.scheme
    if exchange.request_id is None and needs_request_id(snapshot.remote_of(downstream.scheme), client, head):
        exchange.request_id = downstream.worker.request_id()
    known.request_id = exchange.request_id


def _note_route(exchange: Exchange, known: Record) -> None:
    plan = exchange.plan
    if plan is None:
        return
    decision = plan.decision
    known.route_name = decision.route.name.encode() or None
    if decision.destination is not None:
        known.upstream_cluster = decision.destination.cluster.encode()
    if exchange.sent_fields is not None:
        known.sent = dict(reversed(exchange.sent_fields))
        known.authority = known.sent.get(b"host")
    if decision.rewrite is not None and exchange.sent_fields is not None:
        query = exchange.request.head.query
        path = exchange.request.head.path
        known.path = decision.rewrite(path) + (b"" if query is None else b"?" + query)
        known.original_path = path + (b"" if query is None else b"?" + query)


def _note_upstream(exchange: Exchange, known: Record) -> None:
    known.attempts = exchange.attempts
    known.response_code_details = exchange.details or None
    answered = exchange.answered
    if answered is not None:
        known.response = dict(reversed(answered.fields))
        known.service_time = exchange.service_time
    if exchange.pool is not None:
        known.upstream_remote = f"{exchange.pool.address}:{exchange.pool.port}".encode()
        known.upstream_protocol = b"HTTP/1.1"
        if exchange.flags & UF:
            known.transport_failure = exchange.pool.failure or None

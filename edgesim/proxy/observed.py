"""What is told of an exchange when it ends: counts, always; a line in the access log, where there is one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgesim.proxy.exchange_record import elapsed, record_of
from edgesim.telemetry.histogram import BYTES_RECEIVED, BYTES_SENT, RESETS, RETRIES, Counts, new_counts, record
from edgesim.telemetry.tally import StatKey

if TYPE_CHECKING:
    from edgesim.proxy.exchange import Exchange
    from edgesim.proxy.plan import Plan
    from edgesim.proxy.pools import Pool


def note_end(exchange: Exchange) -> None:
    """Count an exchange that ended, and log it."""
    plan = exchange.plan
    worker = exchange.downstream.worker
    if plan is None:
        counts = worker.unrouted
    else:
        pool = exchange.pool
        counts = plan.counts.get(pool) or _counts_of(exchange, plan, pool)
    taken = elapsed(exchange)
    record(counts, exchange.status, int(taken * 1e6))
    counts[BYTES_SENT] += exchange.answer_size
    counts[BYTES_RECEIVED] += exchange.body_size
    if exchange.attempts > 1:
        counts[RETRIES] += exchange.attempts - 1
    if not exchange.status:
        counts[RESETS] += 1
    if worker.log is not None:
        worker.log.add(record_of(exchange, taken))


def _counts_of(exchange: Exchange, plan: Plan, pool: Pool | None) -> Counts:
    """Find the counts of a plan and an endpoint; they outlive both."""
    decision = plan.decision
    route = decision.route.name or str(decision.route.number)
    cluster = decision.destination.cluster if decision.destination is not None else ""
    endpoint = "" if pool is None else f"{pool.address}:{pool.port}"
    key = StatKey(decision.virtual_host.name, route, cluster, plan.subset, endpoint)
    counts = exchange.downstream.worker.counts.setdefault(key, new_counts())
    plan.keep_counts(pool, counts)
    return counts

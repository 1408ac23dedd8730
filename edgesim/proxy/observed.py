"""What is told of an exchange when it ends: counts, always; a line in the access log, where there is one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgesim.model import Subset
from edgesim.routing import Decision
from edgesim.telemetry.histogram import own_slot, slot_of
from edgesim.telemetry.tally import UNROUTED

if TYPE_CHECKING:
    from edgesim.proxy.exchange import Exchange
    from edgesim.proxy.pools import Pool
    from edgesim.proxy.worker import Worker


def note_end(exchange: Exchange) -> None:
    """Count an exchange that ended, and log it."""
    worker = exchange.downstream.worker
    begun = exchange.begun
    taken = worker.now() - begun if begun else 0.0  # as `elapsed` has it, without a call
    micros = int(taken * 1e6)
    slot = slot_of(micros)
    worker.ended.append(
        (
            exchange.decision,
            exchange.pool,
            exchange.status,
            slot if exchange.answered is not None else own_slot(slot),
            exchange.answer_size,
            exchange.body_size,
            exchange.attempts,
        )
    )
    if worker.log is not None:
        worker.log.add_exchange(exchange, worker.wall_clock() - taken, micros)


def note_refusal(worker: Worker, status: int) -> None:
    """Count what never became an exchange; a status of 0 says that it was not answered either."""
    worker.ended.append((None, None, status, -1, 0, 0, 0))


def scope_of(decision: Decision | None) -> tuple[str, str, str, Subset]:
    """Return what requests of a decision are counted by, but for the endpoint."""
    if decision is None:
        return UNROUTED[:-1]
    route = decision.route.name or str(decision.route.number)
    destination = decision.destination
    cluster, subset = ("", ()) if destination is None else (destination.cluster, destination.subset)
    return decision.virtual_host.name, route, cluster, subset


def endpoint_of(pool: Pool | None) -> str:
    """Return the endpoint that requests of a pool are counted by."""
    return "" if pool is None else f"{pool.address}:{pool.port}"

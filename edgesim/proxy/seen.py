"""The head as routes see it: with the headers the proxy makes, without those only internal clients may send.

Envoy's connection manager mends a request before it looks for the route (measured on 1.40): a matcher on
`x-request-id` always finds one, and one on `x-envoy-retry-on` finds none that a client outside has sent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgesim.model import RequestHead
from edgesim.policies.remote import NOT_EVERYBODYS, needs_request_id, seen_by_routes
from edgesim.routing import lookup

if TYPE_CHECKING:
    from edgesim.proxy.exchange import Exchange
    from edgesim.proxy.messages import Request
    from edgesim.proxy.serving import ListenerSnapshot


def find_target(exchange: Exchange, snapshot: ListenerSnapshot, request: Request) -> None:
    """Find what a request leads to, and remember it where it is the same whoever sends the head."""
    head = request.head
    as_it_is = request.usual or NOT_EVERYBODYS.isdisjoint(head.headers)  # nothing usual is not everybody's
    if as_it_is and not snapshot.table.asks_for_made:
        request.snapshot = snapshot
        request.target = lookup(snapshot.table, head)
    else:
        request.target = lookup(snapshot.table, as_seen(exchange, snapshot, head))


def as_seen(exchange: Exchange, snapshot: ListenerSnapshot, head: RequestHead) -> RequestHead:
    """Return the head that routes are looked for with."""
    downstream = exchange.downstream
    client = downstream.client(head)
    if needs_request_id(snapshot.remote, client, head):
        exchange.request_id = exchange.request_id or downstream.worker.request_id()
        return seen_by_routes(client, head, downstream.scheme, exchange.request_id)
    return seen_by_routes(client, head, downstream.scheme)

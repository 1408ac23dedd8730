"""The head as routes see it: with the headers the proxy makes, without those only internal clients may send.

Envoy's connection manager mends a request before it looks for the route (measured on 1.40): a matcher on
`x-request-id` always finds one, and one on `x-envoy-retry-on` finds none that a client outside has sent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgesim.model import RequestHead
from edgesim.policies.remote import NOT_EVERYBODYS, fields_to_set, needs_request_id
from edgesim.routing import lookup

if TYPE_CHECKING:
    from edgesim.proxy.exchange import Exchange
    from edgesim.proxy.serving import ListenerSnapshot


def find_target(exchange: Exchange, snapshot: ListenerSnapshot) -> None:
    """Find what a request leads to, and remember it where it is the same whoever sends the head."""
    request = exchange.request
    head = request.head
    if snapshot.table.asks_for_made or not NOT_EVERYBODYS.isdisjoint(head.headers):
        request.target = lookup(snapshot.table, _as_seen(exchange, snapshot, head))
    else:
        request.snapshot = snapshot
        request.target = lookup(snapshot.table, head)


def _as_seen(exchange: Exchange, snapshot: ListenerSnapshot, head: RequestHead) -> RequestHead:
    downstream = exchange.downstream
    client = downstream.client(head)
    made = dict(fields_to_set(client, head, downstream.scheme))
    if needs_request_id(snapshot.remote, client, head):
        exchange.request_id = made[b"x-request-id"] = downstream.worker.request_id()
    headers = {name: value for name, value in head.headers.items() if name not in client.drops} | made
    repeated = head.repeated and {name: lines for name, lines in head.repeated.items() if name not in made}
    return RequestHead(head.method, head.authority, head.path, head.query, headers, repeated or None)

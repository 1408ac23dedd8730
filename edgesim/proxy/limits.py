"""What connections from clients may take: looked at by one sweep, no timer per request.

As Envoy's `request_headers_timeout`, `request_timeout`, `stream_idle_timeout` (a route's own, too) and
`idle_timeout`; each is noticed at most a quarter of its length late, of which a look finds out that nothing moves any more
in one half, and that it was so for long enough in the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgesim.http1.replies import STREAM_TIMEOUT
from edgesim.proxy.closing import refuse
from edgesim.proxy.failures import stand_still
from edgesim.proxy.refusals import HEADER_TIMEOUT, IDLE_TIMEOUT, REQUEST_TIMEOUT, refusal
from edgesim.telemetry.sources import NEVER

if TYPE_CHECKING:
    from edgesim.model import ListenerOptions
    from edgesim.proxy.downstream import Downstream
    from edgesim.proxy.serving import ListenerSnapshot
    from edgesim.proxy.worker import Worker

_LONGEST_PAUSE = 1.0
_SHORTEST_PAUSE = 0.025
_HEADER_TIMEOUT = refusal(408, HEADER_TIMEOUT, b"request header timeout")
_REQUEST_TIMEOUT = refusal(408, REQUEST_TIMEOUT, b"request timeout")
_IDLE_TIMEOUT = refusal(408, IDLE_TIMEOUT, STREAM_TIMEOUT)


def sweep(worker: Worker, now: float) -> float:
    """Look at every connection; return when to look again."""
    for connection in list(worker.connections):
        if connection.touched:
            connection.touched = False
            connection.since = now
        _look_at(connection, connection.listener.snapshot.options, now)
    shortest = min((_shortest(each.snapshot) for each in worker.listeners.values()), default=NEVER)
    return now + max(_SHORTEST_PAUSE, min(_LONGEST_PAUSE, shortest / 8))


def _shortest(snapshot: ListenerSnapshot) -> float:
    options = snapshot.options
    timeouts = (options.header_timeout, options.request_timeout, options.stream_idle_timeout, options.idle_timeout)
    return min(snapshot.shortest_idle, *(timeout or NEVER for timeout in timeouts))


def _look_at(connection: Downstream, options: ListenerOptions, now: float) -> None:
    quiet = now - connection.since
    if connection.closing:
        _end_stuck(connection, options, quiet)
    elif connection.in_head or connection.receiving is not None:
        _look_at_request(connection, options, now, quiet)
    elif connection.current is not None:
        timeout = _idle_timeout(connection, options)
        if timeout and quiet >= timeout:
            stand_still(connection.current)
    elif options.idle_timeout and quiet >= options.idle_timeout:
        connection.close()


def _look_at_request(connection: Downstream, options: ListenerOptions, now: float, quiet: float) -> None:
    """A request that is not whole: how long its head, all of it, and a pause in it may take."""
    connection.head_since = since = connection.head_since or now
    if connection.in_head and options.header_timeout and now - since >= options.header_timeout:
        refuse(connection, _HEADER_TIMEOUT)
    elif options.request_timeout and now - since >= options.request_timeout:
        refuse(connection, _REQUEST_TIMEOUT)
    elif (timeout := _idle_timeout(connection, options)) and quiet >= timeout:
        if connection.current is None:
            refuse(connection, _IDLE_TIMEOUT)
        else:
            stand_still(connection.current)


def _idle_timeout(connection: Downstream, options: ListenerOptions) -> float:
    """Return the route's idle timeout where one is known, else the listener's."""
    plan = None if connection.current is None else connection.current.plan
    return options.stream_idle_timeout if plan is None else plan.rules.idle_timeout


def _end_stuck(connection: Downstream, options: ListenerOptions, quiet: float) -> None:
    """Reset a connection whose client does not take what is left for it."""
    transport = connection.transport
    if transport is None:
        return
    unsent = transport.get_write_buffer_size()
    if unsent != connection.unsent:
        connection.unsent = unsent
        connection.touched = True
    elif unsent and options.stream_idle_timeout and quiet >= options.stream_idle_timeout:
        transport.abort()

"""What is known of one request and its answer while they are under way, and what they ask of the client's connection.

A connection knows its exchanges; an exchange, and all that serves it, knows of the connection only what `ClientSide` says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from edgesim.policies.hashing import NOT_HASHED, Hashed
from edgesim.telemetry.sources import NEVER

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from edgesim.http1.fields import Fields
    from edgesim.model import Endpoint, RequestHead
    from edgesim.policies.hashing import Connection
    from edgesim.policies.remote import Client
    from edgesim.policies.retries import Retries
    from edgesim.proxy.exchange import Exchange
    from edgesim.proxy.listening import ActiveListener
    from edgesim.proxy.messages import Request, Response
    from edgesim.proxy.plan import Plan
    from edgesim.proxy.pools import Pool
    from edgesim.proxy.shadow import Shadow
    from edgesim.proxy.upstream import UpstreamConnection
    from edgesim.proxy.worker import Worker
    from edgesim.routing import Decision


class ClientSide(Protocol):
    """The connection a request came by, as its exchange sees it: who sent it, and where its answer goes."""

    worker: Worker
    listener: ActiveListener
    scheme: bytes
    transport: asyncio.Transport | None
    touched: bool
    """Whether anything moved, for the idle timeouts."""

    @property
    def peer(self) -> bytes:
        """The other end of the connection as `ip:port`."""

    @property
    def local(self) -> bytes:
        """This end of the connection as `ip:port`."""

    @property
    def ends(self) -> Connection:
        """What hash policies read of a connection."""

    def asks_to_close(self, exchange: Exchange) -> bool:
        """Tell whether a request that is not read to its end yet says that the connection ends behind it."""

    def client(self, head: RequestHead) -> Client:
        """Return who sent a request, and what follows."""

    def write(self, data: bytes) -> None:
        """Send bytes to the client."""

    def advance(self) -> None:
        """Take the whole answer, and begin the request that waits behind."""

    def abort(self) -> None:
        """Reset: an answer begun cannot be completed."""

    def pause_reading(self) -> None:
        """Read no more of the request for now."""

    def resume_reading(self) -> None:
        """Read on, unless something else holds back."""

    def connection_lost(self, exc: Exception | None) -> None:
        """Take that the connection is over: whoever it was handed to (`tunnel`) tells."""


class ExchangeState:
    """The state of one request and its answer.

    Most exchanges never leave most of these defaults, so they live on the class: making an exchange
    costs a few assignments.
    """

    decision: Decision | None = None
    plan: Plan | None = None
    retries: Retries | None = None
    """The route's retries with what the request's headers change."""
    pool: Pool | None = None
    endpoint: Endpoint | None = None
    connection: UpstreamConnection | None = None
    held: Callable[[], None] | None = None
    """What happens once a try to an endpoint that is broken on purpose has its connection."""
    local: tuple[int, Fields, bytes] | None = None
    status = 0
    flags = 0
    details = b""
    """Who set the status, and why: Envoy's response code details."""
    sent_head = b""
    request_id: bytes | None = None
    """The id made for the request, None where it brought one."""
    service_time: int | None = None
    begun = 0.0
    started = 0.0
    deadline = NEVER
    try_deadline = NEVER
    last_moment = NEVER
    """When the exchange ends whatever it does."""
    longest_try = 0.0
    """Seconds a try may last, its answer included, 0 for any: until `stream_deadline`."""
    stream_deadline = NEVER
    body_size = 0
    answer_size = 0
    attempts = 0
    filters_passed = 0
    buffers: int | None = None
    """While the whole body is awaited: how large it may become."""
    waits: asyncio.TimerHandle | None = None
    """A delay or a back-off under way."""
    hashed: Hashed = NOT_HASHED
    sent_fields: Fields | None = None
    """The request's fields as the upstream got them, None where nothing of them changed."""
    answer_fields: Fields | None = None
    """Fields that replace those of the answer, whatever its route does to them."""
    is_bare = False
    """The answer is a filter's alone: its route adds nothing."""
    is_buffered = False
    """The body was taken whole before anything was forwarded, so its length is known."""
    kept: list[bytes] | None = None
    """The body so far, for another try; None where there will be none."""
    shadow: Shadow | None = None
    answered: Response | None = None
    switched: dict[bytes, bytes] | None = None
    """`Connection` and `Upgrade` of a 101 behind which bytes are passed on."""
    responding = False
    chunked_response = False
    wants_connection = False
    unreached = False
    """The try under way has no connection yet; the last one had none when it was given up."""
    repeated_once = False
    retrying = False
    done = False
    older = False
    """The client speaks HTTP/1.0."""
    verdict: tuple[int, bytes, Fields] | None = None
    """The answer where it is known before any route is."""
    early = b""
    """What the client sent behind a request to switch protocols."""
    out: list[bytes]
    response: list[bytes]

    def __init__(self, downstream: ClientSide, request: Request) -> None:
        """Begin with a request's head; a body comes later."""
        self.downstream = downstream
        self.request = request
        self.is_head = request.is_head
        self.request_complete = request.bodiless
        self.keep_alive = request.keep_alive
        self.out = []
        self.response = []

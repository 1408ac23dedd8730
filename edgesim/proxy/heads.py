"""The heads edgesim writes: requests towards the upstream, answers towards the client."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgesim.http1.fields import HOP_BY_HOP, NOT_FORWARDED, NOT_RETURNED, Fields, forwardable, head_bytes
from edgesim.http1.mutations import Step, mutate, with_value
from edgesim.http1.replies import finished, local_fields, reply_bytes, status_line
from edgesim.model import Endpoint, RequestHead
from edgesim.model.policies import Mirror
from edgesim.policies.lines import line
from edgesim.policies.record import Record
from edgesim.policies.remote import fields_to_set, needs_request_id
from edgesim.policies.retries import OVERRIDES, expected_timeout
from edgesim.proxy.exchange_record import record_of
from edgesim.proxy.messages import Parts, Request, Response

if TYPE_CHECKING:
    from edgesim.proxy.exchange import Exchange
    from edgesim.proxy.plan import Plan

BLANK_LINE = b"\r\n\r\n"
REQUEST_ID = b"x-request-id"
ATTEMPT_COUNT = b"x-envoy-attempt-count"
EXPECTED_TIMEOUT = b"x-envoy-expected-rq-timeout-ms"
SERVICE_TIME = b"x-envoy-upstream-service-time"
_CHANGING = b"\0"
"""Stands for the value that changes every time while a head is written: no field may hold a NUL."""
_NOBODY = Endpoint("", 0)
_NAMES_NO_FIELD = frozenset((None, b"keep-alive", b"Keep-Alive", b"close"))
"""Connection values that name no other field: the usual ones, known without parsing."""


@dataclass(frozen=True, slots=True)
class Additions:
    """What an answer gets besides its own fields: replaced ones, added ones, and what formats are made from.

    Those in `last` replace what is there even after the route's mutations. `timed` tells how long the upstream took:
    not of an answer that came before the request was whole.
    """

    replaced: Fields
    added: Fields
    last: Fields
    record: Record | None
    chunked: bool
    close: bool
    older: bool
    timed: bool


def asks_router(headers: dict[bytes, bytes]) -> bool:
    """Tell whether a request carries headers that would change its timeouts or retries."""
    return not OVERRIDES.isdisjoint(headers)


def plain_request_parts(request: Request, plan: Plan, scheme: bytes) -> Parts:
    """Return what `request_parts` does for a usual request of which nothing changes."""
    lines = request.written
    if lines is None:
        lines = request.written = b"\r\n".join(map(b": ".join, request.fields))
    front = b"%b\r\n%b%b\r\nx-forwarded-proto: %b\r\nx-request-id: "
    return front % (_request_line(request.head, plan), lines, plan.rules.tail, scheme), BLANK_LINE


def request_parts(exchange: Exchange, plan: Plan, endpoint: Endpoint) -> Parts:
    """Return the head for the upstream, around the request id; the second part is empty where there is one already."""
    if exchange.attempts > 1 and exchange.sent_fields is not None:
        fields = _fields_again(exchange, plan, endpoint)
    else:
        fields = _request_fields(exchange, plan, endpoint)
    exchange.sent_fields = fields
    return _around_change(head_bytes(_request_line(exchange.request.head, plan), fields))


def _around_change(head: bytes) -> Parts:
    """Return what is before and behind the value that changes every time; mutations may have removed it."""
    front, _, back = head.partition(_CHANGING)
    return front, back


def _request_fields(exchange: Exchange, plan: Plan, endpoint: Endpoint) -> Fields:
    """Return every field for the upstream; a new request id is left open."""
    request, downstream = exchange.request, exchange.downstream
    head = request.head
    client = downstream.client(head)
    new_id = needs_request_id(downstream.listener.snapshot.remote, client, head)
    ours = fields_to_set(client, head, downstream.scheme)
    dropped = NOT_FORWARDED | client.drops | {name for name, _ in ours} | ({REQUEST_ID} if new_id else set())
    fields = forwardable(request.fields, None, dropped)
    if head.repeated is not None and b"x-forwarded-for" in head.repeated and client.forwarded_for is None:
        fields = [field for field in fields if field[0] != b"x-forwarded-for"]
        fields.append((b"x-forwarded-for", line(head, b"x-forwarded-for")))
    fields += [*ours, *_framing(exchange)]
    fields = _timed_and_counted(exchange, plan, fields)
    if plan.rules.varying_request:
        if new_id:
            exchange.request_id = exchange.request_id or downstream.worker.request_id()
            fields.append((REQUEST_ID, exchange.request_id))
        fields = mutate(fields, plan.rules.request_steps, record_of(exchange), show_request)
    else:
        if new_id:
            fields.append((REQUEST_ID, _CHANGING))
        fields = mutate(fields, plan.rules.request_steps)
    return plan.rules.rewritten(head, fields, endpoint) if plan.rules.rewrites else fields


def unsent_fields(exchange: Exchange, plan: Plan) -> Fields:
    """Return the fields an endpoint would get: where there is none, the answer's headers and the log know of them."""
    return _identified(exchange, exchange.sent_fields or _request_fields(exchange, plan, _NOBODY))


def fields_before_pick(exchange: Exchange, plan: Plan) -> Fields:
    """Return the fields any endpoint would get: what is said of the endpoint itself is not known yet."""
    return _identified(exchange, _request_fields(exchange, plan, _NOBODY))


def _identified(exchange: Exchange, fields: Fields) -> Fields:
    """Return the fields with the request's id where it was left open; one that the client sent stays."""
    if not any(_CHANGING in value for _, value in fields):
        return fields
    exchange.request_id = made = exchange.request_id or exchange.downstream.worker.request_id()
    return [(name, value.replace(_CHANGING, made)) for name, value in fields]


def _timed_and_counted(exchange: Exchange, plan: Plan, fields: Fields) -> Fields:
    """Return the fields with what changes from try to try."""
    changing: Fields = []
    expected = _remaining_timeout(exchange)
    if expected is not None and not plan.rules.options.suppress_envoy_headers:
        changing.append((EXPECTED_TIMEOUT, b"%d" % expected))
    if plan.rules.attempt_count:
        changing.append((ATTEMPT_COUNT, b"%d" % exchange.attempts))
    return replacing(fields, changing)


def _fields_again(exchange: Exchange, plan: Plan, endpoint: Endpoint) -> Fields:
    """Return the fields of another try: those of the first, but for what changes from try to try."""
    fields = _timed_and_counted(exchange, plan, exchange.sent_fields or [])
    if plan.rules.auto_host and endpoint.hostname:
        fields = [field if field[0] != b"host" else (b"host", endpoint.hostname.encode()) for field in fields]
    return fields


def show_request(known: Record, fields: Fields) -> None:
    """Let a record know the request's fields as they are now."""
    known.sent = dict(reversed(fields))


def show_response(known: Record, fields: Fields) -> None:
    """Let a record know the answer's fields as they are now."""
    known.response = dict(reversed(fields))


def _remaining_timeout(exchange: Exchange) -> int | None:
    """Milliseconds this try may take, None for any."""
    elapsed = exchange.downstream.worker.now() - exchange.started if exchange.started and exchange.attempts > 1 else 0.0
    return None if exchange.retries is None else expected_timeout(exchange.retries, elapsed)


def _framing(exchange: Exchange) -> Fields:
    request = exchange.request
    fields: Fields = [(b"transfer-encoding", b"chunked")] if request.chunked else []
    if request.chunked and exchange.is_buffered:
        fields = [(b"content-length", b"%d" % exchange.body_size)]
    if request.upgrade and request.upgrade != b"CONNECT":
        fields += [(name, request.head.headers[name]) for name in (b"connection", b"upgrade")]
    return fields


def _request_line(head: RequestHead, plan: Plan) -> bytes:
    rewrite = plan.rewrite
    path = head.path if rewrite is None else rewrite(head.path)
    if head.query is None:
        return b"%b %b HTTP/1.1" % (head.method, path)
    return b"%b %b?%b HTTP/1.1" % (head.method, path, head.query)


def shadow_head(head: bytes, policy: Mirror, own_address: bytes) -> bytes:
    """Return a written head as shadow traffic: with a Host of its own, and from here, as Envoy's own requests are."""
    start, *lines = _with_host(head[: -len(BLANK_LINE)], policy).split(b"\r\n")
    fields = [(name, value) for name, _, value in (each.partition(b": ") for each in lines)]
    fields = with_value(fields, b"x-forwarded-for", own_address)
    return head_bytes(start, replacing(fields, [(b"x-envoy-internal", b"true")]))


def _with_host(head: bytes, policy: Mirror) -> bytes:
    """Return a written head with the Host of shadow traffic: `-shadow` behind the name, or the policy's own."""
    if not policy.append_suffix and not policy.host:
        return head
    before, _, rest = head.partition(b"\r\nhost: ")
    host, _, after = rest.partition(b"\r\n")
    name, colon, port = host.partition(b":")
    shadow = policy.host.encode() or name + b"-shadow" + colon + port
    return b"%b\r\nhost: %b\r\n%b" % (before, shadow, after)


def plain_response_parts(response: Response, plan: Plan) -> Parts | None:
    """Return what `response_parts` does for the usual answer, to which nothing is added; None for any other."""
    headers = response.headers
    if b"date" not in headers or headers.get(b"connection") not in _NAMES_NO_FIELD:
        return None
    lines = b"\r\n".join([b": ".join(field) for field in response.fields if field[0] not in NOT_RETURNED])
    return b"%b\r\n%b\r\n%b" % (status_line(response.status), lines, plan.rules.answer_tail), BLANK_LINE


def response_parts(response: Response, plan: Plan, date: bytes, additions: Additions) -> Parts:
    """Return the head for the client, around the milliseconds the upstream took (not told where suppressed)."""
    headers = response.headers
    options = plan.rules.options
    dropped = HOP_BY_HOP if options.suppress_envoy_headers else HOP_BY_HOP | {SERVICE_TIME}
    fields = forwardable(response.fields, _naming(headers), dropped)
    fields = [*replacing(fields, additions.replaced), *additions.added]
    if additions.timed and not options.suppress_envoy_headers:
        fields.append((SERVICE_TIME, _CHANGING))
    if plan.rules.response_steps:
        fields = mutate(fields, plan.rules.response_steps, additions.record, _shower(additions.record))
    fields = finished(replacing(fields, additions.last), date, options.server_name.encode())
    if additions.chunked:
        fields.append((b"transfer-encoding", b"chunked"))
    if additions.close:
        fields.append((b"connection", b"close"))
    elif additions.older:
        fields.append((b"connection", b"keep-alive"))
    return _around_change(head_bytes(status_line(response.status, older=additions.older), fields))


def replacing(fields: Fields, given: Fields) -> Fields:
    """Return the fields with those given in place of all of their names."""
    names = {name for name, _ in given}
    return [*(field for field in fields if field[0] not in names), *given] if given else fields


def local_reply(
    status: int,
    fields: Fields,
    body: bytes,
    steps: tuple[Step, ...],
    additions: Additions | None,
    date: bytes,
    *,
    close: bool,
    head_only: bool,
    server: bytes,
    older: bool,
) -> bytes:
    """Return an answer made without an upstream, with what the route adds to responses.

    What describes the body comes last, as with Envoy: a route may name another type, but not remove it.
    """
    if additions is not None:
        fields = [*fields, *additions.replaced, *additions.added]
        if steps:
            fields = mutate(fields, steps, additions.record, _shower(additions.record))
        fields = replacing(fields, additions.last)
    typed = any(name == b"content-type" for name, _ in fields)
    described = [field for field in local_fields(body) if not (typed and field[0] == b"content-type")]
    fields = [*described, *(field for field in fields if field[0] != b"content-length")]
    return reply_bytes(status, fields, body, date, close=close, head_only=head_only, server=server, older=older)


def _shower(known: Record | None) -> Callable[[Record, Fields], None] | None:
    return None if known is None else show_response


def _naming(headers: dict[bytes, bytes]) -> bytes | None:
    connection = headers.get(b"connection")
    return None if connection in _NAMES_NO_FIELD else connection

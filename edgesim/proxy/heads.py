"""The heads edgesim writes: requests towards the upstream, answers towards the client."""

from __future__ import annotations

from edgesim.http1.fields import NOT_FORWARDED, NOT_RETURNED, Fields, forwardable, head_bytes
from edgesim.http1.mutations import mutate
from edgesim.http1.replies import local_fields, reply_bytes, status_line
from edgesim.model import Endpoint, RequestHead
from edgesim.proxy.messages import Parts, Request, Response
from edgesim.proxy.plan import Plan

BLANK_LINE = b"\r\n\r\n"
_ADDED = frozenset((b"x-request-id", b"x-forwarded-proto"))
REQUEST_ID = b"x-request-id"
SERVICE_TIME = b"x-envoy-upstream-service-time"
_NAMES_NO_FIELD = frozenset((None, b"keep-alive", b"Keep-Alive", b"close"))
"""Connection values that name no other field: the usual ones, known without parsing."""


def request_parts(request: Request, plan: Plan, endpoint: Endpoint, scheme: bytes) -> Parts:
    """Return the head for the upstream, around the request id; the second part is empty where there is one already.

    Raises BadFieldsError when `Connection` names a field that frames or addresses the message.
    """
    head = request.head
    headers = head.headers
    fields = request.fields
    if not NOT_FORWARDED.isdisjoint(headers):
        fields = forwardable(fields, _naming(headers), NOT_FORWARDED)
    if plan.plain and request.bodiless and _ADDED.isdisjoint(headers):
        lines = b"\r\n".join(map(b": ".join, fields))
        front = b"%b\r\n%b%b\r\nx-forwarded-proto: %b\r\nx-request-id: "
        return front % (_request_line(head, plan), lines, plan.tail, scheme), BLANK_LINE
    if plan.rewrites:
        fields = plan.rewritten(head, fields, endpoint)
    more: Fields = list(plan.request_fields)
    if b"x-forwarded-proto" not in headers:
        more.append((b"x-forwarded-proto", scheme))
    if request.chunked:
        more.append((b"transfer-encoding", b"chunked"))
    fields = [*fields, *more] if not plan.request_steps else mutate([*fields, *more], plan.request_steps)
    line = _request_line(head, plan)
    if REQUEST_ID in headers:
        return head_bytes(line, fields), b""
    return head_bytes(line, fields)[:-2] + REQUEST_ID + b": ", BLANK_LINE


def _request_line(head: RequestHead, plan: Plan) -> bytes:
    rewrite = plan.decision.rewrite
    path = head.path if rewrite is None else rewrite(head.path)
    if head.query is None:
        return b"%b %b HTTP/1.1" % (head.method, path)
    return b"%b %b?%b HTTP/1.1" % (head.method, path, head.query)


def response_parts(response: Response, plan: Plan, date: bytes, *, chunked: bool, close: bool) -> Parts:
    """Return the head for the client, around the milliseconds the upstream took."""
    headers = response.headers
    fields = forwardable(response.fields, _naming(headers), NOT_RETURNED)
    if not plan.response_steps and not chunked and not close and b"date" in headers:
        lines = b"\r\n".join(map(b": ".join, fields))
        front = b"%b\r\n%b\r\nserver: envoy\r\nx-envoy-upstream-service-time: "
        return front % (status_line(response.status), lines), BLANK_LINE
    if plan.response_steps:
        fields = mutate(fields, plan.response_steps)
    fields.append((b"server", b"envoy"))
    if b"date" not in headers:
        fields.append((b"date", date))
    if chunked:
        fields.append((b"transfer-encoding", b"chunked"))
    if close:
        fields.append((b"connection", b"close"))
    return head_bytes(status_line(response.status), fields)[:-2] + SERVICE_TIME + b": ", BLANK_LINE


def local_reply(
    status: int, fields: Fields, body: bytes, plan: Plan | None, date: bytes, *, close: bool, head_only: bool
) -> bytes:
    """Return an answer made without an upstream, with what the route adds to responses."""
    described = [*local_fields(body), *fields]
    if plan is not None and plan.response_steps:
        described = mutate(described, plan.response_steps)
    return reply_bytes(status, described, body, date, close=close, head_only=head_only)


def _naming(headers: dict[bytes, bytes]) -> bytes | None:
    connection = headers.get(b"connection")
    return None if connection in _NAMES_NO_FIELD else connection

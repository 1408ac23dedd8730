"""Log lines of requests that came before: all that such a request, its route and its endpoint say is written once.

What is kept is a template with a hole for each value that differs every time; it lives with the remembered request.
A format that asks for anything else is not for here: its lines are made from records.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import repeat
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from edgesim.policies.formatter import Command, Formatter, Lines
from edgesim.policies.getters import Getter
from edgesim.proxy.exchange_record import record_at_end

if TYPE_CHECKING:
    from edgesim.proxy.exchange_state import ExchangeState
    from edgesim.proxy.messages import LogKey

_read_key: Callable[[Any], LogKey] = attrgetter(
    "decision", "pool", "status", "flags", "details", "attempts", "body_size"
)
_read_lines: Callable[[Any], dict[LogKey, bytes]] = attrgetter("request.lines")
_MOST_LINES = 64
"""So many templates are kept with a request: more than endpoints and ways to end, mostly."""

_SAID_BY_KEY = frozenset((
    "ACCESS_LOG_TYPE", "BYTES_RECEIVED", "ENVIRONMENT", "HOSTNAME", "PATH", "PROTOCOL", "QUERY_PARAM", "QUERY_PARAMS",
    "REQ", "RESPONSE_CODE", "RESPONSE_CODE_DETAILS", "RESPONSE_FLAGS", "RESPONSE_FLAGS_LONG", "ROUTE_NAME",
    "UPSTREAM_CLUSTER", "UPSTREAM_CLUSTER_RAW", "UPSTREAM_HOST", "UPSTREAM_PROTOCOL", "UPSTREAM_REMOTE_ADDRESS",
    "UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT", "UPSTREAM_REMOTE_PORT", "UPSTREAM_REQUEST_ATTEMPT_COUNT",
))  # fmt: skip
"""Operators that are told by the request and what is in a key."""
_HOLES: dict[tuple[str, str], Getter] = {
    ("BYTES_SENT", ""): attrgetter("answer_size"),
    ("DURATION", ""): attrgetter("duration"),
    ("REQ", "x-request-id"): attrgetter("request_id"),
    ("STREAM_ID", ""): attrgetter("request_id"),
    ("RESP", "x-envoy-upstream-service-time"): attrgetter("service_time"),
}
"""Operators whose values differ every time, read from the exchange itself."""


def is_repeated(exchange: ExchangeState) -> bool:
    """Tell whether a line is the same as an earlier one but for what differs every time."""
    request, plan = exchange.request, exchange.plan
    return (
        request.parts is not None
        and request.usual
        and exchange.pool is not None
        and plan is not None
        and plan.rules.plain
    )


class RepeatedLines:
    """Writes the lines of a format for requests that came before."""

    def __init__(self, lines: Lines, holes: dict[int, Getter]) -> None:
        """Take the format, and by their places the values that differ every time."""
        self._lines = lines
        self._holes = holes

    def batch(self, exchanges: Sequence[ExchangeState]) -> list[bytes]:
        """Write a line for each exchange."""
        templates = self._templates(exchanges)
        columns = [self._lines.column(get, exchanges) for get in self._holes.values()]
        if not columns:
            return [template % () for template in templates]
        return list(map(bytes.__mod__, templates, zip(*columns, strict=True)))

    def _templates(self, exchanges: Sequence[ExchangeState]) -> list[bytes]:
        keys = list(map(_read_key, exchanges))
        kept = list(map(dict.get, map(_read_lines, exchanges), keys, repeat(b"")))
        if b"" not in kept:
            return kept
        missed = zip(kept, exchanges, keys, strict=True)
        return [found or self._template(exchange, key) for found, exchange, key in missed]

    def _template(self, exchange: ExchangeState, key: LogKey) -> bytes:
        """Write all that is known of such a request, and keep it with it."""
        request = exchange.request
        if not request.lines or len(request.lines) >= _MOST_LINES:
            request.lines = {}
        made = request.lines[key] = self._lines.template(record_at_end(exchange), self._holes)
        return made


def repeated_lines(form: Formatter) -> RepeatedLines | None:
    """Return what writes a format's lines of repeated requests, None where they hold what only a record knows."""
    if not isinstance(form, Lines) or not form.commands:
        return None
    holes: dict[int, Getter] = {}
    for place, (command, piece) in enumerate(zip(form.commands, form.pieces, strict=True)):
        hole = _hole(command, piece)
        if hole is not None:
            holes[place] = hole
        elif command.name not in _SAID_BY_KEY or "x-request-id" in command.parameters.lower():
            return None
    return RepeatedLines(form, holes)


def _hole(command: Command, piece: Getter) -> Getter | None:
    if command.length is not None:
        return None
    if command.name in {"START_TIME", "START_TIME_LOCAL"}:
        return piece  # it reads `start`, which an exchange that ended has as a record has it
    return _HOLES.get((command.name, command.parameters.lower()))

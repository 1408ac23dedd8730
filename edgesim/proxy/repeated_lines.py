"""Log lines of requests that came before: all that such a request, its route and its endpoint say is written once.

What is kept is a template with a hole for each value that differs every time; it lives with the remembered request.
A format that asks for anything else is not for here: its lines are made from records.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import repeat
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from edgesim.policies.formatter import Formatter
from edgesim.policies.getters import Derived, Getter, Value
from edgesim.policies.log_lines import TEXTS, Command, Lines, Part, column
from edgesim.proxy.exchange_record import record_at_end

if TYPE_CHECKING:
    from edgesim.proxy.exchange_state import ExchangeState
    from edgesim.proxy.messages import LogKey

_read_key: Callable[[Any], LogKey] = attrgetter("decision", "pool", "status", "flags", "details", "attempts")
_read_lines: Callable[[Any], dict[LogKey, bytes]] = attrgetter("request.lines")
_MOST_LINES = 64
"""So many templates are kept with a request: more than endpoints and ways to end, mostly."""

_TIMES = frozenset(("START_TIME", "START_TIME_LOCAL", "EMIT_TIME", "EMIT_TIME_LOCAL"))
_CLIENT = {"REMOTE": "downstream.peer", "DIRECT_REMOTE": "downstream.peer", "LOCAL": "downstream.local"}
"""Whose address it is by the operator's name; a request without `x-forwarded-for` comes from the connection's peer."""
_ADDRESSES = {
    f"DOWNSTREAM_{whose}_{what}": where
    for whose, where in _CLIENT.items()
    for what in ("ADDRESS", "ADDRESS_WITHOUT_PORT", "PORT")
}


def _number(value: int | None) -> Value:
    return None if value is None else b"%d" % value


_REQUEST_ID: Getter = attrgetter("request_id")
_HOLES: dict[tuple[str, str], Getter] = {
    ("BYTES_SENT", ""): attrgetter("answer_size"),
    ("DURATION", ""): attrgetter("duration"),
    ("REQ", "x-request-id"): _REQUEST_ID,
    ("STREAM_ID", ""): _REQUEST_ID,
    ("RESP", "x-envoy-upstream-service-time"): Derived("service_time", _number),
}
"""Operators whose values differ every time, read from the exchange itself."""


def is_repeated(exchange: ExchangeState) -> bool:
    """Tell whether a line is the same as an earlier one but for what differs every time."""
    request, plan = exchange.request, exchange.plan
    return (
        request.parts is not None
        and request.usual
        and exchange.pool is not None
        and exchange.answered is not None
        and plan is not None
        and plan.rules.plain
    )


class RepeatedLines:
    """Writes the lines of a format for requests that came before."""

    def __init__(self, lines: Lines, holes: dict[int, dict[int, Getter]]) -> None:
        """Take the format, and by part and command the values that differ every time."""
        self._lines = lines
        self._holes = holes
        self._columns = [
            (get, lines.texts if lines.parts[place].is_one else TEXTS)
            for place, found in holes.items()
            for get in found.values()
        ]

    def templates(self, exchanges: Sequence[ExchangeState]) -> list[bytes]:
        """Return what is written once of each exchange; nothing of one whose line is to be made from its record."""
        keys = list(map(_read_key, exchanges))
        kept = list(map(dict.get, map(_read_lines, exchanges), keys, repeat(b"")))
        if b"" not in kept:
            return kept
        missed = zip(kept, exchanges, keys, strict=True)
        return [found or self._template(exchange, key) for found, exchange, key in missed]

    def fill(self, templates: Sequence[bytes], exchanges: Sequence[ExchangeState]) -> list[bytes]:
        """Write a line for each exchange."""
        columns = [column(get, texts, exchanges) for get, texts in self._columns]
        if not columns:
            return [template % () for template in templates]
        return list(map(bytes.__mod__, templates, zip(*columns, strict=True)))

    def _template(self, exchange: ExchangeState, key: LogKey) -> bytes:
        """Write all that is known of such a request, and keep it with it."""
        if not is_repeated(exchange):
            return b""
        request = exchange.request
        if not request.lines or len(request.lines) >= _MOST_LINES:
            request.lines = {}
        made = request.lines[key] = self._lines.template(record_at_end(exchange), self._holes)
        return made


def repeated_lines(form: Formatter) -> RepeatedLines | None:
    """Return what writes a format's lines of repeated requests, None where they hold what only a record knows."""
    if not isinstance(form, Lines) or not form.parts:
        return None
    holes: dict[int, dict[int, Getter]] = {}
    for place, part in enumerate(form.parts):
        found = _holes(part)
        if found is None:
            return None
        if found:
            holes[place] = found
    return RepeatedLines(form, holes)


def _holes(part: Part) -> dict[int, Getter] | None:
    """Return the values of a part that differ every time; None where one is not known here."""
    holes: dict[int, Getter] = {}
    for place, command in enumerate(part.commands):
        hole = _hole(command)
        if hole is not None:
            holes[place] = hole
        elif not _is_said_by_key(command):
            return None
    return holes


def _hole(command: Command) -> Getter | None:
    if command.length is not None:
        return None
    if command.name in _TIMES:
        return command.get  # an exchange that ended has its times as a record has them
    if command.name in _ADDRESSES:
        read = _ADDRESSES[command.name]
        return Derived(read, command.get.convert) if isinstance(command.get, Derived) else attrgetter(read)
    return _HOLES.get((command.name, command.parameters.lower()))


def _is_said_by_key(command: Command) -> bool:
    """Tell whether a value is that of the request and what is in a key, or is not known of any answer."""
    name, asked = command.name, command.parameters.lower()
    if name == "RESP":
        return asked == ":status"
    differs = name in {"BYTES_SENT", "DURATION", "STREAM_ID"} or (name == "REQ" and "x-request-id" in asked)
    return not differs and name not in _TIMES and name not in _ADDRESSES

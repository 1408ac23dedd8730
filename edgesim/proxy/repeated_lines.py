"""Log lines of requests that came before: all that such a request, its route and its endpoint say is written once.

What is kept is a template with a hole for each value that differs every time; it lives with the remembered request.
The line of any other request, and where a format asks for anything else, is made from its record. Either is done at its
end, so that an exchange is let go of while its memory is still in the processor's cache: keeping a hundred of them for
cheaper columns cost more than that gained.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import repeat
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from edgesim.policies.log_lines import TEXTS, Command, Lines, Texts, escaped
from edgesim.proxy.answers import fields_at_end, is_fixed
from edgesim.proxy.exchange_record import record_at_end
from edgesim.proxy.log_holes import Hole, asks_answer, hole_of, hole_of_new, is_said_by_key, is_said_by_new_key

if TYPE_CHECKING:
    from edgesim.proxy.exchange import Exchange
    from edgesim.proxy.messages import LogKey, Request

_KEY = ("decision", "pool", "status", "flags", "details", "attempts")
_ANSWER_KEY = (*_KEY, "answered", "downstream.listener.draining")
"""Where a format asks for headers of the answer: heads of answers that come again are the same object."""
_MOST_LINES = 64
"""So many templates are kept with a request: more than endpoints and ways to end, mostly."""
_MOST_ANSWERS = 8
"""Likewise where each belongs to an answer, which it keeps alive."""
_Holes = dict[int, dict[int, Hole]]
_Convert = Callable[[Iterable[Any]], list[bytes]]


def is_usual(exchange: Exchange) -> bool:
    """Tell whether a line says nothing of its request but what the client sent, and of its answer what an upstream did."""
    plan = exchange.plan
    return (
        exchange.request.usual
        and exchange.pool is not None
        and exchange.answered is not None
        and plan is not None
        and plan.rules.plain
        and not exchange.older
    )


def _is_new(request: Request) -> bool:
    return request.parts is None and request.head.repeated is None


class _Filling:
    """What of exchanges that ended is filled into their templates, batch by batch."""

    def __init__(self, lines: Lines, holes: _Holes) -> None:
        """Take the format, and the values that differ every time."""
        self._converts = [
            _convert(hole, lines.texts if lines.parts[place].is_one else TEXTS)
            for place, found in holes.items()
            for hole in found.values()
        ]
        slots = [hole.slot for found in holes.values() for hole in found.values()]
        # One name alone would be read without a tuple around it, and none is no name.
        self.read: Callable[[Any], tuple[Any, ...]] = attrgetter(*slots, *("status", "status")[len(slots) :])
        self.nothing = b"%.0b" * len(slots)
        """Stands behind a line that is whole already."""

    def lines(self, templates: Sequence[bytes], read: Sequence[tuple[Any, ...]]) -> list[bytes]:
        """Return the lines."""
        if not read:
            return []
        found = zip(self._converts, zip(*read, strict=True), strict=False)
        columns = [convert(values) for convert, values in found]
        return list(map(bytes.__mod__, templates, zip(*columns, strict=True) if columns else repeat(())))


class RepeatedLines:
    """Writes the lines of a format: of each exchange a template at its end, and what fills it in batch by batch."""

    def __init__(self, lines: Lines) -> None:
        """Take the format."""
        commands = [command for part in lines.parts for command in part.commands]
        self._lines = lines
        self.keeps = all(hole_of(each) is not None or is_said_by_key(each) for each in commands)
        """Whether there are no other values that differ every time than those known here."""
        self.shares = self.keeps and all(hole_of_new(each) is not None or is_said_by_new_key(each) for each in commands)
        """Whether there are no other values of a request but those known here."""
        self._holes = _holes(lines, hole_of) if self.keeps else {}
        self._new_holes = _holes(lines, hole_of_new) if self.shares else {}
        self._known, self._new = _Filling(lines, self._holes), _Filling(lines, self._new_holes)
        self._read = self._known.read
        self._templates: list[bytes] = []
        self._values: list[tuple[Any, ...]] = []
        self._new_templates: list[bytes] = []
        self._new_values: list[tuple[Any, ...]] = []
        self._before: list[int] = []  # how many others came before each new one
        self._shared: dict[LogKey, bytes] = {}
        self._asks_answer = any(map(asks_answer, commands))
        self._most = _MOST_ANSWERS if self._asks_answer else _MOST_LINES
        self._key: Callable[[Any], LogKey] = attrgetter(*(_ANSWER_KEY if self._asks_answer else _KEY))

    def add(self, exchange: Exchange) -> int:
        """Take an exchange that ended; return how many of its kind there are now."""
        key = self._key(exchange)
        template = exchange.request.lines.get(key)
        if template is None:
            if self.shares and _is_new(exchange.request) and is_usual(exchange):
                return self._add_new(exchange, key)
            template = self._make(exchange, key)
        self._templates.append(template)
        self._values.append(self._read(exchange))
        return len(self._values)

    def _add_new(self, exchange: Exchange, key: LogKey) -> int:
        self._before.append(len(self._values))
        self._new_templates.append(self._template(exchange, key))
        self._new_values.append(self._new.read(exchange))
        return len(self._new_values)

    def take(self) -> list[bytes]:
        """Return the lines of all that were taken, in order, and begin anew."""
        lines = self._known.lines(self._templates, self._values)
        new = self._new.lines(self._new_templates, self._new_values)
        if lines and new:
            for passed, (before, line) in enumerate(zip(self._before, new, strict=True)):
                lines.insert(before + passed, line)
        for each in (self._templates, self._values, self._new_templates, self._new_values, self._before):
            each.clear()
        return lines or new

    def forget(self) -> None:
        """Let go of routes and endpoints: they may be gone."""
        self._shared = {}

    def _template(self, exchange: Exchange, key: LogKey) -> bytes:
        """Return what lines of new requests have in common that went the same way."""
        where = (exchange.downstream.listener, *key)
        made = self._shared.get(where)
        if made is None:
            made = self._shared[where] = self._lines.template(record_at_end(exchange), self._new_holes)
        return made

    def _make(self, exchange: Exchange, key: LogKey) -> bytes:
        record = record_at_end(exchange)
        if self._asks_answer:
            record.response = fields_at_end(exchange)
        if not self.keeps or not self._comes_again(exchange):
            return escaped(self._lines(record)) + self._known.nothing
        request = exchange.request
        if not request.lines or len(request.lines) >= self._most:
            request.lines = {}
        made = request.lines[key] = self._lines.template(record, self._holes)
        return made

    def _comes_again(self, exchange: Exchange) -> bool:
        """Tell whether another line may be the same but for what differs every time."""
        plan, answered = exchange.plan, exchange.answered
        if exchange.request.parts is None or plan is None or answered is None or not is_usual(exchange):
            return False
        return not self._asks_answer or (answered.parts is not None and is_fixed(exchange, plan))


def _convert(hole: Hole, texts: Texts) -> _Convert:
    return lambda found: texts.many(hole.values(found))


def _holes(lines: Lines, find: Callable[[Command], Hole | None]) -> _Holes:
    """Return the values that differ every time, by part and command."""
    by_part = ({n: hole for n, each in enumerate(part.commands) if (hole := find(each))} for part in lines.parts)
    return {place: found for place, found in enumerate(by_part) if found}

"""Log lines of requests that came before: all that such a request, its route and its endpoint say is written once.

What is kept is a template with a hole for each value that differs every time; it lives with the remembered request.
New requests share templates with more holes. The line of any other request, and where a format asks for anything else,
is made from its record. Either is done at its end, so that an exchange is let go of while its memory is still in the
processor's cache; but the holes of many lines are filled in together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from edgesim.policies.log_lines import PIECES, Command, Lines, Part, escaped
from edgesim.proxy.answers import fields_at_end, is_fixed
from edgesim.proxy.exchange_record import record_at_end
from edgesim.proxy.log_holes import (
    Fill,
    Hole,
    asks_answer,
    compile_fill,
    hole_of,
    hole_of_new,
    is_said_by_key,
    is_said_by_new_key,
)

if TYPE_CHECKING:
    from edgesim.proxy.exchange import Exchange
    from edgesim.proxy.messages import LogKey

TOGETHER = 64
"""So many lines are put together at once: enough to make each cheap, few enough for the values to be in the cache still."""
_MOST_LINES = 64
"""So many templates are kept with a request: more than endpoints and ways to end, mostly."""
_MOST_ANSWERS = 8
"""Likewise where each belongs to an answer, which it keeps alive."""
_Find = Callable[[Part, Command], Hole | None]
Add = Callable[["Exchange", float, int], None]
"""Takes an exchange that ended: when it began, in unix seconds, and how many microseconds it took."""


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


class _Filling(NamedTuple):
    """The holes of a format's templates, by part and command, and what fills them in."""

    holes: Mapping[int, Mapping[int, Hole]]
    fill: Fill


class RepeatedLines:
    """Writes the lines of a format: of each exchange a template and what fills it in at its end, and many together."""

    __slots__ = (
        "_asks_answer",
        "_full",
        "_known",
        "_lines",
        "_most",
        "_new",
        "_shared",
        "_templates",
        "_values",
        "keeps",
        "shares",
    )

    def __init__(self, lines: Lines, full: Callable[[], object]) -> None:
        """Take the format, and what is called whenever enough lines wait to be taken."""
        commands = [(part, command) for part in lines.parts for command in part.commands]
        self._lines = lines
        self._full = full
        self.keeps = all(hole_of(each) is not None or is_said_by_key(each) for _, each in commands)
        """Whether there are no other values that differ every time than those known here."""
        shared = (_of_new(part, each) is not None or is_said_by_new_key(each) for part, each in commands)
        self.shares = self.keeps and all(shared)
        """Whether there are no other values of a request but those known here."""
        self._known = _filling(lines, _of_known if self.keeps else _nothing)
        self._new = _filling(lines, _of_new if self.shares else _nothing)
        self._templates: list[bytes] = []
        self._values: list[bytes] = []
        self._shared: dict[LogKey, bytes] = {}
        self._asks_answer = any(asks_answer(each) for _, each in commands)
        self._most = _MOST_ANSWERS if self._asks_answer else _MOST_LINES

    def __len__(self) -> int:
        """Return how many lines wait to be taken."""
        return len(self._templates)

    def adds(self) -> Add:
        """Return what takes an exchange that ended; it runs for every request, and holds all it needs."""
        templates, values, fill = self._templates, self._values, self._known.fill
        asks_answer, add_unknown, full = self._asks_answer, self._add_unknown, self._full

        def add(exchange: Exchange, start: float, micros: int) -> None:
            key: LogKey = (
                exchange.decision,
                exchange.pool,
                exchange.status,
                exchange.flags,
                exchange.details,
                exchange.attempts,
            )
            if asks_answer:  # heads of answers that come again are the same object
                key += (exchange.answered, exchange.downstream.listener.draining)
            template = exchange.request.lines.get(key)
            if template is None:
                add_unknown(exchange, key, start, micros)
            else:
                templates.append(template)
                values.extend(fill(exchange, None, None, start, micros))
            if len(templates) >= TOGETHER:
                full()

        return add

    def _add_unknown(self, exchange: Exchange, key: LogKey, start: float, micros: int) -> None:
        """Share a template where the request, or what a format asks of its answer, did not come before."""
        request, answered = exchange.request, exchange.answered
        is_new = request.parts is None or (self._asks_answer and answered is not None and answered.parts is None)
        if is_new and self.shares and request.head.repeated is None and is_usual(exchange):
            self._add_new(exchange, key, start, micros)
        else:
            self._add_other(exchange, key, start, micros)

    def add_line(self, line: bytes) -> None:
        """Take a line that is written already."""
        self._templates.append(escaped(line))
        if len(self._templates) >= TOGETHER:
            self._full()

    def take(self) -> bytes:
        """Return the lines of all that were taken, in order, and begin anew."""
        written = b"".join(self._templates) % tuple(self._values)
        self._templates.clear()
        self._values.clear()
        return written

    def forget(self) -> None:
        """Let go of routes and endpoints: they may be gone."""
        self._shared = {}

    def _add_new(self, exchange: Exchange, key: LogKey, start: float, micros: int) -> None:
        """Fill in what lines of new requests have in common that went the same way."""
        where = (exchange.downstream.listener, key[:6])
        template = self._shared.get(where)
        if template is None:
            record = record_at_end(exchange, start, micros)
            template = self._shared[where] = self._lines.template(record, self._new.holes)
        answer = fields_at_end(exchange) if self._asks_answer else None
        self._templates.append(template)
        self._values += self._new.fill(exchange, exchange.request.head, answer, start, micros)

    def _add_other(self, exchange: Exchange, key: LogKey, start: float, micros: int) -> None:
        """Write a line in full, or a template that other exchanges may use."""
        record = record_at_end(exchange, start, micros)
        if self._asks_answer:
            record.response = fields_at_end(exchange)
        if not self.keeps or not self._comes_again(exchange):
            self._templates.append(escaped(self._lines(record)))
            return
        request = exchange.request
        if not request.lines or len(request.lines) >= self._most:
            request.lines = {}
        request.lines[key] = template = self._lines.template(record, self._known.holes)
        self._templates.append(template)
        self._values += self._known.fill(exchange, None, None, start, micros)

    def _comes_again(self, exchange: Exchange) -> bool:
        """Tell whether another line may be the same but for what differs every time."""
        plan, answered = exchange.plan, exchange.answered
        if exchange.request.parts is None or plan is None or answered is None or not is_usual(exchange):
            return False
        return not self._asks_answer or (answered.parts is not None and is_fixed(exchange, plan))


def _of_known(_part: Part, command: Command) -> Hole | None:
    return hole_of(command)


def _of_new(part: Part, command: Command) -> Hole | None:
    """The pieces of one text of JSON are read together, so that none of what a client sent can be filled in."""
    return hole_of_new(command) if part.is_one else hole_of(command)


def _nothing(_part: Part, _command: Command) -> None:
    """Keep no template."""


def _filling(lines: Lines, find: _Find) -> _Filling:
    by_part = ({n: hole for n, each in enumerate(part.commands) if (hole := find(part, each))} for part in lines.parts)
    holes = {place: found for place, found in enumerate(by_part) if found}
    texts = {place: lines.texts if lines.parts[place].is_one else PIECES for place in holes}
    return _Filling(holes, compile_fill((hole, texts[place]) for place in holes for hole in holes[place].values()))

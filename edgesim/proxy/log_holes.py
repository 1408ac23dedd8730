"""Values of a log line that differ every time, and where an exchange tells them: the holes of a template.

A request that came before tells the rest as it did then. A new one has its own method, path and headers as well.

What fills the holes of a format is one expression, made of theirs: it runs for every request, and calls between
its parts would cost more than they do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from edgesim.policies.getters import Derived, Value
from edgesim.policies.log_lines import Command, Texts
from edgesim.policies.times import TimeFormat

_MOST_TEXTS = 4096
"""So many are kept as are long enough under way together."""
_MOMENTS = {
    "START_TIME": "start",
    "START_TIME_LOCAL": "start",
    "EMIT_TIME": "start + micros / 1e6",
    "EMIT_TIME_LOCAL": "start + micros / 1e6",
}
_CLIENT = {"REMOTE": "peer", "DIRECT_REMOTE": "peer", "LOCAL": "local"}
"""Whose address it is by the operator's name; a request without `x-forwarded-for` comes from the connection's peer."""
_ADDRESSES = {
    f"DOWNSTREAM_{whose}_{what}": f"exchange.downstream.{where}"
    for whose, where in _CLIENT.items()
    for what in ("ADDRESS", "ADDRESS_WITHOUT_PORT", "PORT")
}


class Hole(NamedTuple):
    """Where a value is told that differs every time.

    `code` is an expression of `exchange`, its request's `head`, `answer` (`fields_at_end`), `start` (unix seconds) and
    `micros` (its duration), and of `given`. It is the value, bytes or None; with `convert` what that makes it of, which
    comes again and again.
    """

    code: str
    convert: Callable[[Any], Value] | None = None
    given: object = None


def _as_it_is(value: Value) -> Value:
    return value


def _as_header(value: int | None) -> Value:
    return None if value is None else b"%d" % value


_ID = Hole("exchange.request_id")
_HOLES: dict[tuple[str, str], Hole] = {
    ("BYTES_SENT", ""): Hole("exchange.answer_size", _as_it_is),
    ("DURATION", ""): Hole("micros // 1000", _as_it_is),
    ("RESP", "x-envoy-upstream-service-time"): Hole("exchange.service_time", _as_header),
    ("REQ", "x-request-id"): _ID,
    ("STREAM_ID", ""): _ID,
}
"""Operators whose values differ every time, and what of the exchange they tell."""


def hole_of(command: Command) -> Hole | None:
    """Return what an exchange tells of a command's value, None for what differs by request and key only."""
    if command.length is not None:
        return None
    if command.name in _MOMENTS:
        return _time(command)
    if command.name in _ADDRESSES:
        return Hole(_ADDRESSES[command.name], command.get.convert if isinstance(command.get, Derived) else None)
    return _HOLES.get((command.name, command.parameters.lower()))


def _time(command: Command) -> Hole | None:
    """An exchange that ended has its times as a record has them; inside a text of JSON what is filled in must be ASCII."""
    form = command.get.convert if isinstance(command.get, Derived) else None
    if not isinstance(form, TimeFormat) or not command.parameters.isascii():
        return None
    return Hole(f"int(({_MOMENTS[command.name]}) * {form.per_second:d})", form.step)


def asks_answer(command: Command) -> bool:
    """Tell whether a value is a header of the answer that only its head tells."""
    return command.name == "RESP" and hole_of(command) is None and command.parameters.lower() != ":status"


def is_said_by_key(command: Command) -> bool:
    """Tell whether a value is that of the request, the answer and what is in a key, or is never known."""
    name, asked = command.name, command.parameters.lower()
    differs = name in {"BYTES_SENT", "DURATION", "STREAM_ID"} or (name == "REQ" and "x-request-id" in asked)
    return not differs and name not in _MOMENTS and name not in _ADDRESSES


# --- of a request that did not come before -----------------------------------------------------------

_METHOD, _AUTHORITY = Hole("head.method"), Hole("head.authority")
_WITHOUT_QUERY = Hole("head.path")
_PATH = Hole('head.path if head.query is None else head.path + b"?" + head.query')
_READ = {":method": _METHOD, ":path": _PATH, ":authority": _AUTHORITY, "host": _AUTHORITY}
_PATHS = {
    **dict.fromkeys(("", "wq", "wq:path", "wq:orig_or_path"), _PATH),
    **dict.fromkeys(("nq", "nq:path", "nq:orig_or_path"), _WITHOUT_QUERY),
}
_ORIGINAL = "x-envoy-original-path"
_OF_LISTENER = frozenset((":scheme", "x-forwarded-proto", "x-forwarded-for", _ORIGINAL))
"""Headers that a usual request has from the listener, or not at all."""
_OF_REQUEST = frozenset(("REQ", "PATH", "QUERY_PARAM", "QUERY_PARAMS"))


def hole_of_new(command: Command) -> Hole | None:
    """Return what a usual request and its answer tell that no other did, None for what is common to others."""
    hole = hole_of(command)
    if hole is not None or command.length is not None:
        return hole
    asked = command.parameters.lower()
    if command.name == "RESP":
        return _answers_header(asked)
    return _header(asked) if command.name == "REQ" else _PATHS.get(asked) if command.name == "PATH" else None


def _header(asked: str) -> Hole | None:
    asked = asked.removeprefix(f"{_ORIGINAL}?")
    if "?" in asked or asked in _READ or asked in _OF_LISTENER:
        return _READ.get(asked)
    return Hole("head.headers.get({given})", given=asked.encode())


def _answers_header(asked: str) -> Hole | None:
    if "?" in asked or asked == ":status":
        return None
    return Hole("answer.get({given})", given=asked.encode())


def is_said_by_new_key(command: Command) -> bool:
    """Tell whether a value is what is in a key, and the listener's; or is not known of any answer."""
    if asks_answer(command):
        return False
    by_listener = command.name == "REQ" and command.parameters.lower() in _OF_LISTENER and command.length is None
    return by_listener or (command.name not in _OF_REQUEST and is_said_by_key(command))


# --- filling them in ---------------------------------------------------------------------------------

Fill = Callable[[Any, Any, Any, float, int], tuple[bytes, ...]]
"""From an exchange, its request's head, its answer's fields, its start and its duration to what is filled in."""


class _Written(dict[Any, bytes]):
    """What values made of something are written as, by that."""

    def __init__(self, convert: Callable[[Any], Value], texts: Texts) -> None:
        super().__init__()
        self._convert = convert
        self._write = texts.write

    def __missing__(self, found: Any) -> bytes:
        if len(self) >= _MOST_TEXTS:
            self.clear()
        self[found] = written = self._write(self._convert(found))
        return written


def compile_fill(holes: Iterable[tuple[Hole, Texts]]) -> Fill:
    """Return what tells how all of the holes are filled in, each value written as its texts are."""
    names: dict[str, Any] = {}
    codes = [_code(number, hole, texts, names) for number, (hole, texts) in enumerate(holes)]
    source = f"lambda exchange, head, answer, start, micros: ({''.join(f'{code}, ' for code in codes)})"
    fill: Fill = eval(source, names)  # noqa: S307  # made of the pieces above: nothing of a user's text is in it
    return fill


def _code(number: int, hole: Hole, texts: Texts, names: dict[str, Any]) -> str:
    """Return the expression of what is filled in, and add the names it uses."""
    given, write = f"given_{number}", f"write_{number}"
    names[given] = hole.given
    code = hole.code.format(given=given)
    if hole.convert is not None:
        names[write] = _Written(hole.convert, texts)
        return f"{write}[{code}]"
    if type(texts) is Texts:
        names[write] = texts.empty
        return f"({write} if (value := {code}) is None else value)"
    names[write] = texts.write
    return f"{write}({code})"

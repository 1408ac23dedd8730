"""Envoy's format strings, compiled once: for header values, and for the access log as text or JSON.

`%NAME(parameters):length%` is a command operator (operators.py), `%%` a percent sign. Anything else after
a percent sign is an error, as in Envoy (`50% off` is refused). Measured on Envoy 1.40: what is not known is
`-` in a log line and nothing in a header value or with `omit_empty_values`; a header whose value comes out
empty is not set; JSON keys are sorted, an operator alone keeps its type (a number, null), and with
`omit_empty_values` a null is left out. Bytes that are no UTF-8 are taken for Latin-1.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import msgspec

from edgesim.policies.getters import Getter, Process, Value
from edgesim.policies.operators import FIXED, OPERATORS, Operator, Parameters
from edgesim.policies.record import Record

DEFAULT_TEXT = (
    '[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% '
    "%RESPONSE_FLAGS% %BYTES_RECEIVED% %BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "
    '"%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%" "%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%"\n'
)
"""Envoy's own format, used when none is given."""

_COMMAND = re.compile(r"%([A-Z0-9_]+)(?:\((.*?)\))?(?::([0-9]+))?%", re.DOTALL)
_NOBODY = Process()
_REQUEST_ID = "x-request-id"

Formatter = Callable[[Record], bytes]


class FormatError(ValueError):
    """A format string that Envoy would refuse; `position` counts characters from 0, `hint` may be empty."""

    def __init__(self, message: str, position: int, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.position = position
        self.hint = hint


def compile_header(text: str, process: Process = _NOBODY) -> bytes | Formatter:
    """Return a header value as fixed bytes where it holds no operator, else a function from a record to them.

    What is not known is written as nothing; a value that comes out empty means: do not set the header.
    Raises FormatError.
    """
    literals, pieces = _parse(text, process)
    if not pieces:
        return literals[0]
    return _joined(literals, pieces, b"")


def compile_text(text: str = DEFAULT_TEXT, process: Process = _NOBODY, *, omit_empty: bool = False) -> Lines:
    """Return what writes log lines; the text brings its own line break. Raises FormatError."""
    return Lines(*_parse(text, process), b"" if omit_empty else b"-")


def compile_json(fields: Mapping[str, Any], process: Process = _NOBODY, *, omit_empty: bool = False) -> Formatter:
    """Return a function that writes a JSON object and a line break; values may be nested. Raises FormatError."""
    build = _json_object(fields, process, omit_empty=omit_empty)
    encode = msgspec.json.Encoder().encode
    return lambda record: encode(build(record)) + b"\n"


class Piece(NamedTuple):
    """What stands between two literals; `fixed` where it is the same for every request of the same bytes and route."""

    get: Getter
    fixed: bool


def _joined(literals: list[bytes], pieces: list[Piece], empty: bytes) -> Formatter:
    if not pieces:
        return lambda _record: literals[0]
    template = b"%b".join(_escaped(literal) for literal in literals)
    return _filling(template, [piece.get for piece in pieces], empty)


def _escaped(literal: bytes) -> bytes:
    return literal.replace(b"%", b"%%")


def _filling(template: bytes, getters: list[Getter], empty: bytes) -> Formatter:
    fill = _fill(getters, empty)
    return lambda record: fill(template, record)


def _fill(getters: list[Getter], empty: bytes) -> Callable[[bytes, Record], bytes]:
    values = tuple(getters)

    def fill(template: bytes, record: Record) -> bytes:
        return template % tuple(
            [
                value if isinstance(value := get(record), bytes) else empty if value is None else b"%d" % value
                for get in values
            ]
        )

    return fill


class Lines:
    """Writes log lines. What is the same for a request that comes again can be written once: `template`, then `fill`."""

    def __init__(self, literals: list[bytes], pieces: list[Piece], empty: bytes) -> None:
        """Take the parsed format, and what stands for what is not known."""
        self._literals, self._pieces, self._empty = literals, pieces, empty
        self._write = _joined(literals, pieces, empty)
        self.fill = _fill([piece.get for piece in pieces if not piece.fixed], empty)
        """Complete a template with what is a record's own."""

    def __call__(self, record: Record) -> bytes:
        """Write a line."""
        return self._write(record)

    def template(self, record: Record) -> bytes:
        """Return the line but for what differs from request to request."""
        written = [_escaped(self._literals[0])]
        for piece, literal in zip(self._pieces, self._literals[1:], strict=True):
            if piece.fixed:
                value = piece.get(record)
                known = value if isinstance(value, bytes) else self._empty if value is None else b"%d" % value
                written.append(_escaped(known))
            else:
                written.append(b"%b")
            written.append(_escaped(literal))
        return b"".join(written)


# --- parsing -----------------------------------------------------------------------------------------


def _parse(text: str, process: Process) -> tuple[list[bytes], list[Piece]]:
    """Return literals and the pieces between them: always one literal more."""
    literals = [""]
    pieces: list[Piece] = []
    position = 0
    while (percent := text.find("%", position)) >= 0:
        literals[-1] += text[position:percent]
        if text.startswith("%%", percent):
            literals[-1] += "%"
            position = percent + 2
            continue
        found = _COMMAND.match(text, percent)
        if found is None:
            raise FormatError("no command operator after this percent sign", percent, "write `%%` for a percent sign")
        pieces.append(Piece(_getter(found, process), _is_fixed(found)))
        literals.append("")
        position = found.end()
    literals[-1] += text[position:]
    return [literal.encode() for literal in literals], pieces


def _is_fixed(found: re.Match[str]) -> bool:
    return found[1] in FIXED and _REQUEST_ID not in (found[2] or "").lower()


def _getter(found: re.Match[str], process: Process) -> Getter:
    name, parameters, length = found.groups()
    operator = OPERATORS.get(name)
    if operator is None:
        near = difflib.get_close_matches(name[:100], OPERATORS, 1)
        raise FormatError(
            f"`{name}` is no command operator", found.start(), f"did you mean `{near[0]}`?" if near else ""
        )
    _check(operator, parameters, length, found.start())
    try:
        getter = operator.build(parameters or "", process)
    except ValueError as refused:
        raise FormatError(str(refused), found.start()) from None
    return getter if length is None else _cut(getter, int(length))


def _check(operator: Operator, parameters: str | None, length: str | None, position: int) -> None:
    if operator.parameters is Parameters.REQUIRED and not parameters:
        raise FormatError(f"{operator.name} requires parameters", position, f"write `%{operator.name}(...)%`")
    if operator.parameters is Parameters.NONE and (parameters is not None or length is not None):
        raise FormatError(f"{operator.name} does not take any parameters or length", position)
    if length is not None and not operator.length:
        raise FormatError(f"{operator.name} does not allow length to be specified", position)


def _cut(getter: Getter, length: int) -> Getter:
    def cut(record: Record) -> Value:
        value = getter(record)
        return value[:length] if isinstance(value, bytes) else value

    return cut


# --- JSON --------------------------------------------------------------------------------------------

Build = Callable[[Record], Any]


def _json_object(fields: Mapping[str, Any], process: Process, *, omit_empty: bool) -> Build:
    built = [(key, _json_value(fields[key], process, omit_empty=omit_empty)) for key in sorted(fields)]
    if omit_empty:
        return lambda record: {key: value for key, build in built if (value := build(record)) is not None}
    return lambda record: {key: build(record) for key, build in built}


def _json_list(items: list[Any], process: Process, *, omit_empty: bool) -> Build:
    built = [_json_value(item, process, omit_empty=omit_empty) for item in items]
    if omit_empty:
        return lambda record: [value for build in built if (value := build(record)) is not None]
    return lambda record: [build(record) for build in built]


def _json_value(value: Any, process: Process, *, omit_empty: bool) -> Build:
    if isinstance(value, Mapping):
        return _json_object(value, process, omit_empty=omit_empty)
    if isinstance(value, list):
        return _json_list(value, process, omit_empty=omit_empty)
    if isinstance(value, str):
        return _json_text(value, process, omit_empty=omit_empty)
    return lambda _record: value


def _json_text(text: str, process: Process, *, omit_empty: bool) -> Build:
    literals, pieces = _parse(text, process)
    if len(pieces) == 1 and literals == [b"", b""]:
        get = pieces[0].get
        return lambda record: _json_scalar(get(record))
    write = _joined(literals, pieces, b"" if omit_empty else b"-")
    return lambda record: _json_scalar(write(record))


def _json_scalar(value: Value) -> str | int | None:
    if not isinstance(value, bytes):
        return value
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")

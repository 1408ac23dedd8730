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
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple

import msgspec

from edgesim.policies.getters import Derived, Getter, Process, Value
from edgesim.policies.operators import OPERATORS, Operator, Parameters
from edgesim.policies.record import Record

DEFAULT_TEXT = (
    '[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% '
    "%RESPONSE_FLAGS% %BYTES_RECEIVED% %BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "
    '"%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%" "%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%"\n'
)
"""Envoy's own format, used when none is given."""

_COMMAND = re.compile(r"%([A-Z0-9_]+)(?:\((.*?)\))?(?::([0-9]+))?%", re.DOTALL)
_NOBODY = Process()
_MOST_TEXTS = 4096

Formatter = Callable[[Record], bytes]


class Command(NamedTuple):
    """A command operator as it was written: `%NAME(parameters):length%`."""

    name: str
    parameters: str
    length: str | None


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
    literals, pieces, _ = _parse(text, process)
    if not pieces:
        return literals[0]
    return _joined(literals, pieces, b"")


def compile_text(text: str = DEFAULT_TEXT, process: Process = _NOBODY, *, omit_empty: bool = False) -> Lines:
    """Return what writes log lines; the text brings its own line break. Raises FormatError."""
    literals, pieces, commands = _parse(text, process)
    return Lines(literals, pieces, b"" if omit_empty else b"-", commands)


def compile_json(fields: Mapping[str, Any], process: Process = _NOBODY, *, omit_empty: bool = False) -> Formatter:
    """Return a function that writes a JSON object and a line break; values may be nested. Raises FormatError."""
    if not omit_empty:
        return _json_lines(fields, process)
    build = _json_object(fields, process)
    return lambda record: _encode(build(record)) + b"\n"


def _joined(literals: list[bytes], pieces: list[Getter], empty: bytes) -> Formatter:
    template = b"%b".join(_escaped(literal) for literal in literals)
    getters = tuple(pieces)
    return lambda record: template % tuple([_text(get(record), empty) for get in getters])


def _escaped(literal: bytes) -> bytes:
    return literal.replace(b"%", b"%%")


def _text(value: Value, empty: bytes) -> bytes:
    return value if isinstance(value, bytes) else empty if value is None else b"%d" % value


class Lines:
    """Writes log lines: one, or a batch column by column, which costs far less a line."""

    def __init__(
        self, literals: list[bytes], pieces: list[Getter], empty: bytes, commands: Iterable[Command] = ()
    ) -> None:
        """Take the parsed format, what stands for what is not known, and the command behind each piece, where known."""
        self._literals = tuple(literals)
        self._template = b"%b".join(_escaped(literal) for literal in literals)
        self.pieces = tuple(pieces)
        self.commands = tuple(commands)
        self._empty = empty
        self._texts = _Texts(empty)

    def __call__(self, record: Record) -> bytes:
        """Write a line."""
        return self.batch([record])[0]

    def batch(self, records: Sequence[Record]) -> list[bytes]:
        """Write a line for each record."""
        if not self.pieces:
            return [self._template % ()] * len(records)
        columns = [self.column(get, records) for get in self.pieces]
        return list(map(self._template.__mod__, zip(*columns, strict=True)))

    def template(self, record: Record, holes: Container[int]) -> bytes:
        """Return a record's line as a template: the values in these places are to be filled in (`%b`)."""
        values = (
            b"%b" if place in holes else _escaped(_text(get(record), self._empty))
            for place, get in enumerate(self.pieces)
        )
        first, *others = map(_escaped, self._literals)
        return first + b"".join(chain.from_iterable(zip(values, others, strict=True)))

    def column(self, get: Getter, records: Sequence[Any]) -> list[bytes]:
        """Return what a getter reads from each record, as it is written."""
        # A loop of the interpreter's own wherever there can be one.
        values = list(map(get.convert, map(get.read, records)) if isinstance(get, Derived) else map(get, records))
        if values and not isinstance(values[0], bytes):  # a number or nothing, and so are probably all others
            return list(map(self._texts.__getitem__, values))
        empty = self._empty
        return [value if isinstance(value, bytes) else _text(value, empty) for value in values]


class _Texts(dict[Value, bytes]):
    """How values are written; those that come often are kept."""

    def __init__(self, empty: bytes) -> None:
        super().__init__({None: empty})

    def __missing__(self, value: bytes | int) -> bytes:
        if isinstance(value, bytes):
            return value
        written = b"%d" % value
        if len(self) < _MOST_TEXTS:
            self[value] = written
        return written


# --- parsing -----------------------------------------------------------------------------------------


def _parse(text: str, process: Process) -> tuple[list[bytes], list[Getter], list[Command]]:
    """Return literals and what stands between them, always one literal more; and the commands as written."""
    literals = [""]
    pieces: list[Getter] = []
    commands: list[Command] = []
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
        pieces.append(_getter(found, process))
        commands.append(Command(found[1], found[2] or "", found[3]))
        literals.append("")
        position = found.end()
    literals[-1] += text[position:]
    return [literal.encode() for literal in literals], pieces, commands


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

_encode = msgspec.json.Encoder().encode


def _json_lines(fields: Mapping[str, Any], process: Process) -> Lines:
    """Return what writes objects whose keys are always the same, so that only the values are encoded each time."""
    literals = [b""]
    pieces: list[Getter] = []
    for part in _json_parts(fields, process):
        if isinstance(part, bytes):
            literals[-1] += part
        else:
            pieces.append(part)
            literals.append(b"")
    literals[-1] += b"\n"
    return Lines(literals, pieces, b"")


def _json_parts(value: Any, process: Process) -> Iterator[bytes | Getter]:
    """Yield the JSON of a value: fixed bytes, and getters of encoded values."""
    if isinstance(value, str):
        yield _json_encoded(_json_text(value, process, b"-"))
    elif isinstance(value, Mapping):
        for place, key in enumerate(sorted(value)):
            yield b"%b%b:" % (b"," if place else b"{", _encode(key))
            yield from _json_parts(value[key], process)
        yield b"}" if value else b"{}"
    elif isinstance(value, list):
        for place, item in enumerate(value):
            yield b"," if place else b"["
            yield from _json_parts(item, process)
        yield b"]" if value else b"[]"
    else:
        yield _encode(value)


def _json_encoded(get: Getter) -> Getter:
    return lambda record: _encode(_json_scalar(get(record)))


Build = Callable[[Record], Any]


def _json_object(fields: Mapping[str, Any], process: Process) -> Build:
    built = [(key, _json_value(fields[key], process)) for key in sorted(fields)]
    return lambda record: {key: value for key, build in built if (value := build(record)) is not None}


def _json_list(items: list[Any], process: Process) -> Build:
    built = [_json_value(item, process) for item in items]
    return lambda record: [value for build in built if (value := build(record)) is not None]


def _json_value(value: Any, process: Process) -> Build:
    """Return what builds a value, None where it is left out."""
    if isinstance(value, Mapping):
        return _json_object(value, process)
    if isinstance(value, list):
        return _json_list(value, process)
    if isinstance(value, str):
        get = _json_text(value, process, b"")
        return lambda record: _json_scalar(get(record))
    return lambda _record: value


def _json_text(text: str, process: Process, empty: bytes) -> Getter:
    literals, pieces, _ = _parse(text, process)
    if len(pieces) == 1 and literals == [b"", b""]:
        return pieces[0]
    return _joined(literals, pieces, empty)


def _json_scalar(value: Value) -> str | int | None:
    if not isinstance(value, bytes):
        return value
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")

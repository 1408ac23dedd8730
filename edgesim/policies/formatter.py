"""Envoy's format strings, compiled once: for header values, and for the access log as text or JSON.

`%NAME(parameters):length%` is a command operator (operators.py), `%%` a percent sign. Anything else after
a percent sign is an error, as in Envoy (`50% off` is refused). Measured on Envoy 1.40: what is not known is
`-` in a log line and nothing in a header value; a header whose value comes out empty is not set; JSON keys are
sorted, an operator alone keeps its type (a number, null). Bytes that are no UTF-8 are taken for Latin-1.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from edgesim.policies.getters import Getter, Process, Value
from edgesim.policies.log_lines import TEXTS, Command, JsonTexts, Lines, Part, Texts, encode, escaped, scalar
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
    literals, commands = _parse(text, process)
    if not commands:
        return literals[0]
    return _joined(literals, commands, Texts(b""))


def compile_text(text: str = DEFAULT_TEXT, process: Process = _NOBODY) -> Lines:
    """Return what writes log lines; the text brings its own line break. Raises FormatError."""
    literals, commands = _parse(text, process)
    parts = [Part(command.get, (command,)) for command in commands]
    return Lines(literals, parts, Texts(b"-"))


def compile_json(fields: Mapping[str, Any], process: Process = _NOBODY) -> Lines:
    """Return what writes JSON objects; keys are always the same, so that only values are encoded each time. Raises FormatError."""
    literals = [b""]
    parts: list[Part] = []
    for piece in _json_pieces(fields, process):
        if isinstance(piece, bytes):
            literals[-1] += piece
        else:
            parts.append(piece)
            literals.append(b"")
    literals[-1] += b"\n"
    return Lines(literals, parts, JsonTexts(b""))


def _joined(literals: list[bytes], commands: list[Command], texts: Texts) -> Formatter:
    template = b"%b".join(map(escaped, literals))
    getters = tuple(command.get for command in commands)
    return lambda record: template % tuple([texts.write(get(record)) for get in getters])


# --- parsing -----------------------------------------------------------------------------------------


def _parse(text: str, process: Process) -> tuple[list[bytes], list[Command]]:
    """Return literals and the commands between them, always one literal more."""
    literals = [""]
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
        commands.append(Command(found[1], found[2] or "", found[3], _getter(found, process)))
        literals.append("")
        position = found.end()
    literals[-1] += text[position:]
    return [literal.encode() for literal in literals], commands


def _getter(found: re.Match[str], process: Process) -> Getter:
    name, parameters, length = found.groups()
    operator = OPERATORS.get(name)
    if operator is None:
        from difflib import get_close_matches  # noqa: PLC0415 - of use only where something is misspelt

        near = get_close_matches(name[:100], OPERATORS, 1)
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


def _json_pieces(value: Any, process: Process) -> Iterator[bytes | Part]:
    """Yield the JSON of a value: fixed bytes, and what is encoded each time."""
    if isinstance(value, str):
        part = _json_text(value, process)
        yield part if part.commands else encode(scalar(part.literals[0]))
    elif isinstance(value, Mapping):
        for place, key in enumerate(sorted(value)):
            yield b"%b%b:" % (b"," if place else b"{", encode(key))
            yield from _json_pieces(value[key], process)
        yield b"}" if value else b"{}"
    elif isinstance(value, list):
        for place, item in enumerate(value):
            yield b"," if place else b"["
            yield from _json_pieces(item, process)
        yield b"]" if value else b"[]"
    else:
        yield encode(value)


def _json_text(text: str, process: Process) -> Part:
    literals, commands = _parse(text, process)
    is_one = len(commands) == 1 and literals == [b"", b""]
    get = commands[0].get if is_one else _joined(literals, commands, TEXTS)
    return Part(get, tuple(commands), tuple(literals))

"""Values of a log line that differ every time, and where an exchange tells them: the holes of a template.

A request that came before tells the rest as it did then. A new one has its own method, path and headers as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from edgesim.model import RequestHead
from edgesim.policies.getters import Derived, Value
from edgesim.policies.log_lines import Command

_TIMES = frozenset(("START_TIME", "START_TIME_LOCAL", "EMIT_TIME", "EMIT_TIME_LOCAL"))
_CLIENT = {"REMOTE": "downstream.peer", "DIRECT_REMOTE": "downstream.peer", "LOCAL": "downstream.local"}
"""Whose address it is by the operator's name; a request without `x-forwarded-for` comes from the connection's peer."""
_ADDRESSES = {
    f"DOWNSTREAM_{whose}_{what}": where
    for whose, where in _CLIENT.items()
    for what in ("ADDRESS", "ADDRESS_WITHOUT_PORT", "PORT")
}


_HOLES: dict[tuple[str, str], str] = {
    ("BYTES_SENT", ""): "answer_size",
    ("DURATION", ""): "duration",
    ("REQ", "x-request-id"): "request_id",
    ("STREAM_ID", ""): "request_id",
}
"""Operators whose values differ every time, and what of the exchange they tell."""


class Hole(NamedTuple):
    """What of an exchange is told where it differs every time, and how many of them are written."""

    slot: str
    values: Callable[[Iterable[Any]], list[Value]] = list


class _Taken(dict[int | None, Value]):
    """Milliseconds as a text, which they are in a header."""

    def __missing__(self, taken: int | None) -> Value:
        return None if taken is None else b"%d" % taken


_SERVICE_TIME = Derived("service_time", _Taken({each: b"%d" % each for each in range(1000)}).__getitem__)


def hole_of(command: Command) -> Hole | None:
    """Return what an exchange tells of a command's value, None for what differs by request and key only."""
    asked = command.name, command.parameters.lower()
    if command.length is not None:
        return None
    if command.name in _TIMES and isinstance(command.get, Derived):
        return Hole(command.get.slot, command.get.values)  # an exchange that ended has its times as a record has them
    if command.name in _ADDRESSES:
        slot = _ADDRESSES[command.name]
        return Hole(slot, command.get.values) if isinstance(command.get, Derived) else Hole(slot)
    if asked == ("RESP", "x-envoy-upstream-service-time"):
        return Hole(_SERVICE_TIME.slot, _SERVICE_TIME.values)
    return Hole(_HOLES[asked]) if asked in _HOLES else None


def asks_answer(command: Command) -> bool:
    """Tell whether a value is a header of the answer that only its head as a whole tells."""
    return command.name == "RESP" and hole_of(command) is None and command.parameters.lower() != ":status"


def is_said_by_key(command: Command) -> bool:
    """Tell whether a value is that of the request, the answer and what is in a key, or is never known."""
    name, asked = command.name, command.parameters.lower()
    differs = name in {"BYTES_SENT", "DURATION", "STREAM_ID"} or (name == "REQ" and "x-request-id" in asked)
    return not differs and name not in _TIMES and name not in _ADDRESSES


# --- of a request that did not come before -----------------------------------------------------------


def _whole_paths(heads: Iterable[RequestHead]) -> list[Value]:
    return [head.path if head.query is None else head.path + b"?" + head.query for head in heads]


_PATH = Hole("request.head", _whole_paths)
_READ = {
    ":method": Hole("request.head.method"),
    ":path": _PATH,
    ":authority": Hole("request.head.authority"),
    "host": Hole("request.head.authority"),
}
_PATHS = {
    **dict.fromkeys(("", "wq", "wq:path", "wq:orig_or_path"), _PATH),
    **dict.fromkeys(("nq", "nq:path", "nq:orig_or_path"), Hole("request.head.path")),
}
_ORIGINAL = "x-envoy-original-path"
_OF_LISTENER = frozenset((":scheme", "x-forwarded-proto", "x-forwarded-for", _ORIGINAL))
"""Headers that a usual request has from the listener, or not at all."""
_OF_REQUEST = frozenset(("REQ", "PATH", "QUERY_PARAM", "QUERY_PARAMS"))


def hole_of_new(command: Command) -> Hole | None:
    """Return what a usual request tells that no other did, None for what it has in common with others."""
    hole = hole_of(command)
    if hole is not None or command.length is not None:
        return hole
    asked = command.parameters.lower()
    return _header(asked) if command.name == "REQ" else _PATHS.get(asked) if command.name == "PATH" else None


def _header(asked: str) -> Hole | None:
    asked = asked.removeprefix(f"{_ORIGINAL}?")
    if "?" in asked or asked in _READ or asked in _OF_LISTENER:
        return _READ.get(asked)
    name = asked.encode()
    return Hole("request.head.headers", lambda found: [headers.get(name) for headers in found])


def is_said_by_new_key(command: Command) -> bool:
    """Tell whether a value is what is in a key, and the listener's; or is not known of any answer."""
    if asks_answer(command):
        return False
    by_listener = command.name == "REQ" and command.parameters.lower() in _OF_LISTENER and command.length is None
    return by_listener or (command.name not in _OF_REQUEST and is_said_by_key(command))

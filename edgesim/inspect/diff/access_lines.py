"""Requests out of an access log: lines in Envoy's default format, or JSON objects."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from edgesim.inspect.requests import is_token

_TEXT = r'"((?:[^"\\]|\\.)*)"'
_DEFAULT = re.compile(
    rf'\[[^\]]*\] "(\S+) (.+) (\S+)" \S+ \S+ \S+ \S+ \S+ \S+ {_TEXT} {_TEXT} {_TEXT} {_TEXT} {_TEXT}\s*'
)
"""Envoy's default format (Access logging, "Default format string")."""
_NAMES = ("x-forwarded-for", "user-agent", "x-request-id")
"""The headers that format holds, in order."""
_METHOD = ("method", ":method", "request_method", "requestmethod")
_PATH = ("x-envoy-original-path", "path", ":path", "target", "uri", "requestpath", "request_path")
_START = ("start_time", "starttime", "@timestamp", "timestamp", "time", "ts")
_AUTHORITY = ("authority", ":authority", "host", "request_authority")


@dataclass(frozen=True, slots=True)
class Logged:
    """A request as the log has it; `known` are the headers it would tell of, `headers` those that were there."""

    method: str
    authority: str
    target: str
    headers: tuple[tuple[str, str], ...] = ()
    known: frozenset[str] = frozenset()


def read_line(line: str) -> Logged | None:
    """Read a line; None where it is of another format, or tells of no request."""
    found = _json(line) if line.lstrip().startswith("{") else _text(line)
    return found if found is not None and found.target.startswith("/") else None


def start_of(line: str) -> str:
    """Return when the request of a line came, as it stands there (RFC 3339, or Unix seconds); empty where it is not told."""
    if not line.lstrip().startswith("{"):
        return line[1 : line.find("]")] if line.startswith("[") else ""
    try:
        data = msgspec.json.decode(line)
    except msgspec.MsgspecError:
        return ""
    if not isinstance(data, dict):
        return ""
    named = {key.lower(): value for key, value in data.items() if isinstance(value, str | int | float)}
    return _first(named, _START)


def _text(line: str) -> Logged | None:
    found = _DEFAULT.fullmatch(line)
    if found is None:
        return None
    headers = zip(_NAMES, found.groups()[3:6], strict=True)
    given = tuple((name, value) for name, value in headers if value != "-")
    return Logged(found[1], found[7], found[2], given, frozenset(_NAMES))


def _json(line: str) -> Logged | None:
    try:
        data = msgspec.json.decode(line)
    except msgspec.MsgspecError:
        return None
    if not isinstance(data, dict):
        return None
    named = {key.lower(): value for key, value in data.items() if isinstance(value, str | None)}
    inner = data.get("headers")
    headers = {key.lower(): value for key, value in (inner if isinstance(inner, dict) else {}).items()}
    taken = {*_METHOD, *_PATH, *_AUTHORITY}
    known = {key: value for key, value in (named | headers).items() if key not in taken and is_token(key)}
    given = tuple((key, value) for key, value in known.items() if isinstance(value, str) and value != "-")
    return Logged(
        _first(named, _METHOD) or "GET", _first(named, _AUTHORITY), _first(named, _PATH), given, frozenset(known)
    )


def _first(named: Mapping[str, Any], keys: Iterable[str]) -> str:
    return next((str(named[key]) for key in keys if named.get(key) not in {None, "", "-"}), "")

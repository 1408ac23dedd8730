"""What Envoy says of an update it does not take, and which resource that is about."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from edgesim.dialects.envoy import Json, Kind, Part, Resources

_CONSTRAINT = "Proto constraint validation failed"
_LONGEST = 1000
_CUT = "...(truncated)"
_REFUSED = re.compile(r"config update (?:rejected|failure): (.*)")
_ESCAPED = re.compile(r"""\\([nrt"'\\])""")
"""How `--log-format-escaped` writes what ends a line, quotes and backslashes."""


def refused_in(line: str) -> str | None:
    """Return why Envoy refuses what it read, None where a line of its log says no such thing."""
    found = _REFUSED.search(line)
    if found is None:
        return None
    return brief(_ESCAPED.sub(lambda each: " " if each[1] in "nrt" else each[1], found[1]))


def is_cut(reason: str) -> bool:
    """Tell whether a reason breaks off before it says what is wrong: of a stream Envoy sends 4 KiB."""
    return reason.rstrip().endswith(_CUT) and _CONSTRAINT not in reason


def brief(reason: str) -> str:
    """Return a reason on one line, without the whole message that Envoy writes before what is wrong with it."""
    if is_cut(reason):
        return "its reason is longer than what it sends: its log has it whole"
    _, marker, rest = reason.rpartition(_CONSTRAINT)
    return " ".join((marker + rest).split())[:_LONGEST]


def culprit(reason: str, kind: Kind, before: Resources | None, after: Resources) -> str:
    """Return the name of the virtual host, listener or cluster at fault, empty where none is.

    It is among those that are not as Envoy took them before: the one that is named, or where none is, the first.
    """
    hosts = _changed_hosts(before, after) if kind is Kind.ROUTES else []
    changed = hosts or _changed(None if before is None else before.of(kind), after.of(kind))
    named = sorted((name for name in changed if name in reason), key=len, reverse=True)
    found = next(iter((*named, *changed)), "")
    return _listener_of(found, after) if kind is Kind.ROUTES and found in after.routes else found


def _listener_of(routes: str, after: Resources) -> str:
    """Return the listener that fetches a route configuration."""
    return next((name for name in after.listeners if routes == f"{name}-routes"), routes)


def _changed(before: Mapping[str, Part] | None, after: Mapping[str, Part]) -> list[str]:
    return [name for name, each in after.items() if before is None or before.get(name) != each]


def _changed_hosts(before: Resources | None, after: Resources) -> list[str]:
    known = {} if before is None else {each["name"]: each for each in virtual_hosts(before)}
    return list(dict.fromkeys(each["name"] for each in virtual_hosts(after) if known.get(each["name"]) != each))


def virtual_hosts(resources: Resources) -> Iterable[Json]:
    """Return the virtual hosts of every listener."""
    return (host for routes in resources.routes.values() for host in routes["virtual_hosts"])

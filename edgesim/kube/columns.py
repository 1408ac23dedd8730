"""What the columns of all kinds are made of: a column, careful reading of objects, and ages as Kubernetes writes them.

Cells never fail: a status may be written by anybody, and a field of an unlikely shape reads as absent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

Object = dict[str, Any]
Cell = str | int
NONE: Final = "<none>"
UNKNOWN: Final = "<unknown>"
UNSET: Final = "<unset>"
_MOST: Final = 3
"""How many items of a list kubectl shows in one cell."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a kind's table: its header, its cell of an object, and whether only `-o wide` shows it."""

    name: str
    cell: Callable[[Object, datetime], Cell]
    type: str = "string"
    description: str = ""
    wide: bool = False
    format: str = ""


def at(value: Any, *path: str) -> Any:
    """Return what stands at a path, or None where there is nothing."""
    for step in path:
        if not isinstance(value, dict):
            return None
        value = value.get(step)
    return value


def text_at(value: Any, *path: str) -> str:
    """Return the text at a path; ``""`` where there is none."""
    found = at(value, *path)
    return found if isinstance(found, str) else ""


def number_at(value: Any, *path: str) -> int:
    """Return the whole number at a path; 0 where there is none."""
    found = at(value, *path)
    return found if isinstance(found, int) and not isinstance(found, bool) else 0


def texts_at(value: Any, *path: str) -> list[str]:
    """Return the texts of the list at a path."""
    found = at(value, *path)
    return [item for item in found if isinstance(item, str)] if isinstance(found, list) else []


def objects_at(value: Any, *path: str) -> list[Object]:
    """Return the mappings of the list at a path."""
    found = at(value, *path)
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def time_at(value: Any, *path: str) -> datetime | None:
    """Return the time (RFC 3339) at a path."""
    try:
        found = datetime.fromisoformat(text_at(value, *path))
    except ValueError:
        return None
    return found if found.tzinfo is not None else None


def name_of(found: Object, _now: datetime) -> Cell:
    """Return the name of an object."""
    return text_at(found, "metadata", "name")


def age_of(found: Object, now: datetime) -> Cell:
    """Return how long ago an object was made."""
    return since(time_at(found, "metadata", "creationTimestamp"), now)


def since(moment: datetime | None, now: datetime) -> str:
    """Return how long ago a moment was, or `<unknown>`."""
    return UNKNOWN if moment is None else human_duration(now - moment)


def human_duration(span: timedelta) -> str:
    """Write a duration in at most two units, as kubectl does (k8s.io/apimachinery, `duration.HumanDuration`)."""
    seconds = int(span.total_seconds())
    if seconds < 0:
        return "0s" if seconds >= -1 else "<invalid>"
    if seconds < 120:
        return f"{seconds}s"
    if seconds < 3 * 3600:
        return _two_units(seconds, 60, "m", 1, "s", until=10)
    if seconds < 48 * 3600:
        return _two_units(seconds, 3600, "h", 60, "m", until=8)
    if seconds < 2 * 365 * 86400:
        return _two_units(seconds, 86400, "d", 3600, "h", until=8)
    return _two_units(seconds, 365 * 86400, "y", 86400, "d", until=8)


def _two_units(seconds: int, unit: int, name: str, part: int, part_name: str, *, until: int) -> str:
    """Write whole units, with the next smaller one while there are fewer than `until` and a rest is left."""
    whole, rest = divmod(seconds, unit)
    small = f"{rest // part}{part_name}" if whole < until and rest >= part else ""
    return f"{whole}{name}{small}"


def joined(items: Iterable[str], *, none: str = NONE, separator: str = ",") -> str:
    """Write all items in one cell."""
    return separator.join(items) or none


def abridged(items: Sequence[str], *, none: str = NONE) -> str:
    """Write the first three items, and how many more there are."""
    more = f" + {len(items) - _MOST} more..." if len(items) > _MOST else ""
    return (",".join(items[:_MOST]) + more) or none


def labels_text(labels: Any) -> str:
    """Write labels as a selector: `a=b,c=d` in the order of their names."""
    if not isinstance(labels, dict) or not labels:
        return NONE
    return ",".join(f"{key}={value}" for key, value in sorted(labels.items()))


_EXPRESSIONS: Final = {
    "In": "{key} in ({values})",
    "NotIn": "{key} notin ({values})",
    "Exists": "{key}",
    "DoesNotExist": "!{key}",
}


def selector_text(selector: Any) -> str:
    """Write a label selector: its labels, then its expressions."""
    labels = at(selector, "matchLabels")
    parts = [labels_text(labels)] if labels else []
    for expression in objects_at(selector, "matchExpressions"):
        form = _EXPRESSIONS.get(text_at(expression, "operator"), "{key}")
        values = ",".join(sorted(texts_at(expression, "values")))
        parts.append(form.format(key=text_at(expression, "key"), values=values))
    return ",".join(parts) or NONE


NAME: Final = Column("Name", name_of, description="The name, unique among its kind in the namespace.", format="name")
AGE: Final = Column("Age", age_of, description="How long ago the object was made.")

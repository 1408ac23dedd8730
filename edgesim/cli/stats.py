"""`edgesim stats`: what a running instance counted, e.g. requests and errors of each version during a canary."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Annotated, Any

import typer

from edgesim.admin.endpoints import STATS_ROWS
from edgesim.cli.client import DEFAULT_ADMIN
from edgesim.cli.columns import table as columns
from edgesim.cli.console import err, out, out_json
from edgesim.cli.options import AdminUrl, client_at

Row = Mapping[str, Any]


class Scope(StrEnum):
    """By what rows are summed."""

    VIRTUAL_HOST = "virtual_host"
    ROUTE = "route"
    CLUSTER = "cluster"
    SUBSET = "subset"
    ENDPOINT = "endpoint"


class Format(StrEnum):
    """How rows are shown."""

    TABLE = "table"
    JSON = "json"


def stats(
    by: Annotated[Scope, typer.Option("--by", help="What each row is of.")] = Scope.SUBSET,
    output: Annotated[Format, typer.Option("-o", "--output", help="How to show them.")] = Format.TABLE,
    admin: AdminUrl = DEFAULT_ADMIN,
) -> None:
    """Show requests, errors and latencies, by default of each version.

    Durations are milliseconds, - where none is known; a percentile is at most 0.8% above the true value. RESETS
    are requests whose client left before an answer began. `curl -X POST .../reset_counters` begins at zero. Names of upstreams
    that cannot be resolved now are named behind it, on standard error.

    Example:
      edgesim stats
      edgesim stats --by endpoint -o json
    """
    found = client_at(admin).ask(STATS_ROWS, [("by", by.value)])
    if output is Format.JSON:
        out_json(found)
        return
    for line in table(found[by.value], by):
        out(line)
    for text in found["unresolved"]:
        err(text)


_NAMES: Mapping[Scope, tuple[str, ...]] = {
    Scope.VIRTUAL_HOST: ("virtual_host",),
    Scope.ROUTE: ("virtual_host", "route"),
    Scope.CLUSTER: ("cluster",),
    Scope.SUBSET: ("cluster", "subset"),
    Scope.ENDPOINT: ("cluster", "endpoint", "pod"),
}
_NUMBERS: tuple[tuple[str, Callable[[Row], str]], ...] = (
    ("REQUESTS", lambda row: str(row["requests"])),
    *((name.upper(), lambda row, name=name: str(row["responses"][name])) for name in ("2xx", "3xx", "4xx", "5xx")),
    ("RESETS", lambda row: str(row["resets"])),
    ("RETRIES", lambda row: str(row["retries"])),
    *((name.upper(), lambda row, name=name: _milliseconds(row[f"{name}_ms"])) for name in ("p50", "p90", "p99")),
)


def table(rows: list[Row], by: Scope) -> list[str]:
    """Lay rows out: names to the left, numbers to the right."""
    names = _NAMES[by]
    titles = [*(name.upper().replace("_", " ") for name in names), *(title for title, _ in _NUMBERS)]
    cells = [[*(_name(row.get(name)) for name in names), *(number(row) for _, number in _NUMBERS)] for row in rows]
    return columns(titles, cells, len(names))


def _name(value: Any) -> str:
    text = ",".join(f"{key}={part}" for key, part in value.items()) if isinstance(value, Mapping) else value
    return text or "-"


def _milliseconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"

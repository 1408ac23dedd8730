"""The user's own configuration, as benchmarks take it: its routes, and requests that reach them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from edgesim.cli.offline import load
from edgesim.inspect.examples import Examples, examples_of
from edgesim.inspect.listeners import Tables
from edgesim.model import EdgesimError, Severity
from edgesim.model.codes import failure


def tables_of(paths: Sequence[Path]) -> Tables:
    """Read manifests. Raises EdgesimError with what is wrong with them, ES1003 where they have no route."""
    loaded = load(paths)
    grave = tuple(each for each in loaded.problems if each.severity is not Severity.NOTE)
    if grave:
        raise EdgesimError(*grave)
    model = loaded.translation.model
    if not any(host.routes for host in model.virtual_hosts):
        raise failure("ES1003", f"{_named(paths)}: there is no route to decide", "name a VirtualService too")
    return Tables(model)


def requests_of(tables: Tables, paths: Sequence[Path]) -> tuple[Examples, list[str]]:
    """Make requests for the routes, and say of how many matchers they are. Raises EdgesimError ES1003."""
    found = examples_of(tables)
    if not found.requests:
        raise failure("ES1003", f"{_named(paths)}: no request could be made that comes to one of the routes")
    notes = []
    if len(found.requests) < found.tried:
        missed = found.tried - len(found.requests)
        notes.append(f"no request could be made for {missed:,} of {found.tried:,} matchers: they are not measured")
    if found.tried < found.matchers:
        notes.append(f"requests are of {found.tried:,} of {found.matchers:,} matchers, evenly spread")
    return found, notes


def _named(paths: Sequence[Path]) -> str:
    return " ".join(map(str, paths))

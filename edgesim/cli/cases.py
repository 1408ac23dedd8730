"""The text of a failed route test, on the terminal and in JUnit files."""

from __future__ import annotations

from edgesim.inspect import Case


def case_lines(case: Case) -> list[str]:
    """Return its place, what was expected and what came of each expectation, and which route took the request."""
    lines = [f"{case.file}:{case.line}:{case.column}"]
    for failed in case.failed:
        hint = f" ({failed.hint})" if failed.hint else ""
        lines += [f"{failed.name}:", f"  expected  {failed.expected}", f"  got       {failed.actual}{hint}"]
    return [*lines, _taken_by(case)]


def _taken_by(case: Case) -> str:
    places = " -> ".join(str(step) for step in case.origin)
    if case.route:
        name = f' "{case.route_name}"' if case.route_name else ""
        return f"taken by route {case.route}{name} of {case.virtual_host}: {places}"
    if case.virtual_host:
        return f"no route of {case.virtual_host} took it: {places}"
    return "no virtual host took it"

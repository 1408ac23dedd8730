"""The text of a failed route test and of coverage, on the terminal and in JUnit files."""

from __future__ import annotations

from edgesim.inspect import Case, CoverageReport


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


def coverage_line(coverage: CoverageReport, fail_under: float) -> str:
    """Return what is wrong with the coverage."""
    return f"coverage of {coverage.percent:g}% is below --fail-under {fail_under:g}"


def coverage_lines(coverage: CoverageReport) -> list[str]:
    """Return how many matchers of routes were reached, and those that were not with their places."""
    lines = [f"{coverage.reached} of {coverage.matchers} matchers of routes reached ({coverage.percent:g}%)"]
    for miss in coverage.missed:
        number = str(miss.route) if miss.matchers == 1 else f"{miss.route}.{miss.matcher}"
        name = f' "{miss.name}"' if miss.name else ""
        place = f"{miss.origin[-1].file}:{miss.origin[-1].line}: " if miss.origin else ""
        lines.append(f"  not reached: {place}route {number}{name} of {miss.virtual_host} ({miss.conditions})")
    if coverage.others:
        lines.append(f"  and {coverage.others} more (-o json has them all)")
    return lines

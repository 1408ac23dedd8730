"""Write docs/stats.md from the table of stats."""

from __future__ import annotations

import sys

from docs.generate.pages import DOCS, run
from edgesim.telemetry.envoy_stats import ACCESS_LOG_DROPPED, LISTENER_PREFIX, SCOPES, TOTALS

FILE = DOCS / "stats.md"
_INTRODUCTION = """\
# What is counted

Made from the table in `edgesim/telemetry/envoy_stats.py` by `docs/generate/stats.py`: change it there.

Counting is always on: every request is counted once, by virtual host, route, cluster, subset and endpoint, with a
histogram of durations. Workers count for themselves; when somebody asks, the parent adds up what all of them counted,
and what those counted that died since (as far as they were asked, once a second).

- `edgesim stats [--by virtual_host|route|cluster|subset|endpoint] [-o json]` is for people: requests, answers by
  class, retries and percentiles. By default each row is a subset of a cluster, the versions of a canary.
- `GET /edgesim/v1/stats` on the admin address gives all of it as JSON. Durations are milliseconds from a request's head
  to the end of its answer, percentiles at most 0.8% above the true value, means within 0.4% of it; bytes are those of bodies.
- `GET /stats?format=text|json&filter=REGEX&usedonly` gives the names below, Envoy's as far as they are known here.
- `POST /reset_counters` begins at zero; unlike Envoy's it takes the histograms along.
"""


def page() -> str:
    """Return the page."""
    lines = [_INTRODUCTION, "| name | counts |", "|---|---|"]
    lines += [f"| `{LISTENER_PREFIX}{name}` | {meaning} |" for name, meaning, _ in TOTALS]
    lines.append(f"| `{ACCESS_LOG_DROPPED}` | lines the access log lost |")
    for scope in SCOPES:
        prefix = scope.prefix.format("NAME")
        lines += [f"| `{prefix}{stat.name}` | {stat.meaning} |" for stat in scope.stats]
        lines.append(f"| `{prefix}{scope.histogram}` | durations in ms, P0 to P100 |")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    sys.exit(run({FILE: page()}))

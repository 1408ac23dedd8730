"""Write docs/stats.md from the tables of stats."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from docs.generate.pages import DOCS, run
from edgesim.telemetry.envoy_names import (
    ACCESS_LOG_DROPPED,
    ANSWERED,
    CHECKS,
    CONNECTIONS,
    EJECTIONS,
    LISTENER_PREFIX,
    LOOKUPS,
    MEMBERS,
    OF_CLUSTER,
    OF_LISTENER,
    OF_LISTENERS,
    OF_RETRIES,
    OF_TLS,
    SCOPES,
    STATES,
    TOTALS,
    Scope,
)
from edgesim.telemetry.prometheus import OWN

FILE = DOCS / "stats.md"
_INTRODUCTION = """\
# What is counted

Made from the tables in `edgesim/telemetry/envoy_names.py` and `prometheus.py` by `docs/generate/stats.py`: change it there.

Counting is always on: every request is counted once, by virtual host, route, cluster, subset and endpoint, with a
histogram of durations. Workers count for themselves; when somebody asks, the parent adds up what all of them counted,
and what those counted that died since (as far as they were asked, once a second).

- `edgesim stats [--by virtual_host|route|cluster|subset|endpoint] [-o json]` is for people: requests, answers by
  class, retries and percentiles. By default each row is a subset of a cluster, the versions of a canary.
- `GET /edgesim/v1/stats` on the admin address gives all of it as JSON. Durations are milliseconds from a request's head
  to the end of its answer, percentiles at most 0.8% above the true value, means within 0.4% of it, all of them
  `null` where no duration is known (`-` in the table); bytes are those of bodies.
- `GET /stats?format=text|json` gives the names below, Envoy's as far as they are known here; `filter` takes a regular
  expression (RE2), `invert_filter` turns it round, `usedonly` leaves zeros out, `type` chooses `Counters`, `Gauges` or
  `Histograms`, and `histogram_buckets=cumulative|disjoint` gives buckets instead of quantiles.
- `GET /stats/prometheus` gives the same as Envoy does for Prometheus, with its labels and buckets, and three families of
  edgesim's own. [Dashboards, scraping and the queries of rollout controllers](observability.md).
- `POST /reset_counters` begins at zero; unlike Envoy's it takes the histograms along.

As in Envoy, a cluster counts what was sent to one of its endpoints, and 503 for want of one: what the proxy answers by
itself (a redirect, a fault, 401) is counted of the listener and the virtual host only, and `upstream_rq_time` is told of what
an upstream answered: not of timeouts, refused connections or open circuit breakers, which `downstream_rq_time` and `edgesim stats`
have as well. Unlike in Envoy a request that is tried again is counted at the endpoint it went to last, but in `/clusters`. `http.http.` is what Gloo
calls its HTTP connection managers (`stat_prefix`), all of them, and so it is in what `edgesim export envoy` writes.
"""
_LABELS = """
## For Prometheus
A name begins with `envoy_`; dots are underscores, and what stands for a name, a status or a class is a label:

| in `/stats` | in `/stats/prometheus` |
|---|---|
"""


def page() -> str:
    """Return the page."""
    lines = [_INTRODUCTION, "| name | counts |", "|---|---|"]
    lines += [f"| `{LISTENER_PREFIX}{name}` | {meaning} |" for name, meaning, _ in TOTALS]
    for scope in SCOPES:
        lines += _rows(scope)
    lines += _listed(OF_CLUSTER, (*STATES, *CONNECTIONS, *LOOKUPS, *CHECKS, *EJECTIONS, *MEMBERS))
    lines += _listed(
        OF_RETRIES, [("upstream_rq" + name, f"{meaning}; another try was made instead") for name, meaning in ANSWERED]
    )
    lines += _listed(OF_LISTENER, (*OF_LISTENERS, *OF_TLS), "ADDRESS")
    lines.append(f"| `{ACCESS_LOG_DROPPED}` | lines the access log lost |")
    lines.append(
        "| `server.*`, `cluster_manager.active_clusters`, `listener_manager.total_listeners_active` | as in Envoy |"
    )
    return "\n".join([*lines, _LABELS.rstrip("\n"), *_labelled(), "", *_own(), ""])


def _rows(scope: Scope) -> Iterator[str]:
    yield from _listed(scope, [(stat.name, stat.meaning) for stat in scope.stats])
    yield from _listed(scope, [(scope.requests + name, meaning) for name, meaning in ANSWERED])
    yield from _listed(scope, [(scope.histogram, "durations in ms, P0 to P100")])


def _listed(
    scope: Scope, named: tuple[tuple[str, str], ...] | list[tuple[str, str]], name: str = "NAME"
) -> Iterator[str]:
    prefix = scope.prefix.format(name)
    return (f"| `{prefix}{stat}` | {meaning} |" for stat, meaning in named)


def _labelled() -> Iterator[str]:
    for scope in SCOPES:
        prefix, labels = scope.named("NAME")
        names = ",".join(f'{label}="{value}"' for label, value in labels)
        requests = f"{scope.family}{scope.requests}"
        code = f'envoy_response_code_class="2",{names}'
        yield f"| `{prefix}{scope.requests}_2xx` | `envoy_{requests}_xx{{{code}}}` |"
        yield f'| `{prefix}{scope.histogram}` | `envoy_{requests}_time_bucket{{{names},le="25"}}` |'
    yield (
        '| `cluster.NAME.upstream_rq_404` | `envoy_cluster_upstream_rq{envoy_response_code="404",envoy_cluster_name="NAME"}` |'
    )


def _own() -> Iterator[str]:
    yield "Of edgesim's own are:"
    yield ""
    for name, meaning, labels in OWN:
        yield f"- `{name}`: {meaning} (labels {', '.join(f'`{label}`' for label in labels)})"


if __name__ == "__main__":
    sys.exit(run({FILE: page()}))

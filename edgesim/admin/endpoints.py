"""The one description of the admin API: the server answers it, the commands ask by it, its pages are made of it.

It imports no web framework, which commands that only ask must not wait for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from urllib.parse import quote

from edgesim.admin.wire import Broken, History, Kept, Kubeconfig, Outcome, RouteTestOutcome, Undone
from edgesim.dialects import Kind
from edgesim.inspect import RouteReport
from edgesim.inspect.checks import CheckReport
from edgesim.telemetry.rows import SCOPES

T = TypeVar("T")
Json = dict[str, Any]
_GROUPS = ("/api/v1", "/apis/{group}/{version}")
_COLLECTIONS = ("/{plural}", "/namespaces/{namespace}/{plural}")


@dataclass(frozen=True, slots=True)
class Endpoint(Generic[T]):
    """One method on one path, with the sentence that describes it.

    `handler` is the function of `edgesim.admin` that answers, as `module.name`; `answer` is what its JSON is read as.
    `{resources}` in a path stands for the paths of every kind.
    """

    method: str
    path: str
    summary: str
    handler: str
    answer: type[T]

    def paths(self) -> Iterator[str]:
        """Yield the paths to serve: `{resources}` is core and grouped kinds, in a namespace or not."""
        known = "{resources}" in self.path
        for group in _GROUPS if known else ("",):
            for collection in _COLLECTIONS if known else ("",):
                yield self.path.replace("{resources}", group + collection)


def resources_path(kind: Kind, namespace: str) -> str:
    """Return what `{resources}` is for a kind; without a namespace those of all."""
    group = f"/apis/{kind.group}/{kind.version}" if kind.group else f"/api/{kind.version}"
    inside = f"/namespaces/{quote(namespace, safe='')}" if kind.namespaced and namespace else ""
    return f"{group}{inside}/{kind.plural}"


HELP = Endpoint("GET", "/", "this page", "reports.help_page", str)
SAME_HELP = Endpoint("GET", "/help", "this page, where Envoy has it", "reports.help_page", str)
READY = Endpoint(
    "GET",
    "/ready",
    "200 `LIVE` once the proxy serves, 503 before; `?format=json` tells of listeners and revision",
    "reports.ready",
    Json,
)
LIST = Endpoint("GET", "{resources}", "list a kind, of one namespace or of all", "resources.list_objects", Json)
CREATE = Endpoint("POST", "{resources}", "create an object; 409 if it is there", "resources.create_object", Json)
READ = Endpoint("GET", "{resources}/{name}", "one object", "resources.read_object", Json)
REPLACE = Endpoint(
    "PUT", "{resources}/{name}", "replace it; 409 on a stale resourceVersion", "resources.replace_object", Json
)
CHANGE = Endpoint(
    "PATCH", "{resources}/{name}", "merge patch or JSON patch, by content type", "resources.patch_object", Json
)
REMOVE = Endpoint(
    "DELETE", "{resources}/{name}", "delete it; a namespace takes along what is in it", "resources.delete_object", Json
)
APPLY = Endpoint(
    "POST", "/edgesim/v1/apply", "apply files: YAML, or JSON with a list of files", "reports.apply", Outcome
)
DELETE = Endpoint(
    "POST", "/edgesim/v1/delete", "delete what files name, or `?kind=&namespace=&name=`", "reports.delete", Outcome
)
PATCH = Endpoint(
    "POST",
    "/edgesim/v1/patch",
    "patch `?kind=&namespace=&name=`, with the problems that come of it",
    "reports.patch",
    Outcome,
)
PROBLEMS = Endpoint(
    "GET", "/edgesim/v1/problems", "every problem, or those of `?kind=&namespace=&name=`", "reports.problems", Json
)
CHECK = Endpoint("GET", "/edgesim/v1/check", "the report of `edgesim check`", "reports.check", CheckReport)
STATS_ROWS = Endpoint(
    "GET",
    "/edgesim/v1/stats",
    "requests, answers and latencies, `?by=` one scope: " + ", ".join(SCOPES),
    "stats.stats_rows",
    Json,
)
STATS = Endpoint(
    "GET",
    "/stats",
    "counters in Envoy's names: `?format=text|json|prometheus&filter=REGEX&invert_filter&usedonly&type=Counters|Gauges|"
    "Histograms&histogram_buckets=cumulative|disjoint`",
    "stats.stats",
    str,
)
PROMETHEUS = Endpoint(
    "GET",
    "/stats/prometheus",
    "the same for Prometheus, and requests by subset and endpoint (`?filter=^edgesim`): `?filter=REGEX&usedonly`",
    "stats.prometheus",
    str,
)
SERVER_INFO = Endpoint("GET", "/server_info", "what runs, since when, and its state", "envoy_server.server_info", Json)
CLUSTERS = Endpoint(
    "GET",
    "/clusters",
    "endpoints, their health and what is under way to them: `?format=text|json&filter=REGEX`",
    "envoy_clusters.clusters",
    str,
)
CONFIG_DUMP = Endpoint(
    "GET",
    "/config_dump",
    "what is served, as Envoy would hold it, private keys left out: `?format=envoy|model&resource=NAME&name_regex=REGEX"
    "&mask=FIELD,...&include_eds`",
    "envoy_config.config_dump",
    Json,
)
LISTENERS = Endpoint(
    "GET", "/listeners", "the listeners that take connections: `?format=text|json`", "envoy_server.listeners", str
)
CERTS = Endpoint("GET", "/certs", "certificates and when they expire", "envoy_server.certs", Json)
MEMORY = Endpoint("GET", "/memory", "memory of the instance and its workers", "envoy_server.memory", Json)
RUNTIME = Endpoint("GET", "/runtime", "runtime values: there are none", "envoy_server.runtime", Json)
LOGGING = Endpoint(
    "POST",
    "/logging",
    "log levels, changed by `?level=LEVEL`, `?paths=LOGGER:LEVEL,...` or `?LOGGER=LEVEL`",
    "envoy_changes.set_levels",
    str,
)
DRAIN_LISTENERS = Endpoint(
    "POST",
    "/drain_listeners",
    "take no connections any more, for good; `?graceful` first says `connection: close` for the time of `--grace`, "
    "`&skip_exit` for ever",
    "envoy_changes.drain_listeners",
    str,
)
HEALTHCHECK_FAIL = Endpoint(
    "POST",
    "/healthcheck/fail",
    "`/ready` answers 503 from now on, and clients get `connection: close`",
    "envoy_changes.fail_health_checks",
    str,
)
HEALTHCHECK_OK = Endpoint("POST", "/healthcheck/ok", "takes that back", "envoy_changes.pass_health_checks", str)
RESET_COUNTERS = Endpoint(
    "POST",
    "/reset_counters",
    "begin to count at zero, histograms too; hosts in `/clusters` count on, as Envoy's",
    "stats.reset_counters",
    str,
)
ROUTE = Endpoint(
    "GET",
    "/edgesim/v1/route",
    "where `?url=&method=&header=&random=&listener=` goes; `explain=true` tells the whole decision, `all=true` every miss",
    "reports.route",
    RouteReport,
)
TEST = Endpoint(
    "POST",
    "/edgesim/v1/test",
    "run the route tests of files, sent as for apply",
    "route_tests.run_tests",
    RouteTestOutcome,
)
HISTORY = Endpoint(
    "GET", "/edgesim/v1/history", "what was served, who blocked it and when, newest first", "history.history", History
)
REVISION = Endpoint(
    "GET", "/edgesim/v1/history/{revision}", "the resources and the model of one revision", "history.revision", Kept
)
SERVED = Endpoint(
    "GET", "/edgesim/v1/served", "the resources and the model of what is served now", "history.served", Kept
)
UNDO = Endpoint(
    "POST",
    "/edgesim/v1/undo",
    "bring the resources of `?rev=` back, by default those before the last change",
    "history.undo",
    Undone,
)
KUBECONFIG = Endpoint(
    "POST",
    "/edgesim/v1/kubeconfig",
    "the file by which kubectl reaches this instance, as administrator or `?as=USER&group=GROUP`",
    "kubeconfigs.kubeconfig",
    Kubeconfig,
)
BREAK = Endpoint(
    "POST",
    "/edgesim/v1/break",
    "let requests to `?target=` fail: `latency=`, and one of `error-rate=`, `hang`, `reset`, `kill`; `for=` so long",
    "breaking.break_target",
    Broken,
)
MEND = Endpoint(
    "POST", "/edgesim/v1/mend", "mend `?target=`, or all that is broken; answers what was", "breaking.mend", Broken
)
BROKEN = Endpoint("GET", "/edgesim/v1/broken", "what is broken on purpose", "breaking.broken", Broken)

ENDPOINTS: tuple[Endpoint[Any], ...] = (
    HELP,
    SAME_HELP,
    READY,
    LIST,
    CREATE,
    READ,
    REPLACE,
    CHANGE,
    REMOVE,
    APPLY,
    DELETE,
    PATCH,
    PROBLEMS,
    CHECK,
    STATS_ROWS,
    STATS,
    PROMETHEUS,
    SERVER_INFO,
    CLUSTERS,
    CONFIG_DUMP,
    LISTENERS,
    CERTS,
    MEMORY,
    RUNTIME,
    LOGGING,
    DRAIN_LISTENERS,
    HEALTHCHECK_FAIL,
    HEALTHCHECK_OK,
    RESET_COUNTERS,
    ROUTE,
    TEST,
    HISTORY,
    REVISION,
    SERVED,
    UNDO,
    KUBECONFIG,
    BREAK,
    MEND,
    BROKEN,
)
"""Everything the admin API answers."""


def help_text(endpoints: Iterable[Endpoint[Any]]) -> str:
    """Return the page at `/`: one line an endpoint."""
    rows = tuple(endpoints)
    width = max(len(endpoint.path) for endpoint in rows)
    lines = [f"{endpoint.method:<6} {endpoint.path:<{width}}  {endpoint.summary}" for endpoint in rows]
    return "\n".join(["edgesim admin API", "", *lines, ""])


def markdown(endpoints: Iterable[Endpoint[Any]]) -> str:
    """Return `docs/admin-api.md`."""
    rows = [f"| {endpoint.method} | `{endpoint.path}` | {endpoint.summary} |" for endpoint in endpoints]
    return "\n".join([_INTRODUCTION, "| method | path | what it does |", "|---|---|---|", *rows, ""])


_INTRODUCTION = """\
# The admin API

Made from the table in `edgesim/admin/endpoints.py` by `docs/generate/admin_api.py`: change it there.

`edgesim up` serves it on `http://127.0.0.1:9901`. Answers are JSON; what cannot be done is answered with
a Kubernetes `Status`. Bodies are YAML or JSON, at most 64 MiB. Requests whose `Host` or `Origin` is not
this machine are refused (403); bound to another address, every request but the plain
`/ready` of probes needs `Authorization: Bearer TOKEN` (401).

`{resources}` stands for Kubernetes' paths: `/api/v1/...` for the core kinds, `/apis/{group}/{version}/...`
for the others, then `namespaces/{namespace}/` for kinds that live in one, then the plural name.
"""

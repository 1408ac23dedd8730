"""A scenario as a script of k6 (grafana.com/docs/k6, Scenarios, Executors, Thresholds)."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Sequence
from math import ceil
from typing import Any

from edgesim.load.abridged import steps
from edgesim.load.emit_parts import Emitted, base_url, fields, lost_everywhere, texts
from edgesim.load.scenario import By, Closed, Destination, Open, Order, RequestClass, Scenario, Stage
from edgesim.load.stops import Condition, condition

_PATH = """\
// What cannot stand in a path is percent-encoded; a value may hold a whole query.
function inPath(value) {
  return encodeURI(value).replace(/%25/g, '%').replace(/%5B/g, '[').replace(/%5D/g, ']').replace(/#/g, '%23');
}
"""

_EXPECTED = """\
// An answer below 500 is none that failed, as to edgesim.
http.setResponseCallback(http.expectedStatuses({ min: 100, max: 499 }));
"""


def k6(scenario: Scenario, fail_if: Sequence[str]) -> Emitted:
    """Return a script for `k6 run`."""
    conditions = [condition("--fail-if", each) for each in fail_if]
    parts = [
        _imports(scenario),
        f"export const options = {json.dumps(_options(scenario, conditions), indent=2)};\n",
        f"const base = {json.dumps(base_url(scenario.target))};\n",
        *_rows(scenario),
        _EXPECTED,
        *_counting(scenario.destination),
        _requests(scenario),
        _draw(scenario),
        _iteration(scenario),
    ]
    return Emitted("\n".join(parts), tuple(_lost(scenario, conditions)))


def _imports(scenario: Scenario) -> str:
    lines = ["import http from 'k6/http';"]
    if scenario.variables.rows:
        lines.append("import { SharedArray } from 'k6/data';")
        if scenario.variables.order is Order.SEQUENTIAL:
            lines.append("import exec from 'k6/execution';")
    if any(_binary(each) for each in scenario.requests):
        lines.append("import encoding from 'k6/encoding';")
    if scenario.destination.by is not By.NOTHING:
        lines.append("import { Counter } from 'k6/metrics';")
    if _thinks(scenario):
        lines.append("import { sleep } from 'k6';")
    return "\n".join(lines) + "\n"


def _options(scenario: Scenario, conditions: Sequence[Condition]) -> dict[str, Any]:
    made: dict[str, Any] = {"scenarios": {"load": _executor(scenario)}}
    if scenario.destination.by is not By.BODY:
        made["discardResponseBodies"] = True
    if scenario.target.insecure:
        made["insecureSkipTLSVerify"] = True
    if scenario.per_connection == 1:
        made["noConnectionReuse"] = True
    if scenario.sessions.users:
        made["noCookiesReset"] = True
    thresholds: dict[str, list[dict[str, Any]]] = {}
    for name, threshold in filter(None, map(_threshold, conditions)):
        thresholds.setdefault(name, []).append({"threshold": threshold, "abortOnFail": True})
    if thresholds:
        made["thresholds"] = thresholds
    return made


def _executor(scenario: Scenario) -> dict[str, Any]:
    mode = scenario.mode
    if isinstance(mode, Closed):
        users = scenario.sessions.users or mode.connections
        if scenario.count:
            return {
                "executor": "shared-iterations", "vus": users, "iterations": scenario.count,
                "maxDuration": _milliseconds(mode.seconds),
            }  # fmt: skip
        return {"executor": "constant-vus", "vus": users, "duration": _milliseconds(mode.seconds)}
    users = scenario.sessions.users or scenario.connections
    return {**_arrivals(steps(mode)), "preAllocatedVUs": users, "maxVUs": users}


def _arrivals(given: Sequence[Stage]) -> dict[str, Any]:
    """Return the executor for a rate. Rates are whole numbers to k6, so that of other ones a longer time is the unit."""
    rates = [rate for each in given for rate in (each.start, each.end)]
    per = 1 if all(rate.is_integer() for rate in map(float, rates)) else 1000
    unit = f"{per}s"
    if len(given) == 1 and given[0].start == given[0].end:
        rate = round(given[0].start * per)
        return {
            "executor": "constant-arrival-rate", "rate": rate, "timeUnit": unit,
            "duration": _milliseconds(given[0].seconds),
        }  # fmt: skip
    steps: list[dict[str, Any]] = []
    before = given[0].start
    for each in given:
        if each.start != before:
            steps.append({"duration": "0s", "target": round(each.start * per)})
        steps.append({"duration": _milliseconds(each.seconds), "target": round(each.end * per)})
        before = each.end
    start = round(given[0].start * per)
    return {"executor": "ramping-arrival-rate", "startRate": start, "timeUnit": unit, "stages": steps}


def _milliseconds(seconds: float) -> str:
    return f"{ceil(seconds * 1000)}ms"


def _threshold(asked: Condition) -> tuple[str, str] | None:
    """Return the metric and what must hold of it, the contrary of the condition; None where k6 has none such."""
    holds = {(True, True): "<", (True, False): "<=", (False, True): ">", (False, False): ">="}
    sign = holds[asked.above, asked.inclusive]
    if asked.figure == "errors":
        return None if asked.absolute else ("http_req_failed", f"rate{sign}{asked.limit:g}")
    figure = {"mean": "avg", "max": "max"}.get(asked.figure, f"p({asked.percent:g})")
    return "http_req_duration", f"{figure}{sign}{asked.limit / 1000:g}"


def _rows(scenario: Scenario) -> Iterator[str]:
    if scenario.variables.rows:
        rows = json.dumps(scenario.variables.rows, indent=0)
        yield f"// Columns: {', '.join(scenario.variables.names)}\nconst rows = new SharedArray('rows', () => ({rows}));\n"
        yield _PATH


def _counting(destination: Destination) -> Iterator[str]:
    if destination.by is By.NOTHING:
        return
    yield "const answers = new Counter('answers');\n"
    yield (
        "function field(response, name) {\n"
        "  const found = Object.keys(response.headers).find((each) => each.toLowerCase() === name);\n"
        "  return found === undefined ? '' : response.headers[found];\n}\n"
    )
    yield f"function destinationOf(response) {{\n{_destination(destination)}}}\n"


def _destination(destination: Destination) -> str:
    if destination.by is By.HEADER:
        return f"  return field(response, {json.dumps(destination.what.lower())});\n"
    if destination.by is By.ROUTE:
        return (
            "  const pod = field(response, 'x-edgesim-pod').replace(/-[a-z0-9]{1,10}-[a-z0-9]{5}$/, '');\n"
            "  return pod || field(response, 'x-edgesim-cluster');\n"
        )
    return (
        f"  const found = new RegExp({json.dumps(destination.what)}).exec(response.body || '');\n"
        "  return found === null ? '' : found[1] === undefined ? found[0] : found[1];\n"
    )


def _requests(scenario: Scenario) -> str:
    each = ",\n".join(f"  {_request(scenario, request)}" for request in scenario.requests)
    return f"const requests = [\n{each}\n];\n"


def _request(scenario: Scenario, request: RequestClass) -> str:
    row = "row" if scenario.variables.rows else ""
    path = _joined(texts(scenario, request.path), "inPath(row[{}])")
    headers = ", ".join(
        f"{json.dumps(name)}: {_joined(texts(scenario, value))}" for name, value in fields(scenario, request)
    )
    params = (
        f"headers: {{ {headers} }}, timeout: '{_milliseconds(scenario.timeout)}', "
        f"tags: {{ name: {json.dumps(request.name)} }}, redirects: 0"
    )
    return (
        f"{{ weight: {request.weight!r}, send: ({row}) => "
        f"http.request({json.dumps(request.method)}, base + {path}, {_body(scenario, request)}, {{ {params} }}) }}"
    )


def _binary(request: RequestClass) -> bool:
    try:
        request.body.decode()
    except UnicodeDecodeError:
        return True
    return False


def _body(scenario: Scenario, request: RequestClass) -> str:
    if not request.body:
        return "null"
    if _binary(request):
        return f"encoding.b64decode({json.dumps(base64.b64encode(request.body).decode())})"
    return _joined(texts(scenario, request.body.decode()))


def _joined(parts: Sequence[str | int], column: str = "row[{}]") -> str:
    written = [json.dumps(part) if isinstance(part, str) else column.format(part) for part in parts]
    return " + ".join(written) or '""'


def _draw(scenario: Scenario) -> str:
    total = sum(each.weight for each in scenario.requests)
    return (
        "function drawn() {\n"
        f"  let left = Math.random() * {total!r};\n"
        "  for (const each of requests) {\n    left -= each.weight;\n    if (left < 0) return each;\n  }\n"
        "  return requests[requests.length - 1];\n}\n"
    )


def _iteration(scenario: Scenario) -> str:
    lines = []
    variables = scenario.variables
    if variables.rows:
        turn = "exec.scenario.iterationInTest % rows.length"
        if variables.order is Order.RANDOM:
            turn = "Math.floor(Math.random() * rows.length)"
        lines.append(f"const row = rows[{turn}];")
    if scenario.sessions.users and scenario.sessions.requests:
        lines.append(f"if (__ITER % {scenario.sessions.requests} === 0) http.cookieJar().clear(base); // a new user")
    lines.append(f"const response = drawn().send({'row' if variables.rows else ''});")
    if scenario.destination.by is not By.NOTHING:
        lines.append("answers.add(1, { destination: destinationOf(response), status: String(response.status) });")
    if _thinks(scenario):
        think = scenario.sessions.think
        lines.append(f"sleep({think.low!r} + Math.random() * {think.high - think.low!r});")
    return "export default function () {\n" + "".join(f"  {line}\n" for line in lines) + "}\n"


def _thinks(scenario: Scenario) -> bool:
    return isinstance(scenario.mode, Closed) and scenario.sessions.think.high > 0


def _lost(scenario: Scenario, conditions: Sequence[Condition]) -> Iterator[str]:
    yield from lost_everywhere(scenario)
    if isinstance(scenario.mode, Open):
        yield (
            "latency from the intended time: http_req_duration is the service time, and what no VU was free for is "
            "counted as dropped_iterations"
        )
        if scenario.count:
            yield f"the count of {scenario.count:,}: an arrival rate ends with its time"
        if scenario.sessions.users:
            yield "which user sends next: a user is a VU, and k6 chooses among those that are free"
    if scenario.per_connection > 1:
        yield f"new connections after {scenario.per_connection} requests"
    if scenario.target.server_name:
        yield f"the name for SNI, {scenario.target.server_name}"
    if scenario.destination.by is By.BODY:
        yield "RE2: the pattern of --by is read as one of JavaScript"
    for each in conditions:
        if _threshold(each) is None:
            yield f"--fail-if {each.text}: k6 has the share of errors, not their number"

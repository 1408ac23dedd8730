"""A scenario as a Lua script of wrk with its command (wrk's SCRIPTING file and `wrk --help`)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from math import ceil

from edgesim.load.emit_parts import Emitted, base_url, fields, lost_everywhere, seconds_of, texts
from edgesim.load.scenario import By, Closed, Destination, Open, Order, RequestClass, Scenario
from edgesim.load.wire import has_length

_CHOOSE = """\
local function drawn()
  local left = math.random() * total
  for _, each in ipairs(requests) do
    left = left - each.weight
    if left < 0 then return each.send end
  end
  return requests[#requests].send
end
"""
_ESCAPE = """\
local function in_path(value)
  return (value:gsub("[^%w%p]", function(c) return string.format("%%%02X", c:byte()) end):gsub("#", "%%23"))
end
"""
_COUNT = """\
answers = {}

function response(status, headers, body)
  local key = status .. " " .. destination(headers, body)
  answers[key] = (answers[key] or 0) + 1
end

function done(summary, latency, requests)
  local all = {}
  for _, thread in ipairs(threads) do
    for key, count in pairs(thread:get("answers")) do all[key] = (all[key] or 0) + count end
  end
  for key, count in pairs(all) do print(string.format("answers %s: %d", key, count)) end
end
"""
_FIELD = """\
local function field(headers, name)
  for each, value in pairs(headers) do
    if each:lower() == name then return value end
  end
  return ""
end
"""


def wrk(scenario: Scenario, fail_if: Sequence[str]) -> Emitted:
    """Return a script; the first line of its code says how wrk is called with it."""
    threads = "local started = 0\nthreads = {}\n\nfunction setup(thread)\n  table.insert(threads, thread)\n"
    threads += '  thread:set("number", started)\n  started = started + 1\nend\n'
    parts = [f"-- {command(scenario)}\n", threads, *_rows(scenario), _requests(scenario), _CHOOSE, _main(scenario)]
    if _thinks(scenario):
        think = scenario.sessions.think
        low, high = round(think.low * 1000), round(think.high * 1000)
        parts.append(f"function delay()\n  return math.random({low}, {high})\nend\n")
    destination = _destination(scenario.destination)
    if destination:
        parts += [_FIELD, f"local function destination(headers, body)\n{destination}end\n", _COUNT]
    return Emitted("\n".join(parts), tuple(_lost(scenario, fail_if, counted=bool(destination))))


def command(scenario: Scenario, script: str = "SCRIPT.lua") -> str:
    """Return how wrk is called with a script in this file."""
    mode = scenario.mode
    connections = mode.connections if isinstance(mode, Closed) else scenario.connections
    lasts, timeout = max(1, ceil(seconds_of(scenario))), max(1, ceil(scenario.timeout))
    return f"wrk -t1 -c{connections} -d{lasts}s --timeout {timeout}s --latency -s {script} {base_url(scenario.target)}"


def _thinks(scenario: Scenario) -> bool:
    return isinstance(scenario.mode, Closed) and scenario.sessions.think.high > 0


def _rows(scenario: Scenario) -> Iterator[str]:
    if scenario.variables.rows:
        rows = ",\n".join("  {" + ", ".join(map(_quoted, row)) + "}" for row in scenario.variables.rows)
        yield f"-- Columns: {', '.join(scenario.variables.names)}\nlocal rows = {{\n{rows}\n}}\nlocal turn = 0\n"
        yield _ESCAPE


def _requests(scenario: Scenario) -> str:
    each = ",\n".join(
        f"  {{weight = {request.weight!r}, send = function(row)\n{_send(scenario, request)}  end}}"
        for request in scenario.requests
    )
    return f"local total = {sum(each.weight for each in scenario.requests)!r}\nlocal requests = {{\n{each}\n}}\n"


def _send(scenario: Scenario, request: RequestClass) -> str:
    """Write the body of a function that returns a request."""
    given = {name.lower() for name, _ in request.headers}
    body = request.body.decode("utf-8", "surrogateescape")
    parts: list[str] = [_quoted(f"{request.method} ")]
    parts += _lua(scenario, request.path, path=True)
    parts.append(_quoted(" HTTP/1.1\r\n" + ("" if "host" in given else f"Host: {scenario.target.authority}\r\n")))
    for name, value in fields(scenario, request):
        parts += [_quoted(f"{name}: "), *_lua(scenario, value), _quoted("\r\n")]
    if not has_length(request) and (body or request.method in {"POST", "PUT"}):
        parts += [_quoted("Content-Length: "), "#body", _quoted("\r\n")]
    parts += [_quoted("\r\n"), "body"]
    return f"    local body = {' .. '.join(_lua(scenario, body)) or _quoted('')}\n    return {' .. '.join(parts)}\n"


def _lua(scenario: Scenario, text: str, *, path: bool = False) -> list[str]:
    column = "in_path(row[{}])" if path else "row[{}]"
    return [_quoted(p) if isinstance(p, str) else column.format(p + 1) for p in texts(scenario, text)]


def _quoted(text: str) -> str:
    """Write a text as a Lua string: what is not plain ASCII as decimal escapes of three digits."""
    plain = (f"{c:c}" if 32 <= c < 127 and c not in b'"\\' else f"\\{c:03d}" for c in _bytes(text))
    return f'"{"".join(plain)}"'


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _main(scenario: Scenario) -> str:
    init = "function init(arguments)\n  math.randomseed(os.time() + 1000 * number)\nend\n\n"
    if not scenario.variables.rows:
        return init + "function request()\n  return drawn()()\nend\n"
    turn = "turn % #rows + 1" if scenario.variables.order is Order.SEQUENTIAL else "math.random(#rows)"
    return f"{init}function request()\n  turn = {turn}\n  return drawn()(rows[turn])\nend\n"


def _destination(destination: Destination) -> str:
    """Write the body of a function that finds the destination of an answer; empty where there is none."""
    if destination.by is By.HEADER:
        return f"  return field(headers, {_quoted(destination.what.lower())})\n"
    if destination.by is By.ROUTE:
        return (
            '  local pod = field(headers, "x-edgesim-pod"):gsub("%-[a-z0-9]+%-[a-z0-9][a-z0-9][a-z0-9][a-z0-9][a-z0-9]$"'
            ', "")\n  return pod ~= "" and pod or field(headers, "x-edgesim-cluster")\n'
        )
    pattern = lua_pattern(destination.what) if destination.by is By.BODY else None
    return f'  return body:match({_quoted(pattern)}) or ""\n' if pattern is not None else ""


_ITEM = re.compile(r"\\[dswDSW]|\\[^A-Za-z0-9]|\[\^?[A-Za-z0-9_ :.,/-]+\]|[()]|[.]|[A-Za-z0-9_ :,/<>\"'=;@#&~!%-]")
_CLASSES = {"\\w": "[%w_]", "\\W": "[^%w_]"}


def lua_pattern(regex: str) -> str | None:
    """Return a regular expression as a pattern of Lua; None for one that has no such (alternatives, counts, flags)."""
    made, at, single = "", 0, False
    while at < len(regex):
        if regex[at] in "*+?" and single:
            made, at, single = made + regex[at], at + 1, False
            continue
        found = _ITEM.match(regex, at)
        if found is None:
            return None
        item = found[0]
        single = item not in {"(", ")"}
        made, at = made + _lua_item(item), found.end()
    return made


def _lua_item(item: str) -> str:
    if item in _CLASSES:
        return _CLASSES[item]
    if item.startswith("\\"):
        return f"%{item[1]}"
    if item.startswith("[") or item in {"(", ")", "."} or item.isalnum():
        return item
    return item if item in " _" else f"%{item}"


def _lost(scenario: Scenario, fail_if: Sequence[str], *, counted: bool) -> Iterator[str]:
    yield from (each for each in lost_everywhere(scenario) if not each.startswith(("Poisson", "the times")))
    if isinstance(scenario.mode, Open):
        yield "the rate: wrk is a closed loop, each connection sends when it has its answer, and latency counts from there"
    if scenario.count:
        yield f"the count of {scenario.count:,}: wrk ends with its time"
    if scenario.sessions.users:
        yield "users and their cookies"
    if scenario.per_connection > 1:
        yield f"new connections after {scenario.per_connection} requests"
    if scenario.target.scheme == "https" and not scenario.target.insecure:
        yield "wrk does not verify certificates"
    if scenario.target.server_name:
        yield f"the name for SNI, {scenario.target.server_name}"
    if scenario.destination.by is By.BODY and not counted:
        yield f"the split: Lua has no pattern like `{scenario.destination.what}`"
    if fail_if:
        yield f"--fail-if {', '.join(fail_if)}: wrk has no conditions"

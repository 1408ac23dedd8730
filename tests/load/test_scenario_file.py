from __future__ import annotations

from pathlib import Path

import pytest

from edgesim.load.scenario import Arrivals, By, Closed, Destination, Open, Order, Sessions, Stage, Think
from edgesim.load.scenario_file import Written, read_scenario
from tests.running import ROOT

EXAMPLE = ROOT / "configs" / "load" / "canary.yaml"


def read(tmp_path: Path, text: str, url: str = "") -> Written:
    (tmp_path / "s.yaml").write_text(text)
    found = read_scenario(tmp_path / "s.yaml", url)
    assert not found.problems
    assert found.written is not None
    return found.written


def problems(tmp_path: Path, text: str) -> list[str]:
    (tmp_path / "s.yaml").write_text(text)
    found = read_scenario(tmp_path / "s.yaml")
    assert found.written is None
    return [f"{each.field}|{each.summary}".replace(f"{tmp_path}/", "") for each in found.problems]


def test_the_example_is_read() -> None:
    """The one that the documentation shows."""
    written = read_scenario(EXAMPLE).written
    assert written is not None
    scenario = written.scenario
    assert scenario.mode == Open((Stage(2, 200, 200), Stage(3, 200, 600), Stage(7, 600, 600)), Arrivals.POISSON)
    assert [(each.name, each.weight) for each in scenario.requests] == [("browse", 8), ("buy", 2)]
    assert scenario.variables.names == ("user", "item")
    assert scenario.variables.order is Order.RANDOM
    assert scenario.destination == Destination(By.BODY, r"version:(\S+)")
    assert (written.fail_if, written.expect_split) == (("p99>250ms", "errors>1%"), "v1=50,v2=50")


def test_little_is_enough(tmp_path: Path) -> None:
    """A URL alone is a load like that of the command line."""
    scenario = read(tmp_path, "url: http://localhost:8080/x?y\n").scenario
    assert scenario.mode == Open((Stage(10, 100, 100),))
    assert [(each.name, each.path) for each in scenario.requests] == [("GET /x?y", "/x?y")]


def test_a_url_that_is_typed_goes_before_the_files(tmp_path: Path) -> None:
    """And a file may do without."""
    assert read(tmp_path, "url: http://a/\n", "http://b/").scenario.target.host == "b"
    assert read(tmp_path, "rate: 5\n", "http://b/").scenario.target.host == "b"


def test_everything_else_is_read(tmp_path: Path) -> None:
    """Closed loops, users, TLS, files of bodies, limits and labels."""
    (tmp_path / "body.bin").write_bytes(b"\x00\xff")
    text = """
    url: https://a.example/
    tls: {insecure: true, caFile: ca.pem, serverName: b.example}
    closed: {connections: 4}
    duration: 1m
    sessions: {users: 3, requests: 7, think: 1s-2.5s}
    requests: [{method: PUT, bodyFile: body.bin, headers: {x-a: b}}]
    requestsPerConnection: 5
    timeout: 250ms
    coolDown: 2
    count: 9
    seed: 4
    labels: {run: one}
    by: header:x-version
    expectSplit: {v1: 90, v2: 10.5}
    tolerance: 2%
    compare: [v1, v2]
    margin: 1%
    latencyMargin: 20%
    confidence: 0.95
    """
    written = read(tmp_path, text)
    scenario = written.scenario
    assert scenario.mode == Closed(4, 60)
    assert scenario.sessions == Sessions(3, 7, Think(1, 2.5))
    assert (scenario.target.insecure, scenario.target.server_name) == (True, "b.example")
    assert scenario.target.ca_file == str(tmp_path / "ca.pem")
    assert (scenario.requests[0].body, scenario.requests[0].headers) == (b"\x00\xff", (("x-a", "b"),))
    assert (scenario.connections, scenario.per_connection, scenario.timeout, scenario.cool_down) == (4, 5, 0.25, 2)
    assert (scenario.count, scenario.seed, scenario.labels) == (9, 4, {"run": "one"})
    assert (written.expect_split, written.tolerance, written.compare) == ("v1=90,v2=10.5", "2%", "v1,v2")
    assert (written.margin, written.latency_margin, written.confidence) == ("1%", "20%", 0.95)


@pytest.mark.parametrize(
    ("text", "stages"),
    [
        ("rate: 0-500:30s,500:2m", (Stage(30, 0, 500), Stage(120, 500, 500))),
        ("rate: 7\nduration: 3", (Stage(3, 7, 7),)),
        ("points: [{at: 0, rate: 1}, {at: 5s, rate: 3}]", (Stage(5, 1, 3),)),
        ("points: [{at: 0, rate: 1}, {at: 5s, rate: 3}]\nduration: 1s", (Stage(1, 1, 3),)),
        ("curve: c.csv", (Stage(60, 1, 2),)),
    ],
)
def test_rates_are_read(tmp_path: Path, text: str, stages: tuple[Stage, ...]) -> None:
    """As stages, points, or a curve of a file beside the scenario."""
    (tmp_path / "c.csv").write_text("time,rate\n0,1\n1m,2\n")
    assert read(tmp_path, f"url: http://a/\n{text}\n").scenario.mode == Open(stages)


def test_a_day_may_be_the_curve(tmp_path: Path) -> None:
    """The built-in one."""
    mode = read(tmp_path, "url: http://a/\ncurve: day:500:24s\n").scenario.mode
    assert isinstance(mode, Open)
    assert mode.stages[0] == Stage(1, 175, 135)


def test_a_log_may_be_replayed(tmp_path: Path) -> None:
    """Of a file beside the scenario; what it lacks is told."""
    line = '{"start_time": %d, "path": "/x", "method": "POST"}\n'
    (tmp_path / "log.json").write_text(line % 5 + line % 9)
    written = read(tmp_path, "url: http://a/\nreplay: {file: log.json, speed: 2x}\n")
    assert isinstance(written.scenario.mode, Open)
    assert written.scenario.mode.times == (0.0, 2.0)
    assert "without a body" in written.notes[0]


def test_everything_wrong_is_told_at_once(tmp_path: Path) -> None:
    """With file, line and column, field, code and what was likely meant."""
    (tmp_path / "u.csv").write_text("user\nada\n")
    text = """\
url: ftp://x
rate: fast
duration: 5 parsecs
by: hedaer:x
requests:
  - path: x y
    weight: -1
    bodyFile: nope.json
  - {path: "/${usr}", headers: {"a b": c}}
variables: {file: u.csv}
failIf: [p99>50]
sessions: {users: 3, think: 3s-1s}
compare: [v1]
"""
    found = problems(tmp_path, text)
    assert [each.split(" ", 2)[:2] for each in found] == [
        ["url|s.yaml:1:1:", "ES1210"],
        ["rate|s.yaml:2:1:", "ES1210"],
        ["duration|s.yaml:3:1:", "ES1210"],
        ["by|s.yaml:4:1:", "ES1210"],
        ["requests[0].path|s.yaml:6:5:", "ES1210"],
        ["requests[0].weight|s.yaml:7:5:", "ES1210"],
        ["requests[0].bodyFile|s.yaml:8:5:", "ES1210"],
        ["requests[1].headers['a", "b']|s.yaml:9:33:"],
        ["failIf[0]|s.yaml:11:10:", "ES1210"],
        ["sessions.think|s.yaml:12:22:", "ES1210"],
        ["compare|s.yaml:13:1:", "ES1210"],
    ]
    assert "did you mean `header`?" in found[3]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("rat: 5", 'rat|s.yaml:2:1: ES0103 unknown field "rat"; did you mean `rate`?'),
        ("timeout: yes", "timeout|s.yaml:2:1: ES0104 expected"),
        ("rate: 5\nclosed: {}", "closed|s.yaml:3:1: ES0108 only one of `rate`, `closed` can be set"),
        ("compare: [v1, v2]\nlatencyMargin: 5", "latencyMargin|s.yaml:3:1: ES1210 write a share above 0%"),
        ("expectSplit: {v1: 0}", "expectSplit|s.yaml:2:1: ES1210 all weights are zero"),
        ("tolerance: 1%", "tolerance|s.yaml:2:1: ES1210 it is for --expect-split"),
        ("requests: []", "requests|s.yaml:2:1: ES0106 expected at least 1 item"),
        ("requests: [{weight: 0}]", "requests|s.yaml:2:1: ES1210 all weights are 0: nothing would be sent"),
        ("requests: [{path: x}]", "requests[0].path|s.yaml:2:13: ES1210 `x` is no path"),
        ("duration: 0s", "duration|s.yaml:2:1: ES1210 "),
        ("timeout: 0s", "timeout|s.yaml:2:1: ES1210 a timeout is longer than 0 s"),
        ("warmUp: 9s\ncoolDown: 1s", "warmUp|s.yaml:2:1: ES1210 warmUp and coolDown leave nothing of 10 s to measure"),
        ("curve: c.csv", "|c.csv:3:1: ES1211 `x` and `2` are no time"),
        ("variables: {file: u.csv}", "|u.csv:3:1: ES1211 2 values, and the first line names 1 columns"),
        ("variables: {file: nope.csv}", "variables.file|s.yaml:2:13: ES1211 nope.csv: no such file"),
        ("replay: {file: c.csv}", "replay.file|s.yaml:2:10: ES1213 "),
        ("points: [{at: 0, rate: 1}, {at: soon, rate: 2}]", "points[1].at|s.yaml:2:29: ES1210 `soon` is no time"),
        ("points: [{at: 5, rate: 1}, {at: 1, rate: 2}]", "points[1]|s.yaml:2:28: ES1210 its time is before"),
    ],
)
def test_what_is_wrong_is_told(tmp_path: Path, text: str, said: str) -> None:
    """Each mistake by itself, also in files that the scenario names."""
    (tmp_path / "c.csv").write_text("time,rate\n0,1\nx,2\n")
    (tmp_path / "u.csv").write_text("user\nada\nbob,2\n")
    (found,) = problems(tmp_path, f"url: http://a/\n{text}\n")
    assert found.startswith(said)


def test_a_misspelt_variable_is_told(tmp_path: Path) -> None:
    """With the name that was meant; and a value with a line break is none for a header."""
    (tmp_path / "u.csv").write_text('user,note\nada,"a\nb"\n')
    text = "url: http://a/\nvariables: {file: u.csv}\nrequests: [{path: '/${usr}', headers: {x: '${note}'}}]\n"
    assert problems(tmp_path, text) == [
        "requests[0].path|s.yaml:3:13: ES1212 there is no variable `usr`; did you mean `user`?",
        "requests[0].headers.x|s.yaml:3:40: ES1210 `note` holds line breaks in some row, and the value of a header has none",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "|s.yaml:1:1: ES1210 a scenario file holds one document, and this one is empty"),
        (
            "url: http://a/\n---\nurl: http://b/\n",
            "|s.yaml:3:1: ES1210 a scenario file holds one document, and this one 2",
        ),
        ("url: [\n", "|s.yaml:2:1: ES0001 not YAML"),
        ("- 1\n", "|s.yaml:1:1: ES0003 expected a mapping"),
        ("rate: 5\n", "|s.yaml:1:1: ES1210 there is no `url`, neither here nor on the command line"),
    ],
)
def test_a_file_that_is_no_scenario_is_told(tmp_path: Path, text: str, said: str) -> None:
    """Empty, two documents, no YAML, no mapping, no URL."""
    (found,) = problems(tmp_path, text)
    assert found.startswith(said)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    """As for every other file."""
    found = read_scenario(tmp_path / "nope.yaml")
    assert [each.code for each in found.problems] == ["ES0010"]

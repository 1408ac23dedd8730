from __future__ import annotations

import asyncio
import json
import re
import shlex
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from edgesim.load.emit import Tool, emit
from edgesim.load.emit_wrk import command, lua_pattern
from edgesim.load.scenario import (
    Arrivals,
    By,
    Closed,
    Destination,
    Open,
    Order,
    RequestClass,
    Scenario,
    Sessions,
    Stage,
    Target,
    Think,
    Variables,
)
from tests.load.servers import ok, serving
from tests.running import DEADLINE

PLAIN = Scenario(Target("http", "127.0.0.1", 8080, "shop.example"), (RequestClass("get"),), Open((Stage(2, 50, 50),)))
RICH = replace(
    PLAIN,
    requests=(
        RequestClass("browse", path="/items/${item}?user=${user}", headers=(("x-user", "${user}"),), weight=8),
        RequestClass("buy", "POST", "/cart", body=b'{"user": "${user}", "n": "\xc3\xa9"}', weight=2),
    ),
    variables=Variables(("user", "item"), (("ada", "1 7"), ("bob's", "4")), Order.SEQUENTIAL),
    destination=Destination(By.BODY, r"version:(\S+)"),
)
EVERYTHING = replace(
    RICH,
    mode=Open((Stage(2, 0, 50.5), Stage(1, 80, 80)), Arrivals.POISSON),
    sessions=Sessions(5, 3, Think(0.1, 0.2)),
    per_connection=7,
    count=10,
    warm_up=1,
    seed=3,
    target=Target("https", "::1", 8443, "shop.example", ca_file="ca.pem", server_name="b.example"),
)


def options(script: str) -> dict[str, object]:
    found = re.search(r"^export const options = (\{.*?^\});$", script, re.MULTILINE | re.DOTALL)
    assert found is not None
    made: dict[str, object] = json.loads(found[1])
    return made


@pytest.mark.parametrize("scenario", [PLAIN, RICH, EVERYTHING, replace(EVERYTHING, mode=Closed(4, 5.5))])
@pytest.mark.parametrize("tool", Tool)
def test_what_is_lost_is_told_in_the_script(tool: Tool, scenario: Scenario) -> None:
    """Each sentence is a comment, and nothing of the scenario can end that comment."""
    made = emit(replace(scenario, seed=3), tool, ["p99>50ms", "errors>5"], ["--expect-split"])
    comments = [line for line in made.text.splitlines() if re.match(r"(//|#|--) - ", line)]
    assert len(comments) == len(made.lost)
    assert made.lost[-1].startswith("--expect-split")
    assert any("seed" in each for each in made.lost)


def test_nighthawk_has_a_command_for_each_stage() -> None:
    """With options that its README names, whole numbers, and the request of most weight."""
    made = emit(replace(EVERYTHING, sessions=Sessions()), Tool.NIGHTHAWK)
    commands = [shlex.split(line) for line in made.text.splitlines() if line.startswith("nighthawk_client")]
    assert [each[each.index("--rps") + 1] for each in commands] == ["25", "80"]
    assert [each[each.index("--duration") + 1] for each in commands] == ["2", "1"]
    assert commands[0][-1] == "https://[::1]:8443/items/1 7?user=ada".replace(" ", "%20")
    documented = {
        "--concurrency", "--rps", "--duration", "--connections", "--open-loop", "--max-requests-per-connection",
        "--request-header", "--request-method", "--request-body-size", "--tls-context",
    }  # fmt: skip
    assert {word for each in commands for word in each if word.startswith("--")} <= documented
    assert any("ramps" in each for each in made.lost)


def test_nighthawk_sends_a_size_in_the_place_of_a_body() -> None:
    """And the method, for a closed loop without `--open-loop`."""
    request = RequestClass("post", "POST", "/", (("x", "y z"),), b"12345")
    made = emit(replace(PLAIN, requests=(request,), mode=Closed(4, 2.5), per_connection=1), Tool.NIGHTHAWK)
    words = shlex.split(made.text.splitlines()[-1])
    assert words[words.index("--request-body-size") + 1] == "5"
    assert words[words.index("--request-header") + 1] == "x: y z"
    assert "--open-loop" not in words
    assert words[words.index("--max-requests-per-connection") + 1] == "1"
    assert any("the body" in each for each in made.lost)


def test_k6_has_the_schedule() -> None:
    """A constant rate, a ramp with a step in thousandths, a closed loop, a count."""

    def load(scenario: Scenario) -> object:
        scenarios = options(emit(scenario, Tool.K6).text)["scenarios"]
        assert isinstance(scenarios, dict)
        return scenarios["load"]

    rate = {"executor": "constant-arrival-rate", "rate": 50, "timeUnit": "1s", "duration": "2000ms"}
    assert load(PLAIN) == {**rate, "preAllocatedVUs": 256, "maxVUs": 256}
    assert load(EVERYTHING) == {
        "executor": "ramping-arrival-rate", "startRate": 0, "timeUnit": "1000s", "preAllocatedVUs": 5, "maxVUs": 5,
        "stages": [
            {"duration": "2000ms", "target": 50_500},
            {"duration": "0s", "target": 80_000},
            {"duration": "1000ms", "target": 80_000},
        ],
    }  # fmt: skip
    assert load(replace(PLAIN, mode=Closed(4, 5.5))) == {"executor": "constant-vus", "vus": 4, "duration": "5500ms"}
    shared = {"executor": "shared-iterations", "vus": 4, "iterations": 7, "maxDuration": "5500ms"}
    assert load(replace(PLAIN, mode=Closed(4, 5.5), count=7)) == shared


def test_k6_has_conditions_as_thresholds() -> None:
    """What must hold is the contrary of what makes a run fail; a number of errors it does not have."""
    made = emit(PLAIN, Tool.K6, ["p99>50ms", "max>=1s", "mean<1ms", "errors>1%", "errors>5"])
    thresholds = options(made.text)["thresholds"]
    assert isinstance(thresholds, dict)
    assert [each["threshold"] for each in thresholds["http_req_duration"]] == ["p(99)<=50", "max<1000", "avg>=1"]
    assert [each["threshold"] for each in thresholds["http_req_failed"]] == ["rate<=0.01"]
    assert made.lost[-1] == "--fail-if errors>5: k6 has the share of errors, not their number"


def test_k6_has_the_requests() -> None:
    """Paths, headers and bodies with variables, the split, cookies, and what is no text in base64."""
    script = emit(EVERYTHING, Tool.K6).text
    assert 'http.request("GET", base + "/items/" + inPath(row[1]) + "?user=" + inPath(row[0]), null' in script
    assert "rows[exec.scenario.iterationInTest % rows.length]" in script
    assert "if (__ITER % 3 === 0) http.cookieJar().clear(base);" in script
    assert 'new RegExp("version:(\\\\S+)")' in script
    assert (
        'encoding.b64decode("AP8=")'
        in emit(replace(PLAIN, requests=(RequestClass("b", body=b"\0\xff"),)), Tool.K6).text
    )
    assert "sleep(0.1 + Math.random() * 0.1);" in emit(replace(EVERYTHING, mode=Closed(2, 1)), Tool.K6).text


def balanced(script: str) -> bool:
    """Tell whether brackets match outside of texts, comments and patterns."""
    rest = re.sub(r'"(\\.|[^"\\])*"|\'(\\.|[^\'\\])*\'|//.*|/[^/\n ]+/g?', "", script)
    brackets = re.sub(r"=>|[^()\[\]{}]", "", rest)
    while (shorter := re.sub(r"\(\)|\[\]|\{\}", "", brackets)) != brackets:
        brackets = shorter
    return not brackets


@pytest.mark.parametrize(
    "scenario",
    [
        PLAIN,
        replace(RICH, destination=Destination(By.HEADER, "X-V")),
        replace(EVERYTHING, destination=Destination(By.ROUTE)),
        replace(EVERYTHING, mode=Closed(4, 5.5)),
    ],
)
def test_k6s_script_is_javascript(tmp_path: Path, scenario: Scenario) -> None:
    """Its brackets match, and where there is Node it reads it as a module."""
    file = tmp_path / "script.mjs"
    file.write_text(emit(scenario, Tool.K6, ["p99>1s"]).text)
    assert balanced(file.read_text())
    if shutil.which("node") is not None:
        checked = subprocess.run(["node", "--check", str(file)], capture_output=True, text=True, check=False)
        assert checked.returncode == 0, checked.stderr


def test_a_replay_becomes_steps() -> None:
    """Of its own rates; that the times are lost is told."""
    mode = Open((), times=(0.0, 0.5, 1.5, 1.6, 1.7), requests=(0,) * 5)
    made = emit(replace(PLAIN, mode=mode), Tool.NIGHTHAWK)
    rates = [shlex.split(line) for line in made.text.splitlines() if line.startswith("nighthawk_client")]
    assert [each[each.index("--rps") + 1] for each in rates] == ["2", "3"]
    assert made.lost[0].startswith("the times and the order of the log")


@pytest.mark.parametrize(
    ("regex", "pattern"),
    [
        (r"version:(\S+)", "version%:(%S+)"),
        (r"v(\d+)\.(\w*)", "v(%d+)%.([%w_]*)"),
        (r'"version": ?"([a-z0-9-]+)"', '%"version%"%: ?%"([a-z0-9-]+)%"'),
        ("a|b", None),
        ("(ab)+", None),
        ("a{2}", None),
        ("(?i)a", None),
        (r"\bword", None),
    ],
)
def test_simple_patterns_are_those_of_lua(regex: str, pattern: str | None) -> None:
    """Others are not guessed at."""
    assert lua_pattern(regex) == pattern


@pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk is not installed")
@pytest.mark.parametrize("by", [Destination(By.HEADER, "X-Version"), RICH.destination, Destination()])
async def test_wrk_runs_its_script(tmp_path: Path, by: Destination) -> None:
    """The command as it is written sends the mix with its variables, and tells the split."""
    async with serving(lambda _: (ok(b"version:v1\n", "x-version: v1"), 0.01)) as server:
        target = Target("http", "127.0.0.1", server.port, "shop.example")
        scenario = replace(RICH, target=target, mode=Closed(2, 1.0), destination=by)
        script = tmp_path / "script.lua"
        script.write_text(emit(scenario, Tool.WRK).text)
        words = shlex.split(command(scenario, str(script)))
        process = await asyncio.create_subprocess_exec(*words, stdout=asyncio.subprocess.PIPE)
        out, _ = await asyncio.wait_for(process.communicate(), DEADLINE)
    assert process.returncode == 0
    assert {each.fields["host"] for each in server.asked} == {"shop.example"}
    assert {each.path for each in server.asked if each.method == "GET"} <= {
        "/items/1%207?user=ada",
        "/items/4?user=bob's",
    }
    posted = {each.body for each in server.asked if each.method == "POST"}
    assert posted <= {'{"user": "ada", "n": "é"}'.encode(), '{"user": "bob\'s", "n": "é"}'.encode()}
    assert b"Non-2xx" not in out
    counted = re.findall(r"^answers 200 v1: (\d+)$", out.decode(), re.MULTILINE)
    assert (len(counted) == 1 and int(counted[0]) > 10) is (by.by is not By.NOTHING)

"""`edgesim bench`, as people and machines call it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import msgspec
import pytest

from edgesim.bench.comparing import Differences
from edgesim.bench.results import BenchResult
from edgesim.bench.scenario import SCENARIOS
from edgesim.cli import bench_proxy
from edgesim.cli.bench import COMMANDS
from edgesim.cli.bench_options import ended_as_by_ctrl_c
from edgesim.model import EdgesimError
from tests.running import CANARY, DEADLINE, ROOT, canary, edgesim, started

QUICK = ("--rounds", "6", "--batches", "2")


@pytest.mark.parametrize("command", [command.__name__ for command in COMMANDS])
def test_every_command_has_help_with_an_example(command: str) -> None:
    """`--help` ends with an example that begins with the command."""
    done = edgesim("bench", command, "--help")
    assert done.code == 0
    assert f"edgesim bench {command}" in done.out.partition("Example:")[2]


def test_routing_of_made_up_tables(tmp_path: Path) -> None:
    """Each size has a row, growth is told, and the saved file holds a figure of every round."""
    file = tmp_path / "a.json"
    done = edgesim("bench", "routing", "--routes", "10,100", *QUICK, "--save", file)
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    assert lines[0].split() == ["table", "routes", "ns", "interval", "decisions/s", "bytes/route", "compile", "s"]
    assert [line.split()[0] for line in lines[1:3]] == ["10", "100"]
    assert "10 times the routes take" in done.out
    saved = json.loads(file.read_text())
    assert saved["kind"] == "edgesim.bench"
    assert {each["name"]: len(each["values"]) for each in saved["series"]} == {
        "10 routes: time": 6, "10 routes: memory": 1, "100 routes: time": 6, "100 routes: memory": 1,
    }  # fmt: skip


def test_routing_of_ones_own() -> None:
    """A configuration is measured by requests of its routes; those that nothing reaches are told."""
    done = edgesim("bench", "routing", *canary("echo", "upstream", "vs-5"), *QUICK, "-o", "json")
    assert done.code == 0, done.err
    found = json.loads(done.out)
    assert [each["routes"] for each in found["summary"]] == [2]
    assert found["growth"] is None
    assert not found["notes"]
    assert not found["interrupted"]


def test_files_that_cannot_be_measured(tmp_path: Path) -> None:
    """Files without a route are ES1003, broken ones are told as by every command."""
    done = edgesim("bench", "routing", *canary("echo", "upstream"))
    assert done.code == 1
    assert "ES1003" in done.err
    broken = tmp_path / "vs.yaml"
    broken.write_text((CANARY / "vs-5.yaml").read_text().replace("weight: 50", "weight: -50"))
    done = edgesim("bench", "routing", *canary("echo", "upstream"), broken)
    assert done.code == 1
    assert "vs.yaml:" in done.err


@pytest.mark.parametrize(
    "words",
    [
        ("routing", "--routes", "10,many"),
        ("routing", "--routes", "1"),
        ("routing", "--routes", ""),
        ("proxy", "--against", ""),
        ("proxy", "--against", "apache"),
        ("proxy", "--scenario", "nothing"),
        ("proxy", str(CANARY), "--against", "nginx"),
        ("canary", *map(str, canary("echo", "vs-5")), "--weights", "0,101"),
        ("canary", str(CANARY), "--path", "nowhere"),
        ("canary", str(CANARY), "--path", "/a b"),
        ("canary", str(CANARY), "--weights", ""),
        ("canary", str(CANARY), "--duration", "0.1s"),
        ("diff", "a.json", "b.json", "--tolerance", "much"),
    ],
)
def test_options_that_cannot_be_read(words: tuple[str, ...], tmp_path: Path) -> None:
    """What is typed wrong is ES1000 with what it takes, exit code 2."""
    if words[0] == "diff":
        files = [str(tmp_path / name) for name in words[1:3]]
        for file in files:
            assert (
                edgesim("bench", "routing", "--routes", "2", "--rounds", "1", "--batches", "1", "--save", file).code
                == 0
            )
        words = (words[0], *files, *words[3:])
    done = edgesim("bench", *words)
    assert done.code == 2
    assert done.err.startswith("ES1000 ")


def test_diff_of_two_results(tmp_path: Path) -> None:
    """A result differs from itself in nothing; one twice as slow is a regression, exit code 1, unless it is tolerated."""
    one, slow = tmp_path / "one.json", tmp_path / "slow.json"
    assert edgesim("bench", "routing", "--routes", "10", *QUICK, "--save", one).code == 0
    same = edgesim("bench", "diff", one, one)
    assert same.code == 0
    assert "no difference shown" in same.out
    data = json.loads(one.read_text())
    data["series"][0]["values"] = [4 * each for each in data["series"][0]["values"]]
    slow.write_text(json.dumps(data))
    done = edgesim("bench", "diff", one, slow, "-o", "json")
    assert done.code == 1
    assert json.loads(done.out)["regressions"] == 1
    assert edgesim("bench", "diff", one, slow, "--tolerance", "900%").code == 0
    assert edgesim("bench", "diff", slow, one).code == 0


def test_the_json_is_of_the_published_schemas(tmp_path: Path) -> None:
    """What is printed has every field of the class its schema is made from; a comparison has no other."""
    file = tmp_path / "a.json"
    made = ("--routes", "2", "--rounds", "1", "--batches", "1", "--save", file, "-o", "json")
    printed = json.loads(edgesim("bench", "routing", *made).out)
    compared = json.loads(edgesim("bench", "diff", file, file, "-o", "json").out)
    assert msgspec.json.decode(file.read_bytes(), type=BenchResult) == msgspec.convert(printed, BenchResult)
    assert json.loads(msgspec.json.encode(msgspec.convert(compared, Differences))) == compared
    for name, of, found in (("bench", "BenchResult", printed), ("bench.diff", "Differences", compared)):
        schema = json.loads((ROOT / "docs" / f"{name}.schema.json").read_text())
        assert set(schema["$defs"][of]["properties"]) <= set(found)


def test_diff_of_what_is_no_result(tmp_path: Path) -> None:
    """Files that are not there, and results with nothing in common, end with 2."""
    assert edgesim("bench", "diff", tmp_path / "no.json", tmp_path / "no.json").code == 2
    for name, size in (("a.json", "2"), ("b.json", "4")):
        made = ("--routes", size, "--rounds", "1", "--batches", "1", "--save", str(tmp_path / name))
        assert edgesim("bench", "routing", *made).code == 0
    done = edgesim("bench", "diff", tmp_path / "a.json", tmp_path / "b.json")
    assert done.code == 2
    assert "has nothing that" in done.err


@pytest.mark.slow
def test_canary_by_weights(tmp_path: Path) -> None:
    """A walk of two weights loses no request, each split is that of its weights, and the page has both steps."""
    page, file = tmp_path / "walk.html", tmp_path / "walk.json"
    done = started(
        "bench", "canary", *canary("echo", "echo-v2", "upstream", "vs-5"), "--weights", "0,100", "--rate", "300",
        "--duration", "1s", "-o", "json", "--report", page, "--save", file,
    )  # fmt: skip
    found = json.loads(done.out)
    assert found["verdict"] != "FAIL", done.err
    assert [(step["name"], step["expected"]) for step in found["steps"]] == [
        ("0%", {"echo-v1": 1.0, "echo-v2": 0.0}), ("100%", {"echo-v1": 0.0, "echo-v2": 1.0}),
    ]  # fmt: skip
    assert [set(step["counts"]) for step in found["steps"]] == [{"echo-v1"}, {"echo-v2"}]
    assert found["steps"][0]["change"] is None
    assert found["steps"][1]["change"]["sent"] > 0
    assert found["steps"][1]["change"]["lost"] == 0
    assert all(step["verdicts"][0]["kind"] != "FAIL" for step in found["steps"])
    assert "0%: Is the split" in page.read_text()
    assert json.loads(file.read_text())["what"] == "canary"


@pytest.mark.slow
def test_a_version_that_fails_ends_the_walk(tmp_path: Path) -> None:
    """Where v2 fails one request in five, the step that sends it half of them fails, and nothing comes after it: exit code 1."""
    release = tmp_path / "echo-v2.yaml"
    scripted = "  template:\n    metadata:\n      annotations: {edgesim.io/error-rate: '0.2'}\n"
    release.write_text((CANARY / "echo-v2.yaml").read_text().replace("  template:\n    metadata:\n", scripted))
    done = started(
        "bench", "canary", *canary("echo", "upstream", "vs-5"), release, "--weights", "0,50,100", "--duration", "2s", "-o",
        "json",
    )  # fmt: skip
    found = json.loads(done.out)
    assert done.code == 1
    assert [(step["name"], step["change"] and step["change"]["lost"]) for step in found["steps"]] == [
        ("0%", None),
        ("50%", 0),
    ]
    assert {each["name"]: each["kind"] for each in found["steps"][1]["verdicts"]}["errors"] == "FAIL"
    assert found["left"] == ["100%"]


@pytest.mark.slow
def test_canary_of_the_tutorial(tmp_path: Path) -> None:
    """The folder of the tutorial is walked from vs-1 to vs-7: the right shares at each step, nothing lost, no FAIL."""
    done = started("bench", "canary", CANARY, "--duration", "2s", "--save", tmp_path / "walk.json")
    assert done.out.splitlines()[-1].startswith(("PASS ", "NEED-MORE-DATA ")), done.out + done.err
    assert [f"vs-{number}.yaml" in done.out for number in range(1, 8)] == [True] * 7
    assert "7 steps" in done.out
    assert "none lost" in done.out


@pytest.mark.slow
def test_proxy_beside_a_peer(tmp_path: Path) -> None:
    """Beside aiohttp, which is always there, six rounds give an interval and a sentence, and the file holds the ratio."""
    file = tmp_path / "proxy.json"
    done = started("bench", "proxy", "--against", "aiohttp", "--rounds", "6", "--seconds", "0.5", "--save", file)
    assert done.code == 0, done.err
    assert "aiohttp" in done.out.splitlines()[2]
    series = {each["name"]: each["values"] for each in json.loads(file.read_text())["series"]}
    assert len(series["canary, edgesim to aiohttp: rate"]) == 6


@pytest.mark.slow
def test_proxy_with_ones_own_files() -> None:
    """A configuration is loaded alone, by its own requests, which are all answered."""
    files = canary("echo", "echo-v2", "upstream", "vs-5")
    done = started("bench", "proxy", *files, "--rounds", "1", "--seconds", "0.5", "-o", "json")
    assert done.code == 0, done.err
    (peer,) = json.loads(done.out)["peers"]
    assert peer["rounds"][0]["failed"] == 0
    assert peer["rate"] > 100


@pytest.mark.slow
def test_a_peer_that_was_asked_for_must_be_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where no program is found, haproxy is ES1002 with how to install it; without --against it is a note, the backend ours."""
    monkeypatch.setattr(shutil, "which", lambda _name, path="": None)  # noqa: ARG005 - as it is called
    with (
        ExitStack() as stack,
        pytest.raises(EdgesimError, match=r"ES1002 haproxy: .*; apt-get install haproxy") as raised,
    ):
        bench_proxy._beside(["haproxy"], SCENARIOS[0], 1, tmp_path, stack, asked=True)
    assert raised.value.exit_code == 2
    with ExitStack() as stack:
        rows, _load, notes = bench_proxy._beside(["haproxy"], SCENARIOS[0], 1, tmp_path, stack, asked=False)
    assert [row.peer.name for row in rows] == ["edgesim"]
    assert notes[0].startswith("haproxy is left out: haproxy is not installed")


@pytest.mark.slow
def test_ctrl_c_reports_what_was_finished() -> None:
    """An interrupted benchmark prints the rounds that were finished, and ends with 130."""
    command = [
        sys.executable,
        "-m",
        "edgesim",
        "bench",
        "routing",
        "--routes",
        "10",
        "--rounds",
        "1000",
        "--batches",
        "50",
    ]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
        text=True,
        env={**os.environ, "NO_COLOR": "1"},
    )
    try:
        with pytest.raises(subprocess.TimeoutExpired):
            process.communicate(timeout=5)  # rounds take milliseconds
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=DEADLINE)
    finally:
        process.kill()
    assert process.returncode == 130, err
    assert "interrupted" in err
    assert "medians of" in out


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_benchmark_that_is_ended_unwinds_as_by_ctrl_c(number: signal.Signals) -> None:
    """SIGTERM and SIGHUP let a block end what it started, and mean what they meant after it."""
    before = signal.getsignal(number)
    with pytest.raises(KeyboardInterrupt), ended_as_by_ctrl_c():
        signal.raise_signal(number)
    assert signal.getsignal(number) is before


def test_a_size_given_twice_is_measured_once() -> None:
    """Two tables of one size would have one name in the file."""
    done = edgesim("bench", "routing", "--routes", "2,2", "--rounds", "1", "--batches", "1", "-o", "json")
    assert [each["name"] for each in json.loads(done.out)["summary"]] == ["2 routes"]


@pytest.mark.slow
def test_answers_that_tell_no_version_are_not_the_gateways() -> None:
    """Where --by finds nothing in an answer that a pod gave, the row says that, and the step fails."""
    files = canary("echo", "echo-v2", "upstream", "vs-5")
    walk = ("--weights", "50", "--rate", "100", "--duration", "1s", "--by", "header:x-nothing")
    done = started("bench", "canary", *files, *walk)
    assert done.code == 1
    assert "no version 100.0%" in done.out
    assert "FAIL 1 step, 100 requests" in done.out


def test_a_rate_without_end() -> None:
    """A rate that no client can send is a wrong command line."""
    done = edgesim("bench", "canary", CANARY, "--rate", "inf")
    assert done.code == 2
    assert "--rate" in done.err

from __future__ import annotations

import asyncio
import json
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pytest

from edgesim.load.find_max import Highest
from edgesim.load.formats_json import LoadOutput
from edgesim.load.results import LoadResult
from tests.load.servers import Server, serving
from tests.running import DEADLINE, ROOT, edgesim, wait_until


@dataclass(slots=True)
class Served:
    """A server in a thread of its own, since commands are run to their end."""

    server: Server = field(default_factory=Server)
    ready: threading.Event = field(default_factory=threading.Event)
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)
    over: asyncio.Event = field(default_factory=asyncio.Event)

    def run(self) -> None:
        """Serve until it is over."""
        self.loop.run_until_complete(self._run())
        self.loop.close()

    async def _run(self) -> None:
        async with serving() as self.server:
            self.ready.set()
            await self.over.wait()

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.server.port}/path"


@pytest.fixture
def served() -> Iterator[Served]:
    made = Served()
    thread = threading.Thread(target=made.run)
    thread.start()
    made.ready.wait(DEADLINE)
    yield made
    made.loop.call_soon_threadsafe(made.over.set)
    thread.join(DEADLINE)


def test_a_load_is_reported(served: Served, tmp_path: Path) -> None:
    """A table with the split and the percentiles from the intended time, and the whole result in a file."""
    saved = tmp_path / "run.json"
    done = edgesim(
        "load", served.url, "--rate", "100", "--duration", "500ms", "--by", "header:x-version", "-H", "X-A: b",
        "--save", saved,
    )  # fmt: skip
    assert done.code == 0, done.err
    assert "asked 50, sent 50 " in done.out
    assert "answered 50" in done.out
    for words in ("v1", "v2", "p99.9", "latency, from the intended time", "service time, from the send"):
        assert words in done.out
    result = msgspec.json.decode(saved.read_bytes(), type=LoadResult)
    assert result.asked == 50
    assert {each.path for each in served.server.asked} == {"/path"}
    assert {each.fields["x-a"] for each in served.server.asked} == {"b"}


def test_machines_get_json(served: Served) -> None:
    """The result with its percentiles, in milliseconds, and what was found of the conditions."""
    done = edgesim("load", served.url, "--count", "20", "--rate", "200", "--fail-if", "p99>60s", "-o", "json")
    assert done.code == 0, done.err
    data = json.loads(done.out)
    assert data["kind"] == "edgesim.load"
    assert data["asked"] == data["sent"] == 20
    assert data["percentiles"]["latency"]["p50"] > 0
    assert data["conditions"][0]["met"] is False


def test_the_json_is_of_the_published_schemas(served: Served) -> None:
    """What is printed decodes as the classes the schemas are made from, with nothing left out."""
    given = ("load", served.url, "--rate", "50", "--duration", "200ms", "-o", "json")
    run = json.loads(edgesim(*given, "--by", "header:x-v", "--expect-split", "a=1,b=1", "--fail-if", "p99>60s").out)
    found = json.loads(edgesim(*given, "--find-max", "p99<1us", "--rate", "2").out)
    for name, kind, printed in (("load", LoadOutput, run), ("load.find-max", Highest, found)):
        decoded = msgspec.convert(printed, kind, str_keys=True)
        assert json.loads(msgspec.json.encode(decoded)) == printed
        schema = json.loads((ROOT / "docs" / f"{name}.schema.json").read_text())
        assert set(printed) == set(schema["$defs"][kind.__name__]["properties"])


def test_a_closed_loop_says_that_it_is_one(served: Served) -> None:
    """It has one kind of time, the service time, and a body makes its requests POSTs."""
    done = edgesim("load", served.url, "--closed", "--connections", "2", "--count", "10", "-d", "hello")
    assert done.code == 0, done.err
    assert "closed loop with 2 connections" in done.out
    assert "intended" not in done.out
    assert {(each.method, each.body) for each in served.server.asked} == {("POST", b"hello")}


def test_a_condition_that_is_met_ends_with_1(served: Served) -> None:
    """The condition and what was found stand on standard error, after the report."""
    done = edgesim("load", served.url, "--rate", "50", "--duration", "200ms", "--fail-if", "max>0us")
    assert done.code == 1
    assert "--fail-if max>0us: it is" in done.err
    assert "answered 10" in done.out


def test_nothing_answered_ends_with_1() -> None:
    """Where nobody listens the report says so."""
    done = edgesim("load", "http://127.0.0.1:1/", "--rate", "20", "--duration", "200ms")
    assert done.code == 1
    assert "errors: connect 4" in done.out
    assert "nothing was answered" in done.err


def test_the_highest_rate(served: Served, tmp_path: Path) -> None:
    """A bound that nothing breaks below the first failure is searched for in windows; machines get every window."""
    done = edgesim(
        "load", served.url, "--find-max", "p99<1us", "--rate", "2", "--duration", "200ms", "-o", "json",
        "--save", tmp_path / "found.json", "--report", tmp_path / "found.html",
    )  # fmt: skip
    assert done.code == 1
    found = json.loads(done.out)
    assert found["rate"] == 0
    assert [each["rate"] for each in found["trials"]] == [2, 1]
    assert json.loads((tmp_path / "found.json").read_text()) == found
    assert "p99&lt;1us" in (tmp_path / "found.html").read_text()


SCENARIO = """\
rate: 100
duration: 300ms
requests:
- {name: item, path: "/items/${id}"}
variables: {file: ids.csv}
failIf: [max>60s]
"""


@pytest.fixture
def scenario(tmp_path: Path) -> Path:
    (tmp_path / "ids.csv").write_text("id\n1\n2\n")
    file = tmp_path / "shop.yaml"
    file.write_text(SCENARIO)
    return file


def test_a_scenario_file_and_what_is_typed(served: Served, scenario: Path) -> None:
    """The file says what is sent; an option takes the place of what it says."""
    done = edgesim("load", served.url, "--scenario", scenario, "--rate", "50", "-H", "X-A: b", "--connections", "1")
    assert done.code == 0, done.err
    assert "item " in done.out
    assert [each.path for each in served.server.asked] == ["/items/1", "/items/2"] * 7 + ["/items/1"]
    assert {each.fields["x-a"] for each in served.server.asked} == {"b"}


def test_problems_of_a_scenario_file(scenario: Path) -> None:
    """Each has its place, its field and its code, and nothing is sent."""
    scenario.write_text(SCENARIO.replace("rate: 100", "rate: fast").replace("${id}", "${ID}"))
    done = edgesim("load", "localhost:1", "--scenario", scenario)
    assert done.code == 2
    assert "shop.yaml:1:" in done.err
    scenario.write_text(SCENARIO.replace("${id}", "${ids}"))
    assert "shop.yaml:4:" in edgesim("load", "localhost:1", "--scenario", scenario).err


def test_a_variable_typed_that_the_file_does_not_have(scenario: Path) -> None:
    """It is told before anything is sent."""
    done = edgesim("load", "localhost:1", "--scenario", scenario, "-H", "X-A: ${name}")
    assert done.code == 2
    assert "ES1212" in done.err


def test_an_access_log_is_replayed(served: Served, tmp_path: Path) -> None:
    """Its requests are sent in its order, at its times."""
    log = tmp_path / "access.log"
    lines = [{"start_time": f"2026-01-01T00:00:0{n}.000Z", "method": "GET", "path": f"/{n}"} for n in range(3)]
    log.write_text("".join(f"{json.dumps(each)}\n" for each in lines))
    done = edgesim("load", served.url, "--replay", log, "--speed", "10x")
    assert done.code == 0, done.err
    assert "access.log replayed" in done.out
    assert "asked 3, sent 3 " in done.out
    assert [each.path for each in served.server.asked] == ["/0", "/1", "/2"]


BY = ("--by", "header:x-version", "--closed", "--connections", "1")


@pytest.mark.parametrize(
    ("expected", "count", "code", "word"),
    [
        ("v1=50,v2=50", 200, 1, "FAIL split"),
        ("v1=90,v2=10", 50, 1, "NEED-MORE-DATA split"),
        pytest.param("v1=90,v2=10", 5000, 0, "PASS split", marks=pytest.mark.slow),
    ],
)
def test_a_split_is_judged(served: Served, expected: str, count: int, code: int, word: str) -> None:
    """The verdict stands below the report in one sentence, and each word has its exit code."""
    done = edgesim("load", served.url, *BY, "--count", str(count), "--expect-split", expected, "--duration", "60s")
    assert done.code == code, done.err
    assert f"\n{word}: " in done.out


def test_versions_are_compared(served: Served) -> None:
    """Errors, median and tail each have a verdict; machines get all numbers."""
    words = ("--count", "200", "--duration", "60s", "--compare", "v1,v2", "-o", "json")
    done = edgesim("load", served.url, *BY, *words)
    assert done.code in {1, 3}, done.err
    verdicts = json.loads(done.out)["verdicts"]
    assert [each["name"] for each in verdicts] == ["errors", "latency p50", "latency p99"]


@pytest.mark.parametrize(("tool", "word"), [("k6", "export"), ("wrk", "wrk"), ("nighthawk", "nighthawk_client")])
def test_the_script_of_another_tool(tool: str, word: str) -> None:
    """It is printed, nothing is sent, and what is not in it stands on standard error."""
    done = edgesim(
        "load", "http://127.0.0.1:1/", "--by", "header:x-version", "--expect-split", "v1=1,v2=1", "--emit", tool
    )
    assert done.code == 0, done.err
    assert word in done.out
    assert "not in it: --expect-split: verdicts are edgesim's own" in done.err


def test_every_file_it_can_write(served: Served, tmp_path: Path) -> None:
    """Each is named on standard error once it is there."""
    options = {
        name: tmp_path / f"run.{name}" for name in ("save", "hgrm", "hlog", "fortio", "prometheus", "junit", "report")
    }
    words = [word for name, file in options.items() for word in (f"--{name}", str(file))]
    done = edgesim("load", served.url, "--rate", "50", "--duration", "200ms", *words)
    assert done.code == 0, done.err
    for file in options.values():
        assert file.stat().st_size > 0
        assert f"written: {file}" in done.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "name what to load"),
        (["ftp://x"], "scheme"),
        (["localhost:1", "--rate", "fast"], "no rate"),
        (["localhost:1", "--duration", "soon"], "no duration"),
        (["localhost:1", "--duration", "0"], "longer than 0 s"),
        (["localhost:1", "--timeout", "0"], "--timeout"),
        (["localhost:1", "--warm-up", "10s"], "leave nothing"),
        (["localhost:1", "--fail-if", "p99"], "ES1201"),
        (["localhost:1", "--find-max", "p99>1ms"], "what must hold"),
        (["localhost:1", "--find-max", "p99<1ms", "--closed"], "--find-max"),
        (["localhost:1", "--find-max", "p99<1ms", "--rate", "5:1s,9:1s"], "--find-max"),
        (["localhost:1", "--expect-split", "v1=1,v2=1"], "--by"),
        (["localhost:1", "--by", "route-header", "--compare", "v1"], "two versions"),
        (["localhost:1", "--emit", "k6", "--fail-if", "x"], "ES1201"),
        (["localhost:1", "--find-max", "p99<1ms", "--hgrm", "x"], "--save and --report"),
        (["localhost:1", "-d", "@/no/such/file"], "no such file"),
        (["localhost:1", "--save", "/no/such/folder/x"], "no such file"),
        (["no.such.host.invalid"], "ES1202"),
        (["localhost:1", "--expect-split", ""], "--expect-split: it is empty"),
        (["localhost:1", "--seed", str(2**70)], "--seed"),
        (["localhost:1", "--users", "100000000"], "--users"),
        (["localhost:1", "--find-max", "p99<1ms", "--fail-if", "p99>1ms"], "--fail-if"),
        (["--scenario", "/"], "this is a folder"),
    ],
)
def test_a_wrong_command_line_ends_with_2(arguments: list[str], said: str) -> None:
    """Nothing is sent, and one line says why."""
    done = edgesim("load", *arguments)
    assert done.code == 2, done.err
    assert said in done.err
    assert "Traceback" not in done.err


def test_ctrl_c_reports_what_was_measured(served: Served) -> None:
    """It sends nothing more, reports, and ends with 130."""
    command = [sys.executable, "-m", "edgesim", "load", served.url, "--rate", "50", "--duration", "5m"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    wait_until(lambda: bool(served.server.asked), "nothing was sent")
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=DEADLINE)
    assert process.returncode == 130
    assert "ended early: interrupted" in out
    assert "without an answer 0" in out


def test_ctrl_c_before_the_first_answer() -> None:
    """A server that answers nobody is no failure of the run yet: 130 as well."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        command = [sys.executable, "-m", "edgesim", "load", url, "--duration", "5m", "--timeout", "300ms"]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
        silent.settimeout(DEADLINE)
        silent.accept()[0].close()
        process.send_signal(signal.SIGINT)
        assert process.wait(DEADLINE) == 130


def test_ctrl_c_ends_a_search(served: Served) -> None:
    """A search that was interrupted says so, with 130: what it found is not the highest rate."""
    command = [sys.executable, "-m", "edgesim", "load", served.url, "--rate", "50", "--duration", "5m"]
    process = subprocess.Popen([*command, "--find-max", "p99<9s"], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    wait_until(lambda: bool(served.server.asked), "nothing was sent")
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=DEADLINE)
    assert process.returncode == 130
    assert out.endswith("the search ended early: interrupted\n")


def test_a_run_is_saved_though_nobody_reads_its_table(served: Served, tmp_path: Path) -> None:
    """`edgesim load --save run.json | head -n 1` has the run."""
    file = tmp_path / "run.json"
    command = [sys.executable, "-m", "edgesim", "load", served.url, "--rate", "50", "--duration", "200ms"]
    process = subprocess.Popen([*command, "--save", str(file)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.close()
    process.wait(DEADLINE)
    assert msgspec.json.decode(file.read_bytes(), type=LoadResult).asked == 10

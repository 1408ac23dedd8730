from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from edgesim.cli.app import app
from edgesim.cli.endings import ending_well
from edgesim.cli.simulate_json import SimulateOutput
from edgesim.load.results import Cell, ClientSide, LoadResult
from edgesim.load.scenario import Closed, Scenario, Target
from edgesim.telemetry.slots import slot_of
from tests.running import ROOT, Finished
from tests.running import edgesim as started

_FILES = [str(ROOT / "configs" / "two-phased-canary" / name) for name in ("echo.yaml", "upstream.yaml", "vs-5.yaml")]
_QUICK = ("--requests", "4000", "--runs", "5", "--rollouts", "200")
Ask = Callable[..., Finished]
_POPULATION = """\
rate: 200
headers: {stage: {canary: 10%}}
users: {count: 1000}
versions:
  v1: {errors: 0.1%, latency: {median: 20ms, p99: 80ms}}
  v2: {errors: 5%}
"""


@pytest.fixture
def ask(capsys: pytest.CaptureFixture[str]) -> Ask:
    """Return what runs the command in this process: numpy is loaded once for all tests."""

    def run(*words: str) -> Finished:
        code: object = 0
        try:
            code = ending_well(lambda: app(["simulate", *words], prog_name="edgesim") or 0)
        except SystemExit as end:
            code = end.code
        printed = capsys.readouterr()
        return Finished(int(str(code or 0)), printed.out, printed.err)

    return run


@pytest.fixture
def population(tmp_path: Path) -> str:
    file = tmp_path / "population.yaml"
    file.write_text(_POPULATION)
    return str(file)


def _json(ask: Ask, *words: str) -> dict[str, object]:
    done = ask(*_FILES, *_QUICK, "-o", "json", *words)
    assert done.code == 0, done.err
    found: dict[str, object] = json.loads(done.out)
    return found


def test_the_split_of_a_url(ask: Ask) -> None:
    """Without a population every request is that of the URL; the same seed prints the same table."""
    one, two = (ask(*_FILES, *_QUICK, "http://shop.example/") for _ in range(2))
    assert one.code == 0, one.err
    assert one.out == two.out
    assert one.out.startswith("5 runs of 4,000 requests, seed 1\n")
    assert "echo_gloo-system version=v2" in one.out
    assert "50.000%" in one.out


def test_a_header_leads_past_the_split(ask: Ask) -> None:
    """A header given on the command line is routed by."""
    done = ask(*_FILES, *_QUICK, "-H", "stage: canary", "http://shop.example/")
    assert "version=v1" not in done.out
    assert "100.000%" in done.out


def test_every_question_at_once(ask: Ask, population: str) -> None:
    """Hold, plan and search are answered for machines, with the models and users of the population."""
    found = _json(
        ask, "--population", population, "--detect", "errors+2%", "--plan", "5%:5m,100%", "--risk", "users<900", "--every", "5s"
    )  # fmt: skip
    others = ["echo_gloo-system version=v1"]
    assert found["canary"] == {"name": "v2", "others": others, "before": 0.001, "after": 0.05}
    assert found["rate"] == pytest.approx(180)
    hold, plan, fastest = found["hold"], found["plan"], found["fastest"]
    assert isinstance(hold, dict)
    assert isinstance(plan, dict)
    assert isinstance(fastest, dict)
    assert hold["seconds"] == pytest.approx(hold["requests"] / (180 * 0.05))
    assert plan["stopped"] > 0.9
    assert plan["every_user"] == 1000
    assert fastest["plan"]["users"]["most"] < 900
    assert fastest["simulated"] <= fastest["considered"]
    v1 = next(row for row in found["destinations"] if row["subset"] == {"version": "v1"})  # type: ignore[attr-defined]
    assert v1["latency"]["p50"] == pytest.approx(20_000, rel=0.02)


def test_the_answers_for_people(ask: Ask, population: str) -> None:
    """Each question has its own few lines."""
    done = ask(*_FILES, *_QUICK, "--population", population, "--detect", "errors+2%", "--plan", "5%:5m,100%",
        "--risk", "users<900",
    )  # fmt: skip
    assert done.code == 0, done.err
    for said in ("How long must 5% be held", "looked at all the time", "in 5%:5m,100%?", "Which plan is fastest"):
        assert said in done.out


def test_the_json_is_of_the_published_schema(ask: Ask, population: str) -> None:
    """With every question answered it decodes as the classes the schema is made from, with nothing left out."""
    printed = _json(
        ask, "--population", population, "--detect", "errors+2%", "--plan", "5%:5m,100%", "--risk", "users<900"
    )
    decoded = msgspec.convert(printed, SimulateOutput)
    assert json.loads(msgspec.json.encode(decoded)) == printed
    schema = json.loads((ROOT / "docs" / "simulate.schema.json").read_text())
    assert set(printed) == set(schema["$defs"]["SimulateOutput"]["properties"])


def test_a_run_that_is_none(ask: Ask, tmp_path: Path) -> None:
    """A file that latencies are taken from is held to what `edgesim compare` holds a run to."""
    (tmp_path / "run.json").write_text("[]")
    file = tmp_path / "population.yaml"
    for name, said in (("run.json", "it is no run of edgesim load"), ("none.json", "no such file")):
        file.write_text(f"versions: {{v1: {{latency: {{from: {tmp_path}/{name}}}}}}}")
        done = ask(*_FILES, *_QUICK, "--population", str(file))
        assert done.code == 1
        assert "population.yaml:1:27: ES1106" in done.err
        assert said in done.err


def test_no_plan_within_the_bound(ask: Ask, population: str) -> None:
    """Where no plan is within the bound the exit code is 1, and it is said how many were tried."""
    done = ask(*_FILES, *_QUICK, "--population", population, "--risk", "users<2")
    assert done.code == 1
    assert "none of those that were tried" in done.out


def test_a_measured_latency(ask: Ask, tmp_path: Path) -> None:
    """A version answers as in a run that `edgesim load` saved; without answers of the named one that is told."""
    cell = Cell("get", 200, "v1", count=3, latency={slot_of(7000): 3})
    target = Target("http", "localhost", 8080, "localhost")
    run = LoadResult(
        Scenario(target, (), Closed(1, 1.0)),
        "2026-01-01T00:00:00Z",
        1.0,
        3,
        3,
        ClientSide(1, 0.1, 0, 0, 0),
        (cell,),
        (),
    )
    (tmp_path / "run.json").write_bytes(msgspec.json.encode(run))
    file = tmp_path / "population.yaml"
    file.write_text(f"versions: {{v1: {{latency: {{from: {tmp_path}/run.json, destination: v1}}}}}}")
    rows = _json(ask, "--population", str(file))["destinations"]
    v1 = next(row for row in rows if row["subset"] == {"version": "v1"})  # type: ignore[attr-defined]
    assert v1["latency"]["p99"] == pytest.approx(7000, rel=0.001)
    file.write_text(f"versions: {{v1: {{latency: {{from: {tmp_path}/run.json, destination: v9}}}}}}")
    done = ask(*_FILES, *_QUICK, "--population", str(file))
    assert done.code == 1
    assert "ES1106" in done.err
    assert "there are: v1" in done.err


@pytest.mark.parametrize("name", ["split.png", "split.svg"])
def test_a_plot(ask: Ask, population: str, tmp_path: Path, name: str) -> None:
    """The split and the plan are drawn to a file of the kind its name says."""
    pytest.importorskip("matplotlib")
    file = tmp_path / name
    done = ask(*_FILES, *_QUICK, "--population", population, "--plan", "5%:5m,100%", "--plot", str(file)
    )  # fmt: skip
    assert done.code == 0, done.err
    assert file.read_bytes().startswith(b"\x89PNG" if name.endswith("png") else b"<?xml")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--plan", "5%"), 2, "ES1103 --plan `5%`"),
        (("--detect", "errors+1%"), 2, "ES1105 how long it takes depends on the rate"),
        (("--risk", "users<5", "--detect", "errors+1%", "--rate", "200"), 2, "ES1105 a bound on users needs users"),
        (("--plan", "5%:1m,100%", "--rate", "200"), 1, "ES1105 `v2` is no worse"),
        (("--plan", ""), 2, "ES1103 --plan ``"),
        (("--detect", ""), 2, "ES1103 --detect ``"),
        (("--risk", ""), 2, "ES1103 --risk ``"),
        (("--errors", ""), 2, "ES1103 --errors ``"),
        (("--canary", ""), 2, "ES1103 --canary ``"),
        (("--population", "."), 2, "ES1103 --population `.`: it is a folder"),
        (("--header", "bad"), 2, "ES1103 --method, --header: 'bad' is no header"),
        (("--method", "G T"), 2, "ES1103 --method, --header: 'G T' is no HTTP method"),
        (("--share", "10%"), 2, "ES1103 --share `10%`: it is what `--detect` holds"),
        (("--plot", "split.txt"), 2, "ES1104 --plot `split.txt`"),
        (("--plot", "no/such/split.png"), 2, "ES1104"),
        (("--canary", "v3", "--detect", "errors+1%", "--rate", "200"), 1, "ES1102 no destination is `v3`"),
        (("--population", "no-such.yaml"), 1, "ES0010"),
        (("--detect", "errors+99.95%", "--rate", "200"), 2, "ES1105 errors of 0.001 cannot rise"),
        (("ftp://a/",), 2, "ES1103 URL"),
        (("--plan", "5%:24h,100%", "--every", "1s"), 2, "ES1103 --every `1s`: the plan would be looked at more than"),
    ],
)
def test_what_cannot_be_done(ask: Ask, words: tuple[str, ...], code: int, said: str) -> None:
    """Each mistake has its code, one line or two, and exit code 2 where the command line is wrong."""
    done = ask(*_FILES, *_QUICK, *words)
    assert done.code == code, done.err
    assert said in done.err
    assert "Traceback" not in done.err


def test_manifests_with_errors(ask: Ask, tmp_path: Path) -> None:
    """What could not be read decides nothing: its problems are told, and the exit code is 1."""
    file = tmp_path / "bad.yaml"
    file.write_text("kind: VirtualService\n")
    done = ask(*_FILES, str(file), *_QUICK)
    assert done.code == 1
    assert "ES0100" in done.err
    assert "50.000%" in done.out


def test_a_population_says_what_is_requested(ask: Ask, population: str) -> None:
    """A URL beside a population is a wrong command line, as are manifests that are missing."""
    done = ask(*_FILES, "http://a/", "--population", population)
    assert done.code == 2
    assert ask("http://a/").code == 2


def test_as_it_is_started() -> None:
    """The command itself, in a process of its own, prints the table."""
    done = started("simulate", *_FILES, *_QUICK)
    assert done.code == 0, done.err
    assert "50.000%" in done.out

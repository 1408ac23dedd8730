"""`edgesim diff`, as people and machines call it."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from tests.running import CANARY, ROOT, canary, edgesim, running

BOTH = [word for path in canary("echo", "echo-v2", "upstream") for word in ("-b", str(path))]
SERVICE = """\
apiVersion: gateway.solo.io/v1
kind: VirtualService
metadata: {name: shop, namespace: gloo-system}
spec:
  virtualHost:
    domains: [shop.example]
    routes:
"""
ECHO = "routeAction: {single: {upstream: {name: echo, namespace: gloo-system}}}"
OLD = f"""\
    - matchers: [{{prefix: /a, headers: [{{name: stage, value: beta}}]}}]
      {ECHO}
    - matchers: [{{prefix: /}}]
      directResponseAction: {{status: 404, body: gone}}
"""


def _write(folder: Path, name: str, routes: str) -> Path:
    file = folder / name
    file.write_text(SERVICE + routes)
    return file


def test_text_names_the_class_both_lines_and_a_request_that_shows_it() -> None:
    """A change of shares is told with its condition, what it was and is, who decides, and what moves; exit code 1."""
    done = edgesim("diff", *BOTH, *canary("vs-3", "vs-5"))
    assert done.code == 1
    lines = [line.strip() for line in done.out.splitlines()]
    assert lines[:3] == ["goes elsewhere: any host", "prefix /", "and header stage is not canary"]
    assert "after       50% gloo-system/echo:version=v1, 50% gloo-system/echo:version=v2" in lines
    assert f"route 2 of {CANARY / 'vs-3.yaml'}:25 (VirtualService gloo-system/echo)" in lines
    assert "moved       50% of these requests" in lines
    assert done.err == ""


def test_several_files_of_a_side_and_no_difference() -> None:
    """Sides of several files are split at `--`; 100:0 decides as one destination does, so nothing differs: exit code 0."""
    done = edgesim("diff", *canary("echo", "upstream", "vs-3"), "--", *canary("echo", "upstream", "vs-4"))
    assert (done.code, done.out) == (0, "nothing is decided otherwise\n")


def test_refactored_into_tables() -> None:
    """Routes moved from a VirtualService into tables of two teams are no difference, wherever they are written now."""
    assert (
        edgesim("diff", *(ROOT / "configs" / "teams" / each for each in ("shared-virtual-service", "delegation"))).code
        == 0
    )


@pytest.mark.parametrize(
    ("new", "effect", "said", "codes"),
    [
        (OLD.replace(ECHO, f"options: {{timeout: 3s}}\n      {ECHO}"), "options", ("timeout", "15", "3"), (0, 1)),
        (OLD.replace(ECHO, f"options: {{prefixRewrite: /b}}\n      {ECHO}"), "sent", ("path", "", "/b 2"), (1, 1)),
    ],
)
def test_weaker_differences(
    new: str, effect: str, said: tuple[str, str, str], codes: tuple[int, int], tmp_path: Path
) -> None:
    """What is sent otherwise gives 1, options alone give 1 only with --strict; both sides of what differs are told."""
    words: list[str | Path] = [
        "diff",
        *BOTH,
        _write(tmp_path, "old.yaml", OLD),
        _write(tmp_path, "new.yaml", new),
        "-o",
        "json",
    ]
    done = edgesim(*words)
    assert (done.code, edgesim(*words, "--strict").code) == codes
    (change,) = json.loads(done.out)["changes"]
    assert change["effect"] == effect
    assert tuple(change["differences"][0].values()) == said
    assert [each["text"] for each in change["conditions"]] == ["header stage is beta"]


def test_the_witness_is_decided_as_the_report_says() -> None:
    """The request of a class, given to `edgesim route` with either side, goes where the report says."""
    (change,) = json.loads(edgesim("diff", *BOTH, *canary("vs-3", "vs-5"), "-o", "json").out)["changes"]
    witness = change["witness"]
    asked = ["-X", witness["method"], *(word for line in witness["headers"] for word in ("-H", line)), witness["url"]]
    for side, step in (("before", "vs-3"), ("after", "vs-5")):
        report = json.loads(edgesim("route", *canary("echo", "echo-v2", "upstream", step), *asked, "-o", "json").out)
        shares = {(arm["cluster"], arm["subset"]["version"], arm["share"]) for arm in report["destinations"]}
        told = change[side]["destinations"]
        assert shares == {(arm["cluster"], arm["subset"]["version"], arm["share"]) for arm in told}


def test_traffic(tmp_path: Path) -> None:
    """Logged requests are counted by class, those that depend on headers nobody logged apart, with their names."""
    new = OLD.replace("prefix: /a,", "prefix: /b,")
    log = tmp_path / "access.log"
    tail = '404 - 0 8 1 - "-" "curl/8" "one" "shop.example" "-"'
    lines = [f'[2026-11-24T17:20:52.847Z] "GET {path} HTTP/1.1" {tail}' for path in ("/a", "/a/7", "/b", "/")]
    lines += [
        '{"authority": "shop.example", "path": "/a", "stage": "beta"}',
        '{"authority": "other", "path": "/a"}',
        "oops",
    ]
    log.write_text("\n".join(lines))
    files = _write(tmp_path, "old.yaml", OLD), _write(tmp_path, "new.yaml", new)
    found = json.loads(edgesim("diff", *BOTH, *files, "--traffic", log, "-o", "json").out)["traffic"]
    assert (found["requests"], found["affected"], found["perhaps"], found["headers"]) == (6, 1, 3, ["stage"])
    assert (found["unread"], found["first_unread"]) == (1, 7)
    assert sum(hit["if_absent"] for hit in found["hits"]) == 0
    piped = edgesim("diff", *BOTH, *files, "--traffic", "-", "-o", "json", stdin=log.read_text())
    assert json.loads(piped.out)["traffic"] == found
    said = edgesim("diff", *BOTH, *files, "--traffic", log).out
    assert "3 more may be: that depends on headers the log does not have: stage" in said


def test_traffic_without_the_header_of_a_canary(tmp_path: Path) -> None:
    """Requests whose log has no such header are told apart, with how many move if it was not sent."""
    log = tmp_path / "access.log"
    log.write_text('{"path": "/"}\n{"path": "/", "stage": "canary"}\n{"path": "/", "stage": null}\n' * 2)
    found = json.loads(edgesim("diff", *BOTH, *canary("vs-3", "vs-5"), "--traffic", log, "-o", "json").out)["traffic"]
    assert found["hits"] == [
        {"change": 0, "requests": 2, "perhaps": 2, "if_absent": 2, "expected": 1.0, "percent": pytest.approx(100 / 3)}
    ]
    said = edgesim("diff", *BOTH, *canary("vs-3", "vs-5"), "--traffic", log).out
    assert "2 requests (33.3%), 1 of them moved, perhaps 2 more (2 if the headers it lacks were not sent)" in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("diff", "name two paths, or several with -- between old and new"),
        ("diff a b c", "name two paths, or several with -- between old and new"),
        ("diff a --", "name two paths, or several with -- between old and new"),
        ("diff --rev x", "'x' is neither a revision's number nor `current`"),
        ("diff --rev current", "compare `current` with files"),
        ("diff --rev 1 --admin http://127.0.0.1:1", "ES0702 no edgesim answers"),
        ("diff --rev 3 --state /no/such", "ES0720 --state /no/such: there is no state.db in it"),
        ("diff {vs} {vs} --traffic /no/such.log", "ES0810 --traffic /no/such.log: no such file or directory"),
        ("diff {vs} {vs} --traffic {vs}", "ES0810"),
    ],
)
def test_wrong_command_lines(words: str, said: str) -> None:
    """What is no comparison, or a side that cannot be had, gives exit code 2 and says what to write."""
    done = edgesim(*shlex.split(words.format(vs=CANARY / "vs-1.yaml")))
    assert done.code == 2
    assert said in done.err


def test_a_side_with_errors(tmp_path: Path) -> None:
    """Problems of a side are printed by place, and errors give exit code 1 whatever differs."""
    (tmp_path / "nothing.yaml").write_text("kind: [\n")
    done = edgesim("diff", tmp_path / "nothing.yaml", canary("vs-1")[0])
    assert done.code == 1
    assert "nothing.yaml" in done.err


def test_revisions(tmp_path: Path) -> None:
    """A revision is compared with what is served, or with files; a state folder serves without an instance."""
    state = tmp_path / "state"
    with running(*canary("echo", "echo-v2", "upstream", "vs-3"), "--state", state) as gateway:
        assert gateway.apply(*canary("vs-5")).code == 0
        done = gateway.run("diff", "--rev", "1")
        assert (done.code, "header stage is not canary" in done.out) == (1, True)
        assert f"{CANARY / 'vs-3.yaml'}:" in done.out
        same = gateway.run("diff", "--rev", "current", *canary("echo", "echo-v2", "upstream", "vs-5"))
        assert (same.code, same.out) == (0, "nothing is decided otherwise\n")
        assert gateway.run("diff", "--rev", "99").code == 2
    kept = json.loads(edgesim("diff", "--state", state, "--rev", "1", "-o", "json").out)
    assert [change["moved"] for change in kept["changes"]] == [0.5]


def test_a_side_that_is_not_there_is_not_compared(tmp_path: Path) -> None:
    """A path that does not exist ends the command with exit code 2, instead of a side without routes."""
    done = edgesim("diff", tmp_path / "gone.yaml", *canary("vs-5"))
    assert (done.code, done.out) == (2, "")
    assert "gone.yaml:1:1: error ES0010 no such file or folder" in done.err

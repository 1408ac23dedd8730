"""`edgesim check`: what it prints for people, CI and code scanning."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from edgesim.cli.check_json import CheckOutput
from edgesim.cli.github import commands
from edgesim.cli.sarif import sarif_log
from edgesim.model import Position, Problem, ResourceKey, Severity
from edgesim.model.codes import CODES
from tests.running import CANARY, ROOT, Finished, edgesim, running

ECHO = """\
apiVersion: gateway.solo.io/v1
kind: VirtualService
metadata: {name: echo}
spec:
  virtualHost:
    domains: [echo.example]
    routes:
    - matchers: [{prefix: /}]
      directResponseAction: {status: 200}
"""
HIDDEN = ECHO + "    - matchers: [{prefix: /a}]\n      directResponseAction: {status: 200}\n"
TYPO = """\
apiVersion: gateway.solo.io/v1
kind: VirtualService
metadata: {name: foxtrot}
spec:
  virtualHost:
    domains: [foxtrot.example]
    routes:
    - routeAction: {single: {upstream: {name: foxtrto}}}
---
apiVersion: gloo.solo.io/v1
kind: Upstream
metadata: {name: foxtrot}
spec: {static: {hosts: [{addr: 127.0.0.1, port: 1}]}}
"""
KEY = ResourceKey("VirtualService", "a", "b")


def check(text: str, *options: str) -> Finished:
    return edgesim("check", "-", *options, stdin=text)


def test_a_problem_has_a_frame_a_guess_and_a_code_to_read_about() -> None:
    """Standard input has frames too; the last line says where to read more."""
    done = check(TYPO)
    assert done.code == 1
    assert "-:8:30: warning ES0214" in done.out
    assert "    > 8 |     - routeAction: {single: {upstream: {name: foxtrto}}}\n" in done.out
    assert "        |                              ^\n" in done.out
    assert "hint: did you mean `foxtrot`?" in done.out
    assert done.out.splitlines()[-1].startswith("To read more: edgesim explain ES0214")


def test_an_unreadable_document_has_a_frame() -> None:
    """No resource comes of it, and its line is shown nevertheless."""
    assert "> 3 |" in check("a: 1\nb: [\n").out


def test_a_terminal_without_the_characters_gets_escapes() -> None:
    """What cannot be encoded is spelled out, never a traceback."""
    done = edgesim("check", "-", stdin="a: [ä\n", env={"PYTHONIOENCODING": "ascii:strict", "PYTHONUTF8": "0"})
    assert (done.code, done.err) == (1, "")
    assert "\\xe4" in done.out


def test_a_clean_check_stays_clean_with_notes_unless_strict() -> None:
    """Notes change the exit code of --strict only."""
    assert (check(HIDDEN).code, check(HIDDEN, "--strict").code, check(ECHO, "--strict").code) == (0, 1, 0)


@pytest.mark.parametrize(
    "paths",
    [
        *(
            (*(CANARY / f"{name}.yaml" for name in ("echo", "echo-v2", "upstream", f"vs-{step}")),)
            for step in range(1, 8)
        ),
        *((folder,) for folder in sorted((ROOT / "configs" / "teams").iterdir()) if folder.is_dir()),
        (*(CANARY / f"{name}.yaml" for name in ("echo", "echo-v2", "upstream")), ROOT / "configs" / "jwt-canary"),
    ],
    ids=lambda paths: Path(paths[-1]).stem,
)
def test_what_is_shipped_gives_no_note(paths: tuple[Path, ...]) -> None:
    """The examples are examples."""
    done = edgesim("check", "--strict", *paths)
    assert (done.code, done.out.splitlines()[-1]) == (0, "No problems detected.")


def test_who_waits_for_whom_offline() -> None:
    """Under freeze the team without a mistake waits for the other's."""
    done = check(f"{ECHO}---\n{TYPO}")
    assert (
        "Held up until this is mended (--invalid-config=freeze):\n    ES0214 of VirtualService default/fox" in done.out
    )
    assert "VirtualService default/echo" in done.out.partition("by which these wait: ")[2]


def test_who_waits_for_whom_live(tmp_path: Path) -> None:
    """A running instance names whose newest version is not served; statuses tell the rest."""
    (tmp_path / "echo.yaml").write_text(ECHO)
    with running(tmp_path / "echo.yaml") as gateway:
        (tmp_path / "typo.yaml").write_text(TYPO)
        (tmp_path / "new.yaml").write_text(HIDDEN)
        gateway.apply(tmp_path / "typo.yaml", tmp_path / "new.yaml")
        report = json.loads(gateway.run("check", "-o", "json").out)
        waiting = {each["resource"]["name"]: each["problems"] for each in report["waiting"]}
        assert "echo" in waiting
        assert report["problems"][waiting["echo"][0]]["code"] == "ES0214"
        assert "> 8 |" in gateway.run("check").out
        status = json.loads(gateway.run("get", "vs", "foxtrot", "-o", "json").out)["status"]
        reported = status["statuses"]["gloo-system"]
        assert reported["state"] == "Warning"
        assert reported["subresourceStatuses"]["*v1.Proxy.gateway-proxy_gloo-system"]["state"] == "Warning"


def test_the_json_is_of_the_published_schema() -> None:
    """It decodes as the classes the schema is made from, with nothing left out."""
    printed = json.loads(check(f"{HIDDEN}---\n{TYPO}", "-o", "json").out)
    decoded = msgspec.convert(printed, CheckOutput)
    assert json.loads(msgspec.json.encode(decoded)) == printed
    schema = json.loads((ROOT / "docs" / "check.schema.json").read_text())
    assert set(printed) == set(schema["$defs"]["CheckOutput"]["properties"])


# --- SARIF -------------------------------------------------------------------------------------------


def _check_sarif(log: dict[str, Any]) -> None:
    """Hold a log to what the SARIF 2.1.0 schema demands of what edgesim writes."""
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert len({rule["id"] for rule in rules}) == len(rules)
    for rule in rules:
        assert set(rule) == {"id", "name", "shortDescription", "fullDescription", "help", "defaultConfiguration"}
        assert rule["shortDescription"]["text"]
        assert rule["help"]["text"]
        assert rule["help"]["markdown"]
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] in {"none", "note", "warning", "error"}
        assert result["message"]["text"]
        places = [*result.get("locations", []), *result.get("relatedLocations", [])]
        for region in (place["physicalLocation"]["region"] for place in places if "physicalLocation" in place):
            assert region["startLine"] >= 1
            assert region["startColumn"] >= 1


def test_sarif_of_a_file_below_the_working_directory() -> None:
    """URIs are relative to the root of the checkout, and escaped."""
    place = Position("a b/ä.yaml", 3, 4)
    problem = Problem("ES0214", Severity.WARNING, "m", KEY, "spec", place, "h", related=(Position("c.yaml", 1, 1),))
    log = sarif_log([problem, problem, Problem("ES0001", Severity.ERROR, "x")])
    _check_sarif(log)
    first, _again, bare = log["runs"][0]["results"]
    artifact = first["locations"][0]["physicalLocation"]["artifactLocation"]
    assert artifact == {"uri": "a%20b/%C3%A4.yaml", "uriBaseId": "%SRCROOT%"}
    assert first["relatedLocations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "c.yaml"
    assert "locations" not in bare
    assert len(log["runs"][0]["tool"]["driver"]["rules"]) == 2


def test_sarif_of_files_elsewhere_and_of_standard_input() -> None:
    """A file elsewhere has an absolute URI; what came by standard input has only its resource."""
    elsewhere = Problem("ES0214", Severity.WARNING, "m", KEY, "", Position("/elsewhere/x.yaml", 1, 1))
    by_stdin = Problem("ES0214", Severity.WARNING, "m", KEY, "", Position("-", 1, 1))
    first, second = sarif_log([elsewhere, by_stdin])["runs"][0]["results"]
    assert first["locations"][0]["physicalLocation"]["artifactLocation"] == {"uri": "file:///elsewhere/x.yaml"}
    assert set(second["locations"][0]) == {"logicalLocations"}


def test_sarif_of_every_code() -> None:
    """Each row of the table makes a rule."""
    _check_sarif(sarif_log([Problem(code, row.severity, "m") for code, row in CODES.items()]))


def test_sarif_from_the_command_line() -> None:
    """The exit code is that of the text."""
    done = check(f"{HIDDEN}---\n{TYPO}", "-o", "sarif")
    assert done.code == 1
    _check_sarif(json.loads(done.out))


# --- GitHub ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("severity", "command"), [(Severity.ERROR, "error"), (Severity.WARNING, "warning"), (Severity.NOTE, "notice")]
)
def test_workflow_commands_are_escaped(severity: Severity, command: str) -> None:
    """Percent signs and line breaks never end a command; colons and commas never end a property."""
    problem = Problem("ES0214", severity, "100%\r\nx", None, "", Position("a,b:c%.yaml", 3, 4))
    (line,) = commands([problem])
    title = f"ES0214%3A {CODES['ES0214'].title}"
    assert line == f"::{command} file=a%2Cb%3Ac%25.yaml,line=3,col=4,title={title}::100%25%0D%0Ax"


def test_a_workflow_command_without_a_file() -> None:
    """What came by standard input is on no line of the pull request."""
    (line,) = commands([Problem("ES0214", Severity.NOTE, "m", KEY, "", Position("-", 3, 4), "h")])
    assert "file=" not in line
    assert line.endswith("::VirtualService a/b: m%0Ah")


def test_a_tables_mistake_counts_for_the_virtual_service_too() -> None:
    """As for glooctl, which reads the statuses: what suffers from a mistake elsewhere is not OK."""
    platform = ECHO.replace("directResponseAction: {status: 200}", "delegateAction: {ref: {name: t, namespace: t}}")
    table = """---
apiVersion: gateway.solo.io/v1
kind: RouteTable
metadata: {name: t, namespace: t}
spec: {routes: [{routeAction: {single: {upstream: {name: nowhere}}}}]}
"""
    done = check(platform + table)
    wrong = [line for line in done.out.splitlines() if "Errors!" in line]
    assert wrong == [
        "Checking VirtualServices... 1 Errors!",
        "Checking RouteTables... 1 Errors!",
        "Checking Proxies... 1 Errors!",
    ]


def test_the_proxy_has_what_the_gloo_step_finds() -> None:
    """The Proxies line agrees with the Proxy's status: one Proxy counts once, what never reaches it does not."""
    lost = "{{matchers: [{{prefix: /}}], routeAction: {{single: {{upstream: {{name: {}}}}}}}}}"
    for routes, line in (
        (f"[{lost.format('a')}, {lost.format('b')}]", "Checking Proxies... 1 Errors!"),
        ("[{matchers: [{prefix: /}]}]", "Checking Proxies... OK"),
    ):
        text = f"""---
apiVersion: gateway.solo.io/v1
kind: VirtualService
metadata: {{name: one, namespace: t}}
spec: {{virtualHost: {{domains: [one.example], routes: {routes}}}}}
"""
        done = check(text)
        assert done.code == 1
        assert line in done.out.splitlines()

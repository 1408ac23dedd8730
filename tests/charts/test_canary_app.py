"""The chart by itself: lint, rendering, and what its values refuse; both Helms, no server."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.kube.real import binaries
from tests.running import DEADLINE, ROOT, edgesim

pytestmark = pytest.mark.slow
CHART = ROOT / "configs" / "charts" / "canary-app"
PLATFORM = ROOT / "configs" / "teams" / "self-service" / "platform.yaml"
STEPS = range(1, 7)
versions = pytest.mark.parametrize("helm", binaries.HELMS)


def run(helm: str, *words: str | Path) -> subprocess.CompletedProcess[str]:
    """Run Helm."""
    program = binaries.helm(helm)
    return subprocess.run([program, *words], capture_output=True, text=True, timeout=DEADLINE, check=False)


def rendered(helm: str, *words: str | Path, name: str = "echo") -> list[dict[str, Any]]:
    """Return the objects of a release."""
    done = run(helm, "template", name, CHART, "--namespace", "team", *words)
    assert done.returncode == 0, done.stderr
    return [each for each in yaml.safe_load_all(done.stdout) if each]


def values(step: int) -> tuple[str, Path]:
    """Return the flags of a step's values."""
    return "-f", CHART / f"values-{step}.yaml"


@versions
def test_lint_has_nothing_to_say(helm: str) -> None:
    """`helm lint --strict` is clean with the chart's own values and with each step's."""
    for flags in ((), *(values(step) for step in STEPS)):
        done = run(helm, "lint", "--strict", CHART, *flags)
        assert (done.returncode, done.stderr) == (0, ""), done
        assert "[" not in done.stdout, done.stdout
        assert "1 chart(s) linted, 0 chart(s) failed" in done.stdout


def test_both_helms_render_the_same() -> None:
    """Helm 3 and 4 make the same objects of each step."""
    for step in STEPS:
        assert rendered("3", *values(step)) == rendered("4", *values(step))


@pytest.mark.parametrize("step", STEPS)
def test_what_is_rendered_has_no_problem(step: int, tmp_path: Path) -> None:
    """`edgesim check` of each step's manifests, with the VirtualService they need, finds nothing."""
    manifests = tmp_path / "manifests.yaml"
    manifests.write_text(yaml.safe_dump_all(rendered("4", *values(step))))
    checked = edgesim("check", manifests, PLATFORM)
    assert (checked.code, "No problems detected." in checked.out) == (0, True), checked


@versions
def test_kinds_and_names_follow_the_release(helm: str) -> None:
    """Everything bears the release's name and namespace, and one that no Service could have is made one."""
    kinds = {"Service", "Deployment", "Upstream", "RouteTable", "Pod"}
    for name, expected in (("echo", "echo"), ("2nd.echo", "app-2nd-echo")):
        made = rendered(helm, name=name)
        assert {each["kind"] for each in made} == kinds
        assert {each["metadata"]["namespace"] for each in made} == {"team"}
        assert all(each["metadata"]["name"].startswith(expected) for each in made)
        (table,) = (each for each in made if each["kind"] == "RouteTable")
        assert table["spec"]["routes"][0]["matchers"] == [{"prefix": f"/{name}"}]


@versions
@pytest.mark.parametrize("word", ["y", "no", "null", "true", "1e3", "2026-01-01"])
def test_names_stay_text(helm: str, word: str) -> None:
    """A release and a namespace may have a name that YAML reads as something else where it is not quoted."""
    name = word if word[0].isalpha() else f"app-{word}"
    done = run(helm, "template", word, CHART, "--namespace", word, *values(4), "--set", f"routes.apiGroup=x{word}")
    assert done.returncode == 0, done.stderr
    found = {each["kind"]: each for each in yaml.safe_load_all(done.stdout) if each}
    assert {each["metadata"]["namespace"] for each in found.values()} == {word}
    assert [found[kind]["metadata"]["name"] for kind in ("Service", "Upstream", "RouteTable")] == [name] * 3
    kube = found["Upstream"]["spec"]["kube"]
    assert (kube["serviceName"], kube["serviceNamespace"]) == (name, word)
    single = found["RouteTable"]["spec"]["routes"][0]["routeAction"]["single"]
    assert single["upstream"] == {"name": name, "namespace": word}


def test_every_path_has_its_matchers() -> None:
    """Several paths, headers and a weight make two routes: the canary's first, then the split."""
    made = rendered("4", *values(4), "--set", "routes.paths={/a,/b}")
    (table,) = (each for each in made if each["kind"] == "RouteTable")
    canary, split = table["spec"]["routes"]
    headers = [{"name": "stage", "value": "canary"}]
    assert canary["matchers"] == [{"prefix": "/a", "headers": headers}, {"prefix": "/b", "headers": headers}]
    assert split["matchers"] == [{"prefix": "/a"}, {"prefix": "/b"}]
    assert [each["weight"] for each in split["routeAction"]["multi"]["destinations"]] == [50, 50]


@versions
@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("routes.canary.weight=101", "weight"),
        ("routes.canary.weight=-1", "weight"),
        ("routes.canary.weight=1.5", "weight"),
        ("routes.primary.version=v9", 'routes.primary.version is "v9", which is not deployed: versions has v1, v2'),
        ("routes.canary.version=v9", 'routes.canary.version is "v9", which is not deployed: versions has v1, v2'),
        ("options.shadowing.version=v9,options.shadowing.percentage=1", "options.shadowing.version"),
        ("routes.primary=null", "routes.primary.version must say which of the versions is released: v1, v2"),
        ("versions.V_3.replicas=1", "V_3"),
        ("versions.v2.replica=3", "replica"),
        ("routes.paths={echo}", "paths"),
        ("options.timeout=soon", "timeout"),
    ],
)
def test_values_that_make_no_sense_are_refused(helm: str, setting: str, told: str) -> None:
    """What is out of range, misspelt or not deployed is refused with the name of the value, and nothing is rendered."""
    done = run(helm, "template", "echo", CHART, *values(4), "--set", setting)
    assert (done.returncode, done.stdout) == (1, ""), done
    assert told in done.stderr, done.stderr


def test_the_schema_describes_every_value() -> None:
    """Each value of values.yaml is a property of the schema, which admits no other."""
    schema = json.loads((CHART / "values.schema.json").read_text())
    assert schema["additionalProperties"] is False
    assert set(yaml.safe_load((CHART / "values.yaml").read_text())) <= set(schema["properties"])

"""The pytest plugin, in real runs of pytest."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from importlib import import_module

import pytest

from tests.running import CANARY, ROOT

_STEP_3 = [str(CANARY / f"{name}.yaml") for name in ("echo", "echo-v2", "upstream", "vs-3")]
_INI = "[pytest]\nedgesim_paths =\n" + "".join(f"    {path}\n" for path in _STEP_3)
_GET = """
import urllib.request

def get(url, **headers):
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as answer:
        return answer.read().decode().strip()
"""


def _run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> pytest.RunResult:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    own = ("-p", "edgesim.testing.plugin", "-p", "no:cacheprovider", "--strict-markers")
    return pytester.runpytest_subprocess(*own, *arguments)


def test_requests_run_through_the_routes(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests share a gateway with the configuration of the ini file, ask it and change it; who changed it has it alone."""
    pytester.makeini(_INI)
    pytester.makepyfile(
        _GET
        + f"""
def test_requests(edgesim):
    assert get(edgesim.url, stage="canary") == "version:v2"
    assert edgesim.environment["GATEWAY"] == edgesim.gateway == edgesim.url

def test_routes(edgesim):
    test_routes.admin = edgesim.admin
    assert edgesim.route("/").destinations[0].subset == {{"version": "v1"}}
    assert edgesim.route("/", headers={{"stage": "canary"}}).destinations[0].subset == {{"version": "v2"}}

def test_changes(edgesim):
    assert edgesim.admin == test_routes.admin
    edgesim.apply({str(CANARY / "vs-7.yaml")!r})
    assert get(edgesim.url) == "version:v2"
    edgesim.apply(open({str(CANARY / "vs-3.yaml")!r}).read())
    assert get(edgesim.url) == "version:v1"

def test_is_as_it_was(edgesim, edgesim_factory):
    assert edgesim.admin != test_routes.admin
    assert edgesim_factory() is edgesim
"""
    )
    _run(pytester, monkeypatch, "-p", "no:randomly").assert_outcomes(passed=4)


@pytest.mark.slow
def test_markers_choose_the_configuration(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """A marker names paths from the root folder; what is wrong with them is told by place, without a stack of calls."""
    (pytester.path / "configs").symlink_to(ROOT / "configs")
    pytester.makepyfile(
        """
import pytest

FOLDER = "configs/two-phased-canary"

@pytest.mark.edgesim(f"{FOLDER}/echo.yaml", f"{FOLDER}/upstream.yaml", f"{FOLDER}/vs-1.yaml", seed=3)
def test_marked(edgesim):
    assert edgesim.route("/").route == 1
    with pytest.raises(AssertionError, match="no-such-file.yaml"):
        edgesim.apply(f"{FOLDER}/no-such-file.yaml")

@pytest.mark.edgesim(f"{FOLDER}/echo.yaml", f"{FOLDER}/vs-3.yaml")
def test_broken(edgesim):
    pass
"""
    )
    found = _run(pytester, monkeypatch)
    found.assert_outcomes(passed=1, errors=1)
    found.stdout.fnmatch_lines(["the gateway does not start:", "*vs-3.yaml:19:13: warning ES0214 *"])
    assert "Traceback" not in found.stdout.str()


@pytest.mark.slow
def test_workers_of_xdist_have_gateways_of_their_own(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two workers of pytest-xdist run tests at the same time, each with an instance on ports of its own."""
    pytester.makeini(_INI)
    pytester.makepyfile(
        _GET
        + """
import pytest

@pytest.mark.parametrize("number", range(4))
def test_requests(edgesim, number):
    assert get(edgesim.url) == "version:v1"
"""
    )
    _run(pytester, monkeypatch, "-p", "xdist", "-n2").assert_outcomes(passed=4)


def test_it_costs_nothing_where_it_is_not_used() -> None:
    """Importing the plugin imports nothing of edgesim but itself; it is what the entry point names."""
    script = (
        "import sys, edgesim.testing.plugin as _; print(*sorted(m for m in sys.modules if m.startswith('edgesim')))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.split() == ["edgesim", "edgesim.testing", "edgesim.testing.plugin"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert import_module(project["entry-points"]["pytest11"]["edgesim"]).edgesim

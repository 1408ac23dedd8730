from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = ("runtime", "dev")
_PINNED = re.compile(r"^([a-z0-9][a-z0-9.-]*)(?:\[[a-z0-9,-]+\])?==(\S+?)(?: ; .*)? \\$")


def _logical_lines(name: str) -> list[str]:
    text = (ROOT / "locks" / f"{name}.txt").read_text()
    return [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]


def _versions(name: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for line in _logical_lines(name):
        if pinned := _PINNED.match(line):
            found.setdefault(pinned[1], set()).add(pinned[2])
    return found


def _normal(requirement: str) -> str:
    name = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert name is not None
    return re.sub(r"[-_.]+", "-", name[0]).lower()


@pytest.mark.parametrize("name", LOCKS)
def test_everything_is_pinned_with_hashes(name: str) -> None:
    """Every line of a lock is a pinned requirement followed by its hashes: no host, no path, nothing loose."""
    lines = _logical_lines(name)
    assert lines
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        if line.startswith("    "):
            assert re.fullmatch(r"    --hash=sha256:[0-9a-f]{64}(?: \\)?", line), line
        else:
            assert _PINNED.match(line), line
            assert following.startswith("    --hash=sha256:"), line


def test_one_venv_holds_both() -> None:
    """What both locks name has the same version in both, so the developer tools go on top of the runtime."""
    dev = _versions("dev")
    assert all(dev[name] == versions for name, versions in _versions("runtime").items())


def test_locks_hold_what_the_project_asks_for() -> None:
    """Every dependency of pyproject.toml, and what builds edgesim, is in its lock."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    runtime = {*map(_normal, project["dependencies"]), "hatchling", "editables"}
    extras = {_normal(line) for lines in project["optional-dependencies"].values() for line in lines} - {"edgesim"}
    assert runtime <= _versions("runtime").keys()
    assert runtime | extras <= _versions("dev").keys()

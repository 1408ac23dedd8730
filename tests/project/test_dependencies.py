from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def _name(requirement: str) -> str:
    return re.sub(r"[-_.]+", "-", re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0]).lower()


def _imports(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None and not node.level:
            yield node.module.partition(".")[0]


def _distributions(folder: str, ours: frozenset[str]) -> set[str]:
    found = {name for file in (ROOT / folder).rglob("*.py") for name in _imports(file)}
    third = found - sys.stdlib_module_names - ours
    known = packages_distributions()
    return {_name(known.get(name, [name])[0]) for name in third}  # an extra may not be installed


def test_what_edgesim_imports_is_declared() -> None:
    """Every package that edgesim imports is a dependency of its own, not by the grace of another, and the reverse."""
    ours = frozenset({"edgesim", "pytest"})  # pytest itself loads the plugin
    extras = {
        _name(line) for extra in ("envoy", "locust", "plot", "xds") for line in PROJECT["optional-dependencies"][extra]
    }
    assert _distributions("edgesim", ours) - extras == {_name(line) for line in PROJECT["dependencies"]}


@pytest.mark.parametrize("folder", ["bench", "tests", "docs"])
def test_what_developers_run_is_declared(folder: str) -> None:
    """What benchmarks, tests and scripts import is in the lists `make install` installs."""
    lines = [*PROJECT["dependencies"], *(line for extra in PROJECT["optional-dependencies"].values() for line in extra)]
    used = _distributions(folder, frozenset({"edgesim", "bench", "tests", "docs"}))
    assert used <= {_name(line) for line in lines}

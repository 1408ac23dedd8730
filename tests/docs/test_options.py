from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[2] / "docs" / "generate" / "options.py"


@pytest.fixture
def options(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate_options", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def test_the_page_is_not_stale(options: ModuleType) -> None:
    """What is committed is what the schemas say."""
    assert options.main(["--check"]) == 0


def test_each_field_says_what_becomes_of_it(options: ModuleType) -> None:
    """Fields act, have no effect, or are accepted; those inside one without effect are not listed."""
    lines = options.page(options.SECTIONS).splitlines()
    assert "| `retries.numRetries` | 0 to 4294967295 | **acts** |" in lines
    assert "| `tracing` | anything | *no effect* |" in lines
    assert "| `retries.perTryTimeout` | duration | **acts** |" in lines
    assert "| `lbHash.hashPolicies[].cookie.ttl` | duration | **acts** |" in lines
    assert "| `loadBalancerConfig` | mapping | *no effect* |" in lines
    assert "| `jwt.providers.*.jwks.local.key` | text | **acts** |" in lines
    assert "| `consul` | anything | not served |" in lines
    assert "| `discovery` | anything | accepted |" in lines
    assert not [line for line in lines if line.startswith("| `loadBalancerConfig.")]


def test_check_fails_until_written(
    options: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """--check exits 1 and writes nothing while the page is stale; writing it makes it exit 0."""
    monkeypatch.setattr(options, "FILE", tmp_path / "options.md")
    assert options.main(["--check"]) == 1
    assert "stale: docs/options.md" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []
    assert options.main([]) == 0
    assert options.main([]) == options.main(["--check"]) == 0

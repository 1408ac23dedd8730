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
    assert options.FILE.read_text() == options.page(options.SECTIONS)


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

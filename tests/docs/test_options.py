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


RETRIES = ("edgesim.dialects.schema.options.RetryPolicy", "retry_on")


@pytest.fixture
def page(options: ModuleType, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(options, "readers", lambda: {RETRIES: frozenset({"gloo/b.py", "gloo/a.py"})})
    text: str = options.page(options.SECTIONS)
    return text


def test_each_field_says_what_becomes_of_it_and_who_reads_it(page: str) -> None:
    """Fields act, have no effect, or are accepted; those inside one without effect are not listed."""
    lines = page.splitlines()
    assert "| `retries.retryOn` | text | **acts** | gloo/a.py, gloo/b.py |" in lines
    assert "| `retries.numRetries` | 0 to 4294967295 | **acts** |  |" in lines
    assert "| `tracing` | anything | *no effect* |  |" in lines
    assert "| `lbHash.hashPolicies[].cookie.ttl` | duration | **acts** |  |" in lines
    assert "| `httpConnectHeaders` | list | *no effect* |  |" in lines
    assert "| `loadBalancerConfig.random` | `{}` | **acts** |  |" in lines
    assert "| `jwt.providers.*.jwks.local.key` | text | **acts** |  |" in lines
    assert "| `consul` | anything | not served |  |" in lines
    assert "| `discovery` | anything | accepted |  |" in lines
    assert "| `displayName` | text | accepted |  |" in lines
    assert not [line for line in lines if line.startswith("| `httpConnectHeaders[")]


@pytest.mark.usefixtures("page")
def test_what_nobody_reads_is_named(options: ModuleType) -> None:
    """A field that acts needs a reader; one without effect does not."""
    found = options.unread(options.SECTIONS)
    assert "retries.numRetries" in found
    assert {"retries.retryOn", "tracing", "consul", "displayName"} & set(found) == set()


@pytest.mark.slow
def test_readers_are_found_by_type(options: ModuleType) -> None:
    """Of two fields of the same name each has its own readers, and every field that acts has one."""
    found = options.readers()
    assert found[RETRIES] == {"gloo/retries.py"}
    assert found["edgesim.dialects.schema.options.FaultAbort", "percentage"] == {"gloo/faults.py"}
    assert options.unread(options.SECTIONS) == []

"""What every test of edgesim shares."""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import Generator
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, Phase, settings

REQUIRE_ALL = os.environ.get("EDGESIM_REQUIRE_ALL") == "1"

# Hundreds of processes are started, and each would compile everything anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# Tests hold a thousand connections at once, which are more files than a login shell allows.
_FILES = 8192
_soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
if 0 <= _soft < _FILES:
    with suppress(ValueError, OSError):  # some systems report a limit they do not grant
        resource.setrlimit(resource.RLIMIT_NOFILE, (_FILES if _hard < 0 else min(_FILES, _hard), _hard))

# Every core may be busy with other tests, so time is no evidence of a slow strategy; nor is the luck of its first draws.
_LUCK = (HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large, HealthCheck.large_base_example)
_PATIENT = settings(deadline=None, suppress_health_check=_LUCK)
settings.register_profile("laptop", _PATIENT, max_examples=50)
settings.register_profile("ci", _PATIENT, max_examples=60, derandomize=False, print_blob=True)
settings.register_profile("deep", _PATIENT, max_examples=5000, print_blob=True)
# For mutation testing: the same examples each time, and none made smaller, which takes a mutant's whole time.
settings.register_profile(
    "mutants", _PATIENT, max_examples=50, derandomize=True, database=None, phases=(Phase.explicit, Phase.generate)
)
settings.load_profile(os.environ.get("EDGESIM_HYPOTHESIS") or ("ci" if REQUIRE_ALL else "laptop"))


def _must_run(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Turn a skip into a failure: on a machine that claims to have everything, a skip hides a broken promise."""
    expected_failure = hasattr(report, "wasxfail")
    if REQUIRE_ALL and report.skipped and not expected_failure:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        report.outcome = "failed"
        report.longrepr = f"EDGESIM_REQUIRE_ALL=1 admits no skipped test: {reason}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    _must_run(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    _must_run(report)
    return report

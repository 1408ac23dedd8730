from __future__ import annotations

from pathlib import Path

import pytest

CONFTEST = Path(__file__).parents[1] / "conftest.py"
SUITE = """
    import pytest

    def test_passes():
        pass

    def test_skips():
        pytest.skip("no wrk here")

    @pytest.mark.xfail(reason="known")
    def test_expected_to_fail():
        assert False
"""
SKIPPED_MODULE = """
    import pytest
    pytest.importorskip("no_such_module_anywhere")
"""


def _suite(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(CONFTEST.read_text())
    pytester.makepyfile(test_suite=SUITE, test_module=SKIPPED_MODULE)


def test_skips_fail_where_everything_is_required(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """With EDGESIM_REQUIRE_ALL=1 a skipped test and a skipped module fail and say why; an expected failure does not."""
    monkeypatch.setenv("EDGESIM_REQUIRE_ALL", "1")
    _suite(pytester)
    result = pytester.runpytest_subprocess("--continue-on-collection-errors", "-p", "no:randomly")
    result.assert_outcomes(passed=1, failed=1, errors=1, xfailed=1)
    result.stdout.fnmatch_lines(["*admits no skipped test: *no wrk here*"])
    result.stdout.fnmatch_lines(["*admits no skipped test: *no_such_module_anywhere*"])


def test_skips_skip_elsewhere(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it a skip is a skip."""
    monkeypatch.delenv("EDGESIM_REQUIRE_ALL", raising=False)
    _suite(pytester)
    pytester.runpytest_subprocess().assert_outcomes(passed=1, skipped=2, xfailed=1)

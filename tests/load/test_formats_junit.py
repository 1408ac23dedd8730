from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree as ET

from edgesim.load.formats_junit import junit
from edgesim.load.outcome import Outcome
from tests.load import samples


def test_each_question_is_a_case() -> None:
    """A verdict and a condition is a case each: FAIL and met fail, NEED-MORE-DATA is skipped, and totals are right."""
    root = ET.fromstring(junit(samples.outcome(samples.limited())))
    (suite,) = root
    assert (root.get("tests"), root.get("failures"), root.get("errors")) == ("6", "2", "0")
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("6", "2", "1")
    failed = [case.get("name") for case in suite.iter("testcase") if case.find("failure") is not None]
    assert failed == ["--fail-if p99>50ms", "errors: Does v2 fail more often than v1?"]
    assert "more --workers" in suite.findtext("system-out", "")


def test_nothing_answered_fails() -> None:
    """A run without an answer is a failed case even where nothing was asked about it."""
    (suite,) = ET.fromstring(junit(Outcome(replace(samples.result(6), cells=()))))
    assert [each.get("message") for each in suite.iter("failure")] == ["nothing was answered"]


def test_what_xml_cannot_hold_is_left_out() -> None:
    """A control character in a sentence does not make the document unreadable."""
    outcome = samples.outcome(samples.result(6))
    verdict = replace(outcome.verdicts[1], sentences=("a\x00b\x1b]<>&",))
    root = ET.fromstring(junit(replace(outcome, verdicts=(verdict,))))
    assert [each.text for each in root.iter("failure")][
        -1
    ] == "a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}]<>&"

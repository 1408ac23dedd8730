"""A run as JUnit XML, for the test pages of CI systems: a case for each verdict and each stop condition."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from edgesim.analysis import Kind, Verdict
from edgesim.inspect.junit import clean, document
from edgesim.load.outcome import Outcome
from edgesim.load.stops import Looked


def junit(outcome: Outcome) -> bytes:
    """Return the document. A verdict that needs more data is a skipped case: it neither passed nor failed."""
    result = outcome.result
    target = result.scenario.target
    seconds = f"{result.seconds:.3f}"
    root = ET.Element("testsuites", name="edgesim load", time=seconds)
    name = clean(f"{target.scheme}://{target.authority}")
    suite = ET.SubElement(root, "testsuite", name=name, timestamp=result.started[:19], time=seconds)
    _answered(suite, outcome)
    for looked in outcome.looked:
        _condition(suite, looked)
    for verdict in outcome.verdicts:
        _verdict(suite, verdict)
    for attribute, tag in (("tests", "testcase"), ("failures", "failure"), ("skipped", "skipped")):
        suite.set(attribute, str(sum(1 for _ in suite.iter(tag))))
    suite.set("errors", "0")
    if result.client.limits:
        ET.SubElement(suite, "system-out").text = clean("\n".join(result.client.limits))
    return document(root)


def _case(suite: ET.Element, name: str, kind: str) -> ET.Element:
    return ET.SubElement(suite, "testcase", name=clean(name), classname=f"edgesim.load.{kind}", time="0")


def _answered(suite: ET.Element, outcome: Outcome) -> None:
    case = _case(suite, "requests are answered", "run")
    if not outcome.answered:
        ET.SubElement(case, "failure", message="nothing was answered", type="unanswered")


def _condition(suite: ET.Element, looked: Looked) -> None:
    case = _case(suite, f"--fail-if {looked.condition.text}", "conditions")
    if looked.true:
        ET.SubElement(case, "failure", message=clean(looked.sentence), type="condition")


def _verdict(suite: ET.Element, verdict: Verdict) -> None:
    case = _case(suite, f"{verdict.name}: {verdict.question}", "verdicts")
    said = clean("\n".join(verdict.sentences))
    if verdict.kind is Kind.FAIL:
        ET.SubElement(case, "failure", message=clean(verdict.sentence), type=verdict.name).text = said
    elif verdict.kind is Kind.NEED_MORE_DATA:
        ET.SubElement(case, "skipped", message=clean(verdict.sentence))
    else:
        ET.SubElement(case, "system-out").text = said

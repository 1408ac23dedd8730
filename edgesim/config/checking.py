"""The whole report of `check`: problems, lint, code frames, who waits for whom. Pure."""

from __future__ import annotations

from dataclasses import replace

from edgesim.config.frames import frames_of, sources_of
from edgesim.config.serving import Served
from edgesim.config.waiting import held_back
from edgesim.inspect.checks import CheckReport, check_report, with_waiting
from edgesim.inspect.lint import Subject, with_lint


def full_report(subject: Subject, served: Served) -> CheckReport:
    """Return what `check` says of a configuration while `served` is served instead of it, or is it."""
    report = check_report(with_lint(subject))
    report = with_waiting(report, held_back(served, subject.model), served.policy.value)
    return replace(report, frames=frames_of(report.problems, sources_of(subject.resources)))

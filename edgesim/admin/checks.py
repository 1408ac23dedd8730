"""The report of `check` on a running instance, made anew only when something changed."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from edgesim.config.checking import full_report
from edgesim.control import Instance
from edgesim.inspect.checks import CheckReport
from edgesim.inspect.lint import Subject


@dataclass(slots=True)
class Checked:
    """The last report, and what it was made of."""

    key: tuple[object, ...] = ()
    report: CheckReport = field(default_factory=lambda: CheckReport((), ()))

    async def report_of(self, instance: Instance) -> CheckReport:
        """Return the report on what an instance has now; a thread looks at it, since lint may take a second."""
        served, translation, assignments = instance.served, instance.translation, instance.assignments
        key = (served, translation, assignments)
        if len(key) != len(self.key) or any(one is not other for one, other in zip(key, self.key, strict=True)):
            resources = instance.store.resources()
            subject = Subject(resources, translation.model, assignments, served.problems, translation.where)
            report = await asyncio.to_thread(full_report, subject, served)
            self.key, self.report = key, report
        return self.report

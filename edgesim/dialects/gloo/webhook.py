"""What Settings say of the validating webhook (reference, sections 9.6 and 10)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from edgesim.dialects.schema.settings import Settings
from edgesim.model import Problem, Severity


@dataclass(frozen=True, slots=True)
class Webhook:
    """Whether writes may be refused before they are stored, and whether warnings let them pass."""

    refuses: bool = False
    warnings_pass: bool = True

    def grave(self, problems: Iterable[Problem]) -> list[Problem]:
        """Return the problems for which a write is refused."""
        severities = {Severity.ERROR} if self.warnings_pass else {Severity.ERROR, Severity.WARNING}
        return [each for each in problems if each.severity in severities]


def webhook_of(settings: Settings | None) -> Webhook:
    """Return what the Settings say; without their object `validation` there is no webhook."""
    gateway = None if settings is None else settings.spec.gateway
    if gateway is None or gateway.validation is None:
        return Webhook()
    return Webhook(gateway.validation.always_accept is False, gateway.validation.allow_warnings is not False)

"""Names that cannot be resolved, told as events of the Upstreams that ask for them: `kubectl describe` shows them.

They are no problem of a configuration, which may be right, so that no status speaks of them, as with Gloo.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from edgesim.config.events import record_event
from edgesim.config.store import Store
from edgesim.control.problem_events import COMPONENT
from edgesim.model import ResourceKey


@dataclass(frozen=True, slots=True)
class NameEvents:
    """Writes the events."""

    store: Store

    def tell(self, resources: Iterable[ResourceKey], text: str, resolved: bool) -> None:  # noqa: FBT001 as the engine calls it
        """Write an event of each resource."""
        for key in dict.fromkeys(resources):
            entry = self.store.get(key)
            if entry is not None:
                record_event(
                    self.store,
                    entry,
                    type="Normal" if resolved else "Warning",
                    reason="Resolved" if resolved else "NotResolved",
                    message=text,
                    component=COMPONENT,
                    now=self.store.now(),
                )

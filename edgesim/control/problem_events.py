"""What comes and goes of problems, told as events of the resources at fault, and of those that are held up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Final, Literal

from edgesim.config.events import expire_events, record_event
from edgesim.config.store import Store
from edgesim.control.statuses import ProblemIndex
from edgesim.dialects.kinds import GATEWAY, GLOO
from edgesim.model import Problem, ResourceKey, Severity

COMPONENT: Final = "gloo"
"""Who reports of Gloo's kinds, as `kubectl describe` shows it."""
OF_OTHERS: Final = "edgesim"
"""Who reports of Kubernetes' own."""
MOST_AT_ONCE: Final = 200
"""Events of one translation: of 25,000 broken routes nobody reads more."""
_MOST_CAUSES: Final = 3

Causes = Mapping[ResourceKey, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class _Told:
    key: ResourceKey
    type: Literal["Normal", "Warning"]
    reason: str
    message: str


class ProblemEvents:
    """Remembers what was told, so that each problem is told when it comes and when it has gone."""

    def __init__(self) -> None:
        """Begin with nothing told."""
        self._problems: Mapping[ResourceKey, tuple[Problem, ...]] = {}
        self._waiting: Causes = {}

    def tell(self, store: Store, index: ProblemIndex) -> None:
        """Write events of what is new since this was last called."""
        problems = {key: own for key, found in index.by_resource.items() if (own := _own(key, found))}
        told = [*_coming(self._problems, problems), *_held(self._waiting, index.waiting, problems)]
        told += _going(self._problems, problems)
        self._problems, self._waiting = problems, index.waiting
        now = store.now()
        for each in islice(told, MOST_AT_ONCE):
            _write(store, each, now)
        expire_events(store, now)


def _own(key: ResourceKey, problems: list[Problem]) -> tuple[Problem, ...]:
    return tuple(problem for problem in problems if problem.resource == key)


def _coming(
    before: Mapping[ResourceKey, tuple[Problem, ...]], now: Mapping[ResourceKey, tuple[Problem, ...]]
) -> Iterator[_Told]:
    for key, problems in now.items():
        known = {(problem.code, problem.message) for problem in before.get(key, ())}
        for problem in problems:
            if (problem.code, problem.message) not in known:
                yield _Told(key, "Warning", _reason(key, problem), _message(problem))


def _held(before: Causes, now: Causes, problems: Mapping[ResourceKey, object]) -> Iterator[_Told]:
    """Tell of resources that wait for others to be mended."""
    for key, causes in now.items():
        if key not in problems and before.get(key) != causes:
            more = f" and {len(causes) - _MOST_CAUSES} more" if len(causes) > _MOST_CAUSES else ""
            text = f"its newest version is not served until these are mended: {', '.join(causes[:_MOST_CAUSES])}{more}"
            yield _Told(key, "Warning", "HeldUp", text)


def _going(before: Mapping[ResourceKey, object], now: Mapping[ResourceKey, object]) -> Iterator[_Told]:
    for key in before:
        if key not in now:
            yield _Told(key, "Normal", "Accepted", "nothing is wrong with it any more")


def _reason(key: ResourceKey, problem: Problem) -> str:
    """Return the state Gloo reports: of an Upstream an error is a warning, too."""
    return "Rejected" if problem.severity is Severity.ERROR and key.kind != "Upstream" else "Warning"


def _message(problem: Problem) -> str:
    place = f" ({problem.position})" if problem.position is not None else ""
    field = f"{problem.field}: " if problem.field else ""
    return f"{problem.code} {field}{problem.message}{place}"


def _write(store: Store, told: _Told, now: datetime) -> None:
    entry = store.get(told.key)
    if entry is not None:
        component = COMPONENT if entry.resource.kind.group in {GATEWAY, GLOO} else OF_OTHERS
        record_event(
            store, entry, type=told.type, reason=told.reason, message=told.message, component=component, now=now
        )

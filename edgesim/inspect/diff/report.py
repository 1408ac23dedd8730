"""The report of `diff`: plain data, as a machine reads it."""

from __future__ import annotations

from dataclasses import dataclass, field

from edgesim.inspect.diff.classes import ConditionText, PathClass
from edgesim.inspect.diff.outcomes import Effect
from edgesim.inspect.steps import Step


@dataclass(frozen=True, slots=True)
class Place:
    """One destination with its exact share of such requests; what goes to a `missing` one is answered 503."""

    cluster: str
    share: str
    percent: float
    upstream: str = ""
    subset: dict[str, str] = field(default_factory=dict)
    missing: bool = False


@dataclass(frozen=True, slots=True)
class Decided:
    """What such requests come to on one side: destinations, or what the proxy answers itself (`answer`, by its fields).

    `origin` is the way to the route that decides, outermost first; route 0 is none. `summary` says it in a line.
    """

    summary: str
    virtual_host: str = ""
    route: int = 0
    route_name: str = ""
    origin: tuple[Step, ...] = ()
    destinations: tuple[Place, ...] = ()
    answer: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Difference:
    """A part of what is sent, or an option, on both sides; empty where it is not there."""

    name: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Witness:
    """A request of the class, which both configurations were asked about: give it to `edgesim route`."""

    url: str
    method: str = "GET"
    headers: tuple[str, ...] = ()
    listener: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """Requests that are decided otherwise: of these hosts, on these paths, where all conditions hold.

    `moved` is which part of them ends elsewhere (a change of shares moves some only). Without a `witness`
    it is not certain that there is such a request.
    """

    effect: Effect
    listener: str
    hosts: tuple[str, ...]
    paths: tuple[PathClass, ...]
    conditions: tuple[ConditionText, ...]
    before: Decided
    after: Decided
    moved: float
    differences: tuple[Difference, ...] = ()
    witness: Witness | None = None


@dataclass(frozen=True, slots=True)
class ListenerChange:
    """A listener that is only on one side (`added`, `removed`), or reads requests otherwise (`options`)."""

    listener: str
    what: str
    options: tuple[Difference, ...] = ()


@dataclass(frozen=True, slots=True)
class DiffReport:
    """Everything that is decided otherwise. `cut` names what was too large to be looked at to the end."""

    changes: tuple[Change, ...] = ()
    listeners: tuple[ListenerChange, ...] = ()
    cut: tuple[str, ...] = ()

    def count(self, effect: Effect) -> int:
        """Return how many classes have an effect."""
        return sum(change.effect is effect for change in self.changes)

    @property
    def elsewhere(self) -> bool:
        """Tell whether some request goes elsewhere, is sent otherwise, or may (`cut`)."""
        gone = any(change.what in {"added", "removed"} for change in self.listeners)
        return gone or bool(self.cut) or any(change.effect is not Effect.OPTIONS for change in self.changes)

"""What `edgesim diff -o json` prints; docs/diff.schema.json is made from these classes."""

from __future__ import annotations

from dataclasses import dataclass

from edgesim.inspect.diff import Change, ListenerChange, Traffic
from edgesim.model import Problem


@dataclass(frozen=True, slots=True)
class DiffOutput:
    """The report of `edgesim diff`.

    `changes` are the classes of requests that are decided otherwise, the gravest first. `cut` names what was too
    large to be looked at to the end. `problems` are those of both configurations, notes left out. `traffic` is
    there where an access log was given; its `hits` name changes by index.
    """

    before: str
    after: str
    changes: tuple[Change, ...]
    listeners: tuple[ListenerChange, ...]
    cut: tuple[str, ...]
    problems: tuple[Problem, ...]
    traffic: Traffic | None = None

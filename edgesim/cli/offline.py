"""Manifests looked at without running anything."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from edgesim.backends.checks import pod_problems
from edgesim.backends.planned import planned_assignments
from edgesim.config.files import STDIN, decode_all, read_file, read_paths
from edgesim.dialects import Resource, Translation, translate
from edgesim.model import Assignments, Problem
from edgesim.telemetry.collector import resting_collector


@dataclass(frozen=True, slots=True)
class Loaded:
    """What paths translate to, with every problem of reading and translating them."""

    translation: Translation
    problems: tuple[Problem, ...]
    resources: tuple[Resource, ...] = ()
    texts: dict[str, str] = field(default_factory=dict)
    """What came by standard input (`-`), which nobody can read again."""

    def assignments(self) -> Assignments:
        """Return the endpoints there would be with every pod running."""
        return planned_assignments(self.translation.model.clusters, self.resources)


def load(paths: Iterable[Path]) -> Loaded:
    """Read and translate files, folders and standard input (`-`)."""
    with resting_collector():
        return _load(paths)


def _load(paths: Iterable[Path]) -> Loaded:
    texts: dict[str, str] = {}

    def stdin() -> bytes:
        content = sys.stdin.buffer.read()
        texts[STDIN] = content.decode(errors="replace")
        return content

    read = read_paths(paths, stdin)
    decoded = decode_all(read.documents)
    resources = [each.resource for each in decoded if each.resource is not None]
    translation = translate(resources, read_file)
    said = (problem for each in decoded for problem in each.problems)
    found = (*read.problems, *said, *translation.problems, *pod_problems(resources))
    return Loaded(translation, tuple(dict.fromkeys(found)), tuple(resources), texts)

"""Manifests, and the whole way from their text to a model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from textwrap import dedent

from edgesim.config.files import decode_all
from edgesim.config.read import read_text
from edgesim.dialects import Resource, Translation, translate
from edgesim.model import Cluster, Problem, Route, VirtualHost
from edgesim.model.codes.code import (
    SERVICE,
    UPSTREAM,
    documents,
    gateway,
    route,
    routed,
    subset_upstream,
    upstream,
    virtual_host,
)

TO_ECHO = "routeAction: {single: {upstream: {name: echo}}}\n"


@dataclass(frozen=True)
class Outcome:
    """Everything that came of a text."""

    resources: list[Resource]
    translation: Translation
    problems: list[Problem]

    @property
    def codes(self) -> list[str]:
        return [problem.code for problem in self.problems]

    @property
    def hosts(self) -> tuple[VirtualHost, ...]:
        return self.translation.model.virtual_hosts

    @property
    def routes(self) -> tuple[Route, ...]:
        return self.hosts[0].routes

    @property
    def clusters(self) -> tuple[Cluster, ...]:
        return self.translation.model.clusters

    def only(self) -> Problem:
        """Return the one problem there is."""
        assert len(self.problems) == 1, self.problems
        return self.problems[0]


def run(*texts: str, file: str = "x.yaml", files: Mapping[str, bytes] | None = None) -> Outcome:
    """Read, decode and translate documents; `files` are those that `sslFiles` may name."""
    read = read_text("\n---\n".join(dedent(text) for text in texts), file)
    decoded = decode_all(read.documents)
    resources = [each.resource for each in decoded if each.resource is not None]
    translation = translate(resources) if files is None else translate(resources, _reader(files))
    found = [*read.problems, *(problem for each in decoded for problem in each.problems), *translation.problems]
    return Outcome(resources, translation, found)


def _reader(files: Mapping[str, bytes]) -> Callable[[str], bytes]:
    def read(path: str) -> bytes:
        if path not in files:
            raise FileNotFoundError(2, "No such file or directory", path)
        return files[path]

    return read


__all__ = [
    "SERVICE",
    "TO_ECHO",
    "UPSTREAM",
    "Outcome",
    "documents",
    "gateway",
    "route",
    "routed",
    "run",
    "subset_upstream",
    "upstream",
    "virtual_host",
]

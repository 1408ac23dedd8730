"""What goes over the wire between the commands and the admin API, besides the reports of `inspect`."""

from __future__ import annotations

from dataclasses import dataclass

from edgesim.config.encoding import StoredResource
from edgesim.config.revisions import RevisionInfo
from edgesim.inspect import RouteTestReport
from edgesim.model import Problem


@dataclass(frozen=True, slots=True)
class File:
    """One text with the name problems are to show, its lines counted from 1."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Files:
    """Several texts, to be applied or deleted in one go."""

    files: tuple[File, ...]


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one document: `kind` is kubectl's `singular.group`, `plural` its `plural.group`, `verb` the outcome."""

    kind: str
    plural: str
    namespace: str
    name: str
    verb: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of all documents of a request, in their order.

    `refused` are the problems of documents that were not taken, `problems` what is wrong (or worth
    knowing) with what was.
    """

    results: tuple[Result, ...] = ()
    refused: tuple[Problem, ...] = ()
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class RouteTestOutcome:
    """What came of route tests, and what is wrong with their files."""

    report: RouteTestReport
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class History:
    """Every revision that is kept, the newest first; `current` is the one that is served, 0 for none.

    `folder` is where they are kept, empty where they vanish with the process.
    """

    current: int
    folder: str
    revisions: tuple[RevisionInfo, ...]


@dataclass(frozen=True, slots=True)
class Kept:
    """A revision, or what is served now: its resources with the files they were in, and its model.

    `model` is what `config.encoding.pack` writes (in JSON as base64), which only an edgesim whose
    `config.encoding.shape()` is `shape` can read. `number` is 0 where what is served is in no revision.
    """

    number: int
    time: str
    resources: tuple[StoredResource, ...]
    shape: str
    model: bytes


@dataclass(frozen=True, slots=True)
class Undone:
    """What going back to a revision did, and the followed files that declare what it changed."""

    revision: int
    outcome: Outcome
    files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Kubeconfig:
    """The file of a user, empty for the administrator, on the machine of the instance; `server` is the API's first address."""

    path: str
    user: str
    server: str


@dataclass(frozen=True, slots=True)
class BrokenTarget:
    """A pod, an upstream, a service or an endpoint (`ADDRESS:PORT`) that is broken on purpose, and how.

    `latency` is in seconds, `error_rate` a part of 1; `seconds` is how long it goes on so, where that
    is known.
    """

    kind: str
    namespace: str
    name: str
    latency: float = 0.0
    error_rate: float = 0.0
    hang: bool = False
    reset: bool = False
    kill: bool = False
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Broken:
    """What is broken, or what was until now."""

    broken: tuple[BrokenTarget, ...] = ()

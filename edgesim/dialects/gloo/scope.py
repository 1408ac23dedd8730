"""What a translation can see, and where it reports."""

from __future__ import annotations

import errno
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import cast

from edgesim.dialects.fields import show_path
from edgesim.dialects.gloo.credentials import Judge, fault_of
from edgesim.dialects.gloo.guesses import Guesses, Name
from edgesim.dialects.gloo.shelves import FILE, Index, Shelves
from edgesim.dialects.resource import FieldPath, Resource
from edgesim.dialects.schema.kubernetes import Service
from edgesim.dialects.schema.tls import SslParameters
from edgesim.dialects.schema.upstream import KubeSpec, Upstream, UpstreamGroup
from edgesim.model import (
    NO_BREAKERS,
    CircuitBreakers,
    DirectResponseAction,
    ListenerOptions,
    Origin,
    OriginStep,
    Problem,
    ResourceKey,
    Severity,
)
from edgesim.model.codes import problem

DEFAULT_REGEX_LIMIT = 1024
"""Gloo's Helm default of `gloo.regexMaxProgramSize` (section 10)."""

ReadFile = Callable[[str], bytes]
"""Returns what a file holds; raises OSError (or ValueError for an impossible name)."""


def no_files(_path: str) -> bytes:
    """Read no file. Raises OSError always."""
    raise OSError(errno.EPERM, "files are not read here")


DEFAULT_MAX_BODY = 4096
"""Envoy's limit on the body of a direct response, in bytes."""


@dataclass(frozen=True, slots=True)
class Replacement:
    """What a broken route answers instead (section 9.5), and where that is said."""

    response: DirectResponseAction
    origin: Origin


def guess(name: Name, known: Mapping[Name, Resource]) -> str:
    """Guess the resource that was meant: the same name elsewhere, or a like name."""
    guesses = known.guesses() if isinstance(known, Index) else Guesses(known)
    return guesses.hint(name)


@dataclass(slots=True)
class Scope:
    """What a translation can see, and where it reports.

    Resources stand on the shelves, by kind. What Settings and Gateways say follows, and at the end stands what
    fills while resources are read: whatever is added there `memo.Reading` has to take down and replay.
    """

    shelves: Shelves
    read_file: ReadFile = no_files
    fault_of: Judge = fault_of
    files: dict[str, bytes | str] = field(default_factory=dict)
    regex_limit: int = DEFAULT_REGEX_LIMIT
    listeners: tuple[ListenerOptions, ...] = ()
    max_body: int = DEFAULT_MAX_BODY
    all_gateways: bool = False
    replacement: Replacement | None = None
    warn_short_circuits: bool = False
    breakers: CircuitBreakers = NO_BREAKERS
    warn_missing_secret: bool = True
    one_way_tls: bool = False
    upstream_parameters: SslParameters | None = None
    kube_destinations: dict[tuple[str, str, int], Resource] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    @property
    def upstreams(self) -> Index:
        """Return the Upstreams."""
        return self.shelves["Upstream"]

    @property
    def groups(self) -> Index:
        """Return the UpstreamGroups."""
        return self.shelves["UpstreamGroup"]

    @property
    def services(self) -> Index:
        """Return the Services."""
        return self.shelves["Service"]

    @property
    def secrets(self) -> Index:
        """Return the Secrets."""
        return self.shelves["Secret"]

    @property
    def tables(self) -> Index:
        """Return the RouteTables."""
        return self.shelves["RouteTable"]

    @property
    def buffers(self) -> bool:
        """Tell whether a listener has the buffer filter."""
        return any(each.buffer_bytes is not None for each in self.listeners)

    def subset_keys(self, upstream: Name) -> list[frozenset[str]] | None:
        """Return the key sets by which an upstream cuts subsets, or None without a subsetSpec."""
        typed = self.upstreams[upstream].typed
        assert isinstance(typed, Upstream)
        kube: KubeSpec | None = typed.spec.kube
        if kube is None or kube.subset_spec is None:
            return None
        return [frozenset(selector.keys) for selector in kube.subset_spec.selectors]

    def group(self, name: Name) -> UpstreamGroup | None:
        """Return an UpstreamGroup, if there is one of that name."""
        resource = self.groups.get(name)
        return None if resource is None else cast(UpstreamGroup, resource.typed)

    def service(self, name: Name) -> Service | None:
        """Return a Service, if there is one of that name."""
        resource = self.services.get(name)
        return None if resource is None else cast(Service, resource.typed)


def scope_of(shelves: Shelves, read_file: ReadFile = no_files, judge: Judge = fault_of) -> Scope:
    """Make a scope over what stands on the shelves."""
    scope = Scope(shelves, fault_of=judge)
    scope.read_file = _recording(read_file, shelves, scope.files)
    return scope


def _recording(read_file: ReadFile, shelves: Shelves, files: dict[str, bytes | str]) -> ReadFile:
    """Return a reader of files that takes down what was read, or why it was not.

    It holds no scope, which holds it: all that a translation read would wait for the garbage collector.
    """

    def recorded(path: str) -> bytes:
        shelves.look((FILE, path))
        try:
            found = read_file(path)
        except (OSError, ValueError) as error:
            files[path] = str(error)
            raise
        files[path] = found
        return found

    return recorded


@dataclass(frozen=True, slots=True)
class Place:
    """A field of a resource."""

    resource: Resource
    path: FieldPath

    @property
    def step(self) -> OriginStep:
        """Return this place as plain data."""
        of = self.resource
        return OriginStep(of.kind.kind, of.namespace, of.name, of.source.file, self.path)


@dataclass(slots=True)
class Reporter:
    """Reports the problems of one resource. `errors` counts, so that a reader sees whether its part is sound.

    Fields that are `moved` were written elsewhere, by a parent route or in a RouteOption: what is wrong with
    one is a problem of the resource that wrote it. `affects` suffer from whatever is wrong here. `above` is
    the way that leads to the resource, for origins. While it is `replacing`, a route answers with the response of
    Settings instead of being in error (section 9.5), and what is at fault goes to `broken`.
    """

    scope: Scope
    resource: Resource
    errors: int = 0
    affects: tuple[ResourceKey, ...] = ()
    above: Origin = ()
    moved: Mapping[FieldPath, Place] = field(default_factory=dict)
    replacing: bool = False
    broken: list[FieldPath] = field(default_factory=list)

    def report(self, code: str, path: FieldPath, message: str, hint: str = "") -> None:
        """Attach a problem to a field of the resource."""
        place = self.place_of(path)
        key = place.resource.key
        if key != self.resource.key and code == WITHOUT_EFFECT:
            return  # an inherited option need not act on every route
        suffering = dict.fromkeys((self.resource.key, *self.affects))
        suffering.pop(key, None)
        found = problem(
            code,
            message,
            resource=key,
            field=show_path(place.path),
            position=place.resource.source.place(place.path),
            hint=hint,
            affects=tuple(suffering),
        )
        if self.replacing and is_replaceable(found):
            found = replace(found, severity=Severity.WARNING, replaced=True)
            self.broken.append(path)
        self.errors += found.severity is Severity.ERROR
        self.scope.problems.append(found)

    def place_of(self, path: FieldPath) -> Place:
        """Return where a field was written."""
        for end in range(len(path), 0, -1) if self.moved else ():
            place = self.moved.get(path[:end])
            if place is not None:
                return Place(place.resource, (*place.path, *path[end:]))
        return Place(self.resource, path)

    def origin(self, path: FieldPath) -> Origin:
        """Return the origin of a piece of the model that a field of the resource declares."""
        return (*self.above, Place(self.resource, path).step)


_MISSING = frozenset({"ES0214", "ES0215"})
"""Warnings of routes whose destination is not there."""

_OF_VIRTUAL_SERVICE = frozenset({"ES0208", "ES0209", "ES0232"})
"""Errors inside a route that Gloo finds before it makes a Proxy, and never replaces: regexes."""


def is_replaceable(found: Problem) -> bool:
    """Tell whether a problem of a route that forwards may be replaced: a missing destination, or a route error."""
    if found.severity is Severity.ERROR:
        return found.code not in _OF_VIRTUAL_SERVICE
    return found.code in _MISSING


def mark_replaced(scope: Scope, since: int) -> None:
    """Let the problems from an index on hold nothing up, if Settings say that what uses their resource is replaced."""
    if scope.replacement is not None:
        scope.problems[since:] = [
            found if found.severity is Severity.NOTE else replace(found, replaced=True)
            for found in scope.problems[since:]
        ]


WITHOUT_EFFECT = "ES0604"
"""The note on an option that does not act where it is written."""

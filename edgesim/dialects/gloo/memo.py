"""What the last translation read, so that the next one reads only what has changed.

A reading is a function of one resource and of what was looked up meanwhile: other resources by name, which
names there are, files, labels. It stays valid while all of that is the identical thing. Settings and
listeners reach everywhere, so when they change everything is read anew.
"""

from __future__ import annotations

import dataclasses
import operator
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from edgesim.dialects.gloo.scope import ANY_NAME, FILE, INDEXED, Index, Lookup, Name, ReadFile, Scope
from edgesim.dialects.resource import Resource
from edgesim.model import Problem

T = TypeVar("T")

LABELS = "RouteTable labels"
"""The kind of a Lookup that is a namespace (or `*`): which tables there are, and their labels."""

_OWN = frozenset(
    {"lookups", "upstreams", "groups", "services", "secrets", "tables", "route_options", "host_options", "read_file"}
    | {"problems", "kube_destinations"}
)
"""The fields of a Scope that are looked up one by one, or that fill while resources are read."""


@dataclass(frozen=True, slots=True, eq=False)
class Reading(Generic[T]):
    """What was read, what it rests on, and what it left in the scope."""

    value: T
    lookups: frozenset[Lookup]
    problems: tuple[Problem, ...]
    kube_destinations: Mapping[tuple[str, str, int], Resource]

    def replay(self, scope: Scope) -> None:
        """Leave in the scope what the reading left when it was made."""
        scope.problems.extend(self.problems)
        if self.kube_destinations:
            scope.kube_destinations.update(self.kube_destinations)


def reading_of(scope: Scope, read: Callable[[], T]) -> Reading[T]:
    """Read, and take down what was looked up and reported. Nothing is left in the scope: `replay` does that."""
    before = scope.lookups.seen, scope.problems, scope.kube_destinations
    scope.lookups.seen, scope.problems, scope.kube_destinations = set(), [], {}
    try:
        value = read()
        seen, problems, kube = scope.lookups.seen, scope.problems, scope.kube_destinations
    finally:
        scope.lookups.seen, scope.problems, scope.kube_destinations = before
    return Reading(value, frozenset(seen), tuple(problems), kube)


@dataclass(slots=True)
class _Kept:
    resource: Resource
    reading: Reading[Any]


@dataclass(slots=True)
class Memo:
    """Carried from one translation to the next; `changed` is what is not as it was in the one before."""

    changed: set[Lookup] = field(default_factory=set)
    version: int = 0
    assigned: object = None
    """What `assign` keeps."""
    _kept: dict[Hashable, Any] = field(default_factory=dict)
    _used: dict[Hashable, Any] = field(default_factory=dict)
    _indexes: Mapping[str, Index] = field(default_factory=dict)
    _globals: tuple[Any, ...] = ()
    _files: Mapping[str, bytes | str] = field(default_factory=dict)

    def begin(self, scope: Scope) -> None:
        """Find out what has changed since the last translation. Call it once Settings and gateways are read."""
        self.version += 1
        self._used = {}
        found = tuple(getattr(scope, each.name) for each in dataclasses.fields(scope) if each.name not in _OWN)
        if found != self._globals:
            self.forget()
            self._globals = found
        indexes = dict(zip(INDEXED, _indexes(scope), strict=True))
        self.changed = set()
        for kind, index in indexes.items():
            self.changed |= _differences(kind, self._indexes.get(kind, {}), index)
        self._indexes = indexes
        for path, before in self._files.items():  # a file may hold another certificate now
            if _contents(scope.read_file, path) != before:
                self.changed.add((FILE, path))

    def end(self, scope: Scope) -> None:
        """Drop what the translation did not use."""
        self._kept, self._used = self._used, {}
        self._files = scope.lookups.files

    def forget(self) -> None:
        """Drop everything: the next translation reads all anew."""
        self._kept, self._indexes, self._globals, self._files = {}, {}, (), {}

    def valid(self, reading: Reading[Any]) -> bool:
        """Tell whether nothing that a reading rests on has changed."""
        return reading.lookups.isdisjoint(self.changed)

    def recall(self, resource: Resource, scope: Scope, read: Callable[[], T]) -> T:
        """Return what was read of a resource, reading only where something has changed."""
        key = (resource.kind.kind, resource.namespace, resource.name)
        kept = self.kept(key, _Kept)
        if kept is None or kept.resource is not resource or not self.valid(kept.reading):
            kept = _Kept(resource, reading_of(scope, read))
        self.keep(key, kept)
        kept.reading.replay(scope)
        value: T = kept.reading.value
        return value

    def kept(self, key: Hashable, kind: type[T]) -> T | None:
        """Return what the last translation kept under a key."""
        found = self._kept.get(key)
        return found if isinstance(found, kind) else None

    def keep(self, key: Hashable, value: Any) -> None:
        """Keep a value for the next translation."""
        self._used[key] = value

    def same(self, key: Hashable, parts: tuple[T, ...]) -> tuple[T, ...]:
        """Return the tuple of the last translation where it holds the identical parts."""
        old = self.kept(key, tuple)
        if old is not None and len(old) == len(parts) and all(map(operator.is_, old, parts)):
            parts = old
        self.keep(key, parts)
        return parts


def _contents(read_file: ReadFile, path: str) -> bytes | str:
    try:
        return read_file(path)
    except (OSError, ValueError) as error:
        return str(error)


def _indexes(scope: Scope) -> tuple[Index, ...]:
    """Return the indexes of a scope in the order of INDEXED."""
    return (
        scope.upstreams,
        scope.groups,
        scope.services,
        scope.secrets,
        scope.tables,
        scope.route_options,
        scope.host_options,
    )


def _differences(kind: str, before: dict[Name, Resource], after: dict[Name, Resource]) -> set[Lookup]:
    found: set[Lookup] = set()
    changed = {name for name, resource in dict.items(after) if dict.get(before, name) is not resource}
    gone = before.keys() - after.keys()
    for name in changed | gone:
        found.add((kind, *name))
        old, new = dict.get(before, name), dict.get(after, name)
        if old is None or new is None:
            found.add((kind, ANY_NAME))
        if kind == "RouteTable" and (old is None or new is None or labels_of(old) != labels_of(new)):
            found |= {(LABELS, name[0]), (LABELS, ANY_NAME)}
    return found


def labels_of(resource: Resource) -> Mapping[str, str]:
    """Return the labels of a resource."""
    labels: Mapping[str, str] = resource.typed.metadata.labels or {}
    return labels

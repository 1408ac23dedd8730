"""What the last translation read, so that the next one reads only what has changed.

A reading is a function of one resource and of what was looked up meanwhile: other resources by name, which
names there are, files, labels. It stays valid while all of that is the identical thing. Settings and
listeners reach everywhere, so when they change everything is read anew.
"""

from __future__ import annotations

import dataclasses
import operator
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from edgesim.dialects.gloo.scope import ReadFile, Scope
from edgesim.dialects.gloo.shelves import FILE, Lookup, Shelves
from edgesim.dialects.resource import Resource
from edgesim.model import Problem

T = TypeVar("T")

_OWN = frozenset({"shelves", "read_file", "fault_of", "files", "problems", "kube_destinations"})
"""The fields of a Scope that are looked up one by one, or that fill while resources are read."""


SETTINGS: Lookup = ("settings",)
"""What Settings and Gateways say: everything rests on that."""


@dataclass(frozen=True, slots=True, eq=False)
class Reading(Generic[T]):
    """What was read, what it rests on, and what it left in the scope."""

    value: T
    lookups: frozenset[Lookup]
    problems: tuple[Problem, ...]
    kube_destinations: Mapping[tuple[str, str, int], Resource]

    def replay(self, scope: Scope) -> None:
        """Leave in the scope what the reading left when it was made."""
        if self.problems:
            scope.problems.extend(self.problems)
        if self.kube_destinations:
            scope.kube_destinations.update(self.kube_destinations)


def reading_of(scope: Scope, read: Callable[[], T]) -> Reading[T]:
    """Read, and take down what was looked up and reported. Nothing is left in the scope: `replay` does that."""
    before = scope.problems, scope.kube_destinations
    seen: set[Lookup] = set()
    listening = scope.shelves.listen(seen)
    scope.problems, scope.kube_destinations = [], {}
    try:
        value = read()
        problems, kube = scope.problems, scope.kube_destinations
    finally:
        scope.problems, scope.kube_destinations = before
        scope.shelves.listen(listening)
    seen.add(SETTINGS)
    return Reading(value, frozenset(seen), tuple(problems), kube)


@dataclass(frozen=True, slots=True)
class _Kept:
    """A reading, and the parts it was made of."""

    parts: tuple[object, ...]
    reading: Reading[Any]


@dataclass(slots=True)
class Memo:
    """Carried from one translation to the next; `changed` is what is not as it was in the one before."""

    shelves: Shelves = field(default_factory=Shelves)
    changed: set[Lookup] = field(default_factory=set)
    version: int = 0
    assigned: object = None
    """What `assign` keeps."""
    _kept: dict[Hashable, Any] = field(default_factory=dict)
    _used: dict[Hashable, Any] = field(default_factory=dict)
    _globals: tuple[Any, ...] = ()
    _files: Mapping[str, bytes | str] = field(default_factory=dict)

    def begin(self, listed: list[Resource]) -> None:
        """Take the resources, and find out what has changed since the last translation."""
        self.version += 1
        self._used = {}
        self.changed = self.shelves.update(listed)

    def settle(self, scope: Scope) -> None:
        """Take notice of Settings, listeners and files. Call it before anything is recalled."""
        found = tuple(getattr(scope, each.name) for each in dataclasses.fields(scope) if each.name not in _OWN)
        if found != self._globals:
            self._globals = found
            self.changed.add(SETTINGS)
        for path, before in self._files.items():  # a file may hold another certificate now
            if _contents(scope.read_file, path) != before:
                self.changed.add((FILE, path))

    def end(self, scope: Scope) -> None:
        """Drop what the translation did not use."""
        self._kept, self._used = self._used, {}
        self._files = scope.files

    def forget(self) -> None:
        """Drop everything: the next translation reads all anew."""
        self.shelves, self._kept, self._globals, self._files = Shelves(), {}, (), {}

    def valid(self, reading: Reading[Any]) -> bool:
        """Tell whether nothing that a reading rests on has changed."""
        return reading.lookups.isdisjoint(self.changed)

    def recall(self, resource: Resource, scope: Scope, read: Callable[[], T]) -> T:
        """Return what was read of a resource, reading only where something has changed."""
        return self.recall_all((resource.kind.kind, resource.namespace, resource.name), (resource,), scope, read)

    def recall_all(self, key: Hashable, parts: tuple[object, ...], scope: Scope, read: Callable[[], T]) -> T:
        """Return what was read of several parts together, reading only where something has changed."""
        kept = self.kept(key, _Kept)
        if kept is None or not is_same(kept.parts, parts) or not self.valid(kept.reading):
            kept = _Kept(parts, reading_of(scope, read))
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
        if old is not None and is_same(old, parts):
            parts = old
        self.keep(key, parts)
        return parts


def is_same(before: Sequence[object], after: Sequence[object]) -> bool:
    """Tell whether two sequences hold the identical objects."""
    return len(before) == len(after) and all(map(operator.is_, before, after))


def _contents(read_file: ReadFile, path: str) -> bytes | str:
    try:
        return read_file(path)
    except (OSError, ValueError) as error:
        return str(error)

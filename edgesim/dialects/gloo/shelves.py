"""The resources of a translation by kind and name, and what has changed since the one before."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import compress
from operator import is_not
from typing import Any, cast

from edgesim.dialects.gloo.guesses import Guesses, Name
from edgesim.dialects.resource import Resource

Lookup = tuple[str, ...]
"""One thing that a reading asked for: a kind and a resource's namespace and name, or a kind and a word of its own."""

FILE = "file"
"""The kind of a Lookup that is the path of a file."""

LABELS = "RouteTable labels"
"""The kind of a Lookup that is a namespace (or `*`): which tables there are, and their labels."""

ANY_NAME = "*"
"""In a Lookup: which names there are at all."""

KINDS = (
    "Settings",
    "Gateway",
    "VirtualService",
    "VirtualHostOption",
    "RouteTable",
    "RouteOption",
    "Upstream",
    "UpstreamGroup",
    "Service",
    "Secret",
)
"""The kinds that matter to the model."""


class Index(dict[Name, Resource]):
    """The resources of one kind. What is asked of it by name goes to `seen`: a reading depends on it."""

    __slots__ = ("_guesses", "_kind", "seen")

    def __init__(self, kind: str) -> None:
        """Begin empty."""
        super().__init__()
        self._kind = kind
        self._guesses: Guesses | None = None
        self.seen: set[Lookup] = set()

    def __contains__(self, name: object) -> bool:
        """Tell whether a resource exists, and record that somebody asked."""
        return self.get(cast(Name, name)) is not None

    def __getitem__(self, name: Name) -> Resource:
        """Return a resource, and record that somebody asked. Raises KeyError."""
        self.seen.add((self._kind, *name))
        return super().__getitem__(name)

    def get(self, name: Name, default: Any = None) -> Any:
        """Return a resource or the default, and record that somebody asked."""
        self.seen.add((self._kind, *name))
        return super().get(name, default)

    def guesses(self) -> Guesses:
        """Return hints for names that are not there; they rest on which names there are."""
        self.seen.add((self._kind, ANY_NAME))
        self._guesses = self._guesses or Guesses(dict.keys(self))
        return self._guesses

    def renamed(self) -> None:
        """Take notice that there are other names now."""
        self._guesses = None

    def __iter__(self) -> Iterator[Name]:
        """Iterate over the names, and record that somebody asked for all."""
        self.seen.add((self._kind, ANY_NAME))
        return super().__iter__()


class Shelves:
    """An index of each kind; they are kept from one translation to the next."""

    def __init__(self) -> None:
        """Begin empty."""
        self._listed: Sequence[Resource] = ()
        self._indexes = {kind: Index(kind) for kind in KINDS}

    def __getitem__(self, kind: str) -> Index:
        """Return the index of a kind."""
        return self._indexes[kind]

    def of(self, kind: str) -> list[Resource]:
        """Return all resources of a kind, in the order in which they were listed."""
        return [*self._indexes[kind].values()]

    def look(self, lookup: Lookup) -> None:
        """Record a lookup that is none of a name."""
        self._indexes[KINDS[0]].seen.add(lookup)

    def listen(self, seen: set[Lookup]) -> set[Lookup]:
        """Record lookups in `seen` from now on; return where they went before."""
        before = self._indexes[KINDS[0]].seen
        for index in self._indexes.values():
            index.seen = seen
        return before

    def update(self, listed: Sequence[Resource]) -> set[Lookup]:
        """Take the resources of a new translation; return what is not as it was in the one before."""
        old = self._listed
        positions = [*compress(range(len(old)), map(is_not, listed, old))]
        self._listed = listed
        if len(listed) < len(old) or not all(_is_newer(old[i], listed[i]) for i in positions):
            return self._fill(listed)
        changed: set[Lookup] = set()
        for i in positions:
            changed |= self._put(listed[i])
        for resource in listed[len(old) :]:
            changed |= self._put(resource)
        return changed

    def _put(self, resource: Resource) -> set[Lookup]:
        index = self._indexes.get(resource.kind.kind)
        if index is None:
            return set()
        name = (resource.namespace, resource.name)
        old = dict.get(index, name)
        dict.__setitem__(index, name, resource)
        if old is None:
            index.renamed()
        return _difference(resource.kind.kind, name, old, resource)

    def _fill(self, listed: Iterable[Resource]) -> set[Lookup]:
        """Begin anew, for something has gone or changed its place."""
        before = {kind: dict(index.items()) for kind, index in self._indexes.items()}
        for index in self._indexes.values():
            index.clear()
            index.renamed()
        for resource in listed:
            kind = resource.kind.kind
            if kind in self._indexes:
                dict.__setitem__(self._indexes[kind], (resource.namespace, resource.name), resource)
        changed: set[Lookup] = set()
        for kind, index in self._indexes.items():
            for name in before[kind].keys() | index.keys():
                old, new = before[kind].get(name), dict.get(index, name)
                if old is not new:
                    changed |= _difference(kind, name, old, new)
        return changed


def _is_newer(old: Resource, new: Resource) -> bool:
    """Tell whether a resource is a newer version of another."""
    return old.name == new.name and old.namespace == new.namespace and old.kind is new.kind


def _difference(kind: str, name: Name, old: Resource | None, new: Resource | None) -> set[Lookup]:
    found: set[Lookup] = {(kind, *name)}
    if old is None or new is None:
        found.add((kind, ANY_NAME))
    if kind == "RouteTable" and (old is None or new is None or labels_of(old) != labels_of(new)):
        found |= {(LABELS, name[0]), (LABELS, ANY_NAME)}
    return found


def labels_of(resource: Resource) -> Mapping[str, str]:
    """Return the labels of a resource."""
    labels: Mapping[str, str] = resource.typed.metadata.labels or {}
    return labels

"""What a set of files declares, file by file, and the difference a change of them makes. Pure.

Nothing that is served is lost by bad input: a file with an error keeps what it declared before, but for
what its good documents declare anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from edgesim.dialects import Decoded, Resource
from edgesim.model import Problem, ResourceKey, Severity
from edgesim.model.codes import problem


@dataclass(frozen=True, slots=True)
class FileRecord:
    """What one file declares, what reading it said, and what decoding each document of it said."""

    resources: Mapping[ResourceKey, Resource]
    problems: tuple[Problem, ...] = ()
    notes: Mapping[ResourceKey, tuple[Problem, ...]] | None = None

    @property
    def sound(self) -> bool:
        """Tell whether every document of the file could be read."""
        return all(one.severity is Severity.NOTE for one in self.problems)


@dataclass(frozen=True, slots=True)
class Declared:
    """What all files declare, each resource once, with the problems of files as a whole."""

    resources: Mapping[ResourceKey, Resource]
    notes: Mapping[ResourceKey, tuple[Problem, ...]]
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Difference:
    """What to write: `deletes` name the file that declared the resource, who alone may delete it."""

    puts: tuple[Resource, ...] = ()
    deletes: tuple[tuple[ResourceKey, str], ...] = ()


NOTHING_DECLARED: Final = Declared({}, {})


def record_file(before: FileRecord | None, read: Iterable[Problem], decoded: Iterable[Decoded]) -> FileRecord:
    """Record a file that was read; with an error in it, what it declared before stays."""
    resources: dict[ResourceKey, Resource] = {}
    notes: dict[ResourceKey, tuple[Problem, ...]] = {}
    problems = [*read]
    for one in decoded:
        if one.resource is None:
            problems += one.problems
        else:
            resources[one.resource.key] = one.resource
            notes[one.resource.key] = one.problems
    record = FileRecord(resources, tuple(problems), notes)
    if record.sound or before is None:
        return record
    kept_notes = {**(before.notes or {}), **notes}
    return FileRecord({**before.resources, **resources}, record.problems, kept_notes)


def declare_all(records: Iterable[FileRecord]) -> Declared:
    """Join files in their order. A resource that an earlier file declares already is an error, and left out."""
    resources: dict[ResourceKey, Resource] = {}
    notes: dict[ResourceKey, tuple[Problem, ...]] = {}
    problems: list[Problem] = []
    for record in records:
        problems += record.problems
        for key, resource in record.resources.items():
            if key in resources:
                problems.append(_twice(resource, resources[key]))
            else:
                resources[key] = resource
                notes[key] = (record.notes or {}).get(key, ())
    return Declared(resources, notes, tuple(problems))


def declare_changed(before: Declared, changes: Iterable[tuple[FileRecord, FileRecord]]) -> Declared | None:
    """Return what is declared after some files were read again, each as it was and as it is.

    None where that takes a look at all files: something is declared twice, or a file has problems.
    """
    if before.problems:
        return None
    resources, notes = dict(before.resources), dict(before.notes)
    for old, new in changes:
        if old.problems or new.problems or any(resources.get(key) is not one for key, one in old.resources.items()):
            return None
        for key in old.resources.keys() - new.resources.keys():
            del resources[key], notes[key]
        for key, resource in new.resources.items():
            if key in resources and key not in old.resources:
                return None
            resources[key], notes[key] = resource, (new.notes or {}).get(key, ())
    return Declared(resources, notes)


def _twice(resource: Resource, first: Resource) -> Problem:
    text = f"{resource.key} is declared twice: also at {first.source.locate(())}"
    position = resource.source.locate(())
    return problem("ES0012", text, resource=resource.key, field="metadata.name", position=position)


def difference(before: Declared, after: Declared, keys: Iterable[ResourceKey] | None = None) -> Difference:
    """Compare: resources of files that were read again are put, those no file declares any more deleted.

    Namespaces are deleted last, when what the same files declared in them is gone. Only `keys` are looked at
    where they are given.
    """
    old, new = (before.resources, after.resources)
    looked_at = dict.fromkeys((*old, *new) if keys is None else keys)
    puts = [new[key] for key in looked_at if key in new and old.get(key) is not new[key]]
    gone = [key for key in looked_at if key in old and key not in new]
    gone.sort(key=lambda key: key.kind == "Namespace")
    return Difference(tuple(puts), tuple((key, before.resources[key].source.file) for key in gone))

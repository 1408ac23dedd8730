"""Everything the admin API writes: single objects, and whole files of them as `apply` and `delete` send.

One request is one write, so that a file of a thousand documents is translated once. A document that
cannot be read as its kind is refused and the others are stored, as a cluster would.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import TypeVar

from edgesim.admin.bodies import JsonPatch, Patch, Target, expected_version, invalid
from edgesim.admin.manifests import applied, patched_source
from edgesim.admin.wire import File, Outcome, Result
from edgesim.config.api_errors import ApiError
from edgesim.config.applied import same_but_for_apply
from edgesim.config.patches import PatchError, json_patch, merge_patch
from edgesim.config.read import read_text
from edgesim.config.store import Change, Entry, published
from edgesim.control import ConflictError, Delete, Instance, Put
from edgesim.control.changes import API_WRITER
from edgesim.dialects import Document, Kind, Resource, decode, kind_of, nowhere
from edgesim.model import Problem, ResourceKey, Severity

ATTEMPTS = 20
"""How often a change is tried again when somebody else wrote the object meanwhile."""

LARGE = 100_000
"""Characters from which on texts are read in a thread."""

T = TypeVar("T")


@dataclass(slots=True)
class _Batch:
    """The puts of one request so far, with what each object was before it."""

    before: dict[ResourceKey, Entry | None] = field(default_factory=dict)
    pending: dict[ResourceKey, Resource] = field(default_factory=dict)
    puts: list[Put] = field(default_factory=list)
    refused: list[Problem] = field(default_factory=list)


async def with_retries(change: Callable[[], Awaitable[T]], target: Target, *, pinned: bool = False) -> T:
    """Run a read-and-write again while others write in between; once only if it is pinned to a version."""
    for attempt in range(1 if pinned else ATTEMPTS):
        try:
            return await change()
        except ConflictError:
            if attempt + 1 == ATTEMPTS:
                break
    message = (
        f'Operation cannot be fulfilled on {target.qualified} "{target.name}": the object has been modified; '
        "please apply your changes to the latest version and try again"
    )
    raise ApiError("Conflict", message, target.details())


async def change_object(instance: Instance, target: Target, document: Document, expected: int | None) -> Entry:
    """Write one object; returns its entry when it is served. Raises ApiError, ConflictError."""
    decoded = decode(document)
    if decoded.resource is None or decoded.resource.kind is not target.kind:
        raise invalid(target, decoded.problems)
    changes = await instance.write([Put(decoded.resource, API_WRITER, expected, decoded.problems)])
    return changes[0].entry


async def patched(instance: Instance, target: Target, patch: Patch) -> Entry:
    """Patch one object; returns its entry when it is served. Raises ApiError."""
    pinned = None if isinstance(patch, JsonPatch) else expected_version(patch.manifest, target)

    async def change() -> Entry:
        entry = existing(instance, target)
        document = _patched_document(target, entry, patch)
        return await change_object(instance, target, document, pinned or entry.version)

    return await with_retries(change, target, pinned=pinned is not None)


def existing(instance: Instance, target: Target) -> Entry:
    """Return the entry a path names. Raises ApiError NotFound."""
    entry = instance.store.get(target.key)
    if entry is None:
        raise ApiError("NotFound", f'{target.qualified} "{target.name}" not found', target.details())
    return entry


def _patched_document(target: Target, entry: Entry, patch: Patch) -> Document:
    resource, before = entry.resource, published(entry)
    try:
        if isinstance(patch, JsonPatch):
            manifest, source = json_patch(before, patch.operations), nowhere(patch.file)
        else:
            manifest, source = merge_patch(before, patch.manifest), patched_source(resource.source, patch)
    except PatchError as error:
        raise ApiError("Invalid", str(error), target.details()) from None
    metadata = manifest.get("metadata") if isinstance(manifest, dict) else None
    if not isinstance(metadata, dict):
        raise ApiError("BadRequest", "a patch must leave an object with metadata")
    for name, value in (("name", resource.name), ("namespace", resource.namespace)):
        if (metadata.get(name) or "") != value:
            raise ApiError("BadRequest", f"a patch cannot change metadata.{name}", target.details())
    return Document(manifest, source)


async def apply_files(instance: Instance, files: Iterable[File]) -> Outcome:
    """Create or change every object of some files, as kubectl's client-side apply; returns when it is served."""
    sent = list(files)
    for _attempt in range(ATTEMPTS):
        batch = await _aside(sent, lambda: _planned(instance, sent))
        known = set(instance.problems)
        try:
            changes = await instance.write(batch.puts)
        except ConflictError:
            continue
        results = tuple(result_of(change, batch.before[change.key]) for change in changes)
        new = caused(instance.problems, known, set(batch.before))
        refused, notes = _split(batch.refused)
        return Outcome(results, refused, tuple(dict.fromkeys((*notes, *new))))
    raise ApiError("Conflict", "others keep changing the same objects; try again")


async def patch_outcome(instance: Instance, target: Target, patch: Patch) -> Outcome:
    """Patch one object, and say what is wrong with it since. Raises ApiError, but not for what it refuses."""
    before, known = instance.store.get(target.key), set(instance.problems)
    try:
        entry = await patched(instance, target, patch)
    except ApiError as error:
        if not error.problems:
            raise
        return Outcome(refused=error.problems)
    same = before is not None and before.resource.manifest == entry.resource.manifest
    kind = target.kind
    verb = "patched (no change)" if same else "patched"
    result = Result(kind.full_name, target.qualified, target.key.namespace, target.name, verb)
    return Outcome((result,), problems=caused(instance.problems, known, {target.key}))


async def delete_files(instance: Instance, files: Iterable[File]) -> Outcome:
    """Delete every object some files name, whatever else they say of it."""
    sent = list(files)
    documents, unread = await _aside(sent, lambda: _read(sent))
    refused, notes = _split(unread)
    keys = []
    for document in documents:
        key = _named(document)
        if key is not None:
            keys.append(key)
            continue
        grave, rest = _split(decode(document).problems)
        refused, notes = (*refused, *grave), (*notes, *rest)
    done = await delete_keys(instance, keys)
    return Outcome(done.results, refused, (*notes, *done.problems))


async def delete_keys(instance: Instance, keys: Iterable[tuple[Kind, ResourceKey]]) -> Outcome:
    """Delete objects by key; what is not there is in the results as `not found`."""
    wanted = list(keys)
    known = set(instance.problems)
    deleted = {change.key for change in await instance.write([Delete(key) for _kind, key in wanted])}
    results = tuple(
        Result(kind.full_name, _qualified(kind), key.namespace, key.name, "deleted" if key in deleted else "not found")
        for kind, key in wanted
    )
    return Outcome(results, problems=caused(instance.problems, known, set()))


async def _aside(files: Iterable[File], work: Callable[[], T]) -> T:
    """Do the reading of large texts in a thread: the embedded pods live on this event loop."""
    if sum(len(file.text) for file in files) < LARGE:
        return work()
    return await asyncio.to_thread(work)


def _planned(instance: Instance, files: Iterable[File]) -> _Batch:
    documents, unread = _read(files)
    batch = _Batch(refused=unread)
    for document in documents:
        _plan(instance, batch, document)
    return batch


def _read(files: Iterable[File]) -> tuple[list[Document], list[Problem]]:
    documents: list[Document] = []
    problems: list[Problem] = []
    for file in files:
        read = read_text(file.text, file.name)
        documents += read.documents
        problems += read.problems
    return documents, problems


def _named(document: Document) -> tuple[Kind, ResourceKey] | None:
    """Return the key a document names, None if it names none of a kind edgesim has."""
    manifest = document.manifest
    api_version, word, metadata = manifest.get("apiVersion"), manifest.get("kind"), manifest.get("metadata")
    if not isinstance(api_version, str) or not isinstance(word, str) or not isinstance(metadata, dict):
        return None
    kind, name, namespace = kind_of(api_version, word), metadata.get("name"), metadata.get("namespace") or "default"
    if kind is None or not isinstance(name, str) or not isinstance(namespace, str):
        return None
    return kind, ResourceKey(kind.kind, namespace if kind.namespaced else "", name)


def _plan(instance: Instance, batch: _Batch, document: Document) -> None:
    first = decode(document)
    if first.resource is None:
        batch.refused += first.problems
        return
    key = first.resource.key
    entry = instance.store.get(key)
    pending = batch.pending.get(key)
    current = replace(entry, resource=pending) if entry and pending else entry
    merged = decode(Document(applied(document.manifest, current), document.source))
    if merged.resource is None:
        batch.refused += merged.problems
        return
    batch.before.setdefault(key, entry)
    expected = entry.version if entry and pending is None else None
    batch.pending[key] = merged.resource
    batch.puts.append(Put(merged.resource, API_WRITER, expected, merged.problems))


def _split(found: Iterable[Problem]) -> tuple[tuple[Problem, ...], tuple[Problem, ...]]:
    """Part what refuses a document from notes: a kind edgesim has no use for is no reason to fail."""
    problems = tuple(found)
    grave = tuple(problem for problem in problems if problem.severity is not Severity.NOTE)
    return grave, tuple(problem for problem in problems if problem.severity is Severity.NOTE)


def result_of(change: Change, before: Entry | None) -> Result:
    """Return what became of one object, which was `before`."""
    resource, verb = change.entry.resource, str(change.verb)
    if before is not None and verb == "configured" and _same(before.resource, resource):
        verb = "unchanged"  # only the annotation of apply is new, which is nobody's change
    kind = resource.kind
    return Result(kind.full_name, _qualified(kind), resource.namespace, resource.name, verb)


def _qualified(kind: Kind) -> str:
    return f"{kind.plural}.{kind.group}" if kind.group else kind.plural


def _same(old: Resource, new: Resource) -> bool:
    return same_but_for_apply(old.manifest, new.manifest)


def caused(now: Iterable[Problem], known: set[Problem], keys: set[ResourceKey]) -> tuple[Problem, ...]:
    """Return the problems of what was written, and those others have only since."""
    return tuple(problem for problem in now if problem.resource in keys or problem not in known)

"""The steps of a release: files that declare the same object one after the other, or weights laid onto a split. Pure."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from edgesim.config.files import Text, decode_all
from edgesim.config.read import read_text
from edgesim.dialects import Resource
from edgesim.model import EdgesimError, ResourceKey, Severity
from edgesim.model.codes import failure

_SPLITTING = frozenset(("VirtualService", "RouteTable", "UpstreamGroup"))


@dataclass(frozen=True, slots=True)
class Step:
    """One step, with what is applied for it."""

    name: str
    text: Text


@dataclass(frozen=True, slots=True)
class Walk:
    """What is served from the start, by file, and the steps after that; the first is part of the start if `begun`."""

    base: tuple[str, ...]
    steps: tuple[Step, ...]
    begun: bool


def by_files(texts: Sequence[Text], *, sorted_by_name: bool) -> Walk:
    """Take files that declare an object which another declares too for steps.

    Raises EdgesimError ES1004, and what is wrong with a file: an object that cannot be read would be no step.
    """
    declared = [(text, _keys(text)) for text in texts]
    counts = Counter(key for _text, keys in declared for key in keys)
    moving = {key for key, count in counts.items() if count > 1}
    found = [text for text, keys in declared if keys & moving]
    if not found:
        said = "no object is declared by two files, so there are no steps"
        raise failure("ES1004", said, "give several, or --weights 0,10,50,100", exit_code=2)
    if sorted_by_name:
        found.sort(key=lambda text: _natural(text.file))
    base = tuple(text.file for text, keys in declared if not keys & moving)
    return Walk((*base, found[0].file), tuple(Step(PurePath(each.file).name, each) for each in found), begun=True)


def _keys(text: Text) -> frozenset[ResourceKey]:
    return frozenset(resource.key for resource in _resources(text))


def _resources(text: Text) -> list[Resource]:
    read = read_text(text.text, text.file)
    decoded = decode_all(read.documents)
    problems = (*read.problems, *(each for one in decoded for each in one.problems))
    if grave := [each for each in problems if each.severity is Severity.ERROR]:
        raise EdgesimError(*grave)
    return [each.resource for each in decoded if each.resource is not None]


def _natural(name: str) -> list[tuple[int, str]]:
    """Return a key by which vs-10 comes after vs-9."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]


def by_weights(texts: Sequence[Text], weights: Sequence[int]) -> Walk:
    """Lay percentages onto the one split between two destinations, the second being the canary. Raises EdgesimError as `by_files`."""
    splits = [(resource, path) for text in texts for resource in _resources(text) for path in _splits(resource)]
    if len(splits) != 1:
        said = (
            f"{len(splits)} routes split between two destinations"
            if splits
            else "no route splits between two destinations"
        )
        raise failure("ES1004", f"--weights: {said}, and one is what the weights are for", exit_code=2)
    resource, path = splits[0]
    steps = tuple(Step(f"{weight}%", _weighted(resource, path, weight)) for weight in weights)
    return Walk(tuple(text.file for text in texts), steps, begun=False)


Path = tuple[str | int, ...]


def _splits(resource: Resource) -> Iterator[Path]:
    """Yield the places of lists of two destinations."""
    if resource.kind.kind in _SPLITTING:
        yield from (path for path in _destinations(resource.manifest.get("spec"), ("spec",)))


def _destinations(data: Any, path: Path) -> Iterator[Path]:
    if isinstance(data, list):
        for index, each in enumerate(data):
            yield from _destinations(each, (*path, index))
    elif isinstance(data, dict):
        for name, each in data.items():
            if name == "destinations" and isinstance(each, list) and len(each) == 2:
                yield (*path, name)
            else:
                yield from _destinations(each, (*path, name))


def _weighted(resource: Resource, path: Path, weight: int) -> Text:
    manifest = deepcopy(resource.manifest)
    found: Any = manifest
    for part in path:
        found = found[part]
    found[0]["weight"], found[1]["weight"] = 100 - weight, weight
    return Text(f"{weight}% of {resource.source.file}", json.dumps(manifest))

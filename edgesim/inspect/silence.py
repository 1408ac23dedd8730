"""Notes silenced in place: the annotation `edgesim.io/ignore: ES0650, ES0654` on the resource they are about."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from edgesim.dialects import Resource, did_you_mean
from edgesim.inspect.findings import Finding, step_at
from edgesim.model import ResourceKey, Severity
from edgesim.model.codes import CODES

ANNOTATION: Final = "edgesim.io/ignore"
IGNORES_NOTHING: Final = "ES0660"

Silenced = frozenset[tuple[ResourceKey | None, str]]
"""Resources with the codes they do not want to hear of."""


def silenced(resources: Iterable[Resource]) -> Silenced:
    """Return what the annotations of all resources silence."""
    return frozenset((resource.key, word) for resource in resources for word in _words(resource) if _is_note(word))


def ignored_nothing(resources: Iterable[Resource]) -> Iterator[Finding]:
    """Find words in the annotation that are no code, or the code of an error or warning, which nothing silences."""
    notes = [code for code, row in CODES.items() if row.severity is Severity.NOTE]
    for resource in resources:
        for word in _words(resource):
            if _is_note(word):
                continue
            step = step_at(resource, "metadata", "annotations", ANNOTATION)
            if word in CODES:
                text = f"{word} is of class {CODES[word].severity}: only notes can be ignored"
                yield Finding(IGNORES_NOTHING, step, text)
            else:
                yield Finding(IGNORES_NOTHING, step, f"there is no code {word!r}", did_you_mean(word, notes))


def _words(resource: Resource) -> list[str]:
    annotations = (resource.manifest.get("metadata") or {}).get("annotations") or {}
    return [word.upper() for word in re.split(r"[,\s]+", annotations.get(ANNOTATION, "")) if word]


def _is_note(word: str) -> bool:
    return word in CODES and CODES[word].severity is Severity.NOTE

"""Documents become resources, resources become the model; both with every problem named."""

from __future__ import annotations

from edgesim.dialects.kinds import KINDS, Kind, find_kind, kind_of
from edgesim.dialects.resource import Document, FieldPath, Resource, Source, nowhere

__all__ = [
    "KINDS",
    "Document",
    "FieldPath",
    "Kind",
    "Resource",
    "Source",
    "find_kind",
    "kind_of",
    "nowhere",
]

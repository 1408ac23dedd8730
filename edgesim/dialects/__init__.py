"""Documents become resources, resources become the model; both with every problem named."""

from __future__ import annotations

from edgesim.dialects.assign import ASSIGNED_FROM, assign
from edgesim.dialects.check import describe
from edgesim.dialects.decode import Decoded, decode
from edgesim.dialects.fields import show_path
from edgesim.dialects.gloo.credentials import Judge, fault_of
from edgesim.dialects.gloo.memo import Memo
from edgesim.dialects.gloo.settings import INSTALL_NAMESPACE, REPLACEMENT_BODY, REPLACEMENT_CODE
from edgesim.dialects.kinds import KINDS, Kind, find_kind, kind_of
from edgesim.dialects.nearest import did_you_mean
from edgesim.dialects.resource import Document, FieldPath, Resource, Source, nowhere, unwritten
from edgesim.dialects.translate import Translation, translate

__all__ = [
    "ASSIGNED_FROM",
    "INSTALL_NAMESPACE",
    "KINDS",
    "REPLACEMENT_BODY",
    "REPLACEMENT_CODE",
    "Decoded",
    "Document",
    "FieldPath",
    "Judge",
    "Kind",
    "Memo",
    "Resource",
    "Source",
    "Translation",
    "assign",
    "decode",
    "describe",
    "did_you_mean",
    "fault_of",
    "find_kind",
    "kind_of",
    "nowhere",
    "show_path",
    "translate",
    "unwritten",
]

"""Names the server makes up: `generateName` and five characters (k8s.io/apiserver, storage/names)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

_LETTERS: Final = "bcdfghjklmnpqrstvwxz2456789"
_RANDOM: Final = 5
_LONGEST: Final = 63


def generated(prefix: str, random_bytes: Callable[[int], bytes]) -> str:
    """Return a name that begins with a prefix; a long one is cut."""
    drawn = "".join(_LETTERS[each % len(_LETTERS)] for each in random_bytes(_RANDOM))
    return prefix[: _LONGEST - _RANDOM] + drawn


def with_name(manifest: dict[str, Any], random_bytes: Callable[[int], bytes]) -> dict[str, Any]:
    """Return a manifest with a name, where it has none but asks for one to be generated."""
    metadata = manifest.get("metadata")
    if not isinstance(metadata, dict) or metadata.get("name"):
        return manifest
    prefix = metadata.get("generateName")
    if not isinstance(prefix, str) or not prefix:
        return manifest
    return {**manifest, "metadata": {**metadata, "name": generated(prefix, random_bytes)}}

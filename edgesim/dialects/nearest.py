"""What was likely meant: the nearest real name to a misspelt one."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(word: str, names: Iterable[str], likeness: float = 0.6) -> str | None:
    """Return the name most like `word` (case, `_` and `-` do not count), or None if none is `likeness` (0 to 1) near."""
    plain: dict[str, str] = {}
    for name in names:
        plain.setdefault(_plain(name), name)
    # get_close_matches is quadratic in the word's length, and real names are short.
    found = difflib.get_close_matches(_plain(word)[:100], plain, 1, likeness)
    return plain[found[0]] if found else None


def did_you_mean(word: str, names: Iterable[str]) -> str:
    """Return the hint for a misspelt name, empty if no name is near."""
    name = nearest(word, names)
    return f"did you mean `{name}`?" if name is not None else ""


def _plain(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "")

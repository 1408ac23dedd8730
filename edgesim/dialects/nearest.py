"""What was likely meant: the nearest real name to a misspelt one."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from typing import Final

FEW: Final = 64
"""Names up to which each is compared."""

_NEIGHBOURS: Final = 12
"""Names before and after a word, in order, that are compared where there are many."""


class Spellings:
    """Names to find the nearest of; made once where many words are looked for among many names.

    Comparing two texts is dear. Among many names only those are compared that are one slip away (a letter left
    out, added, changed, or two exchanged), or that stand next to the word in the dictionary: they begin alike.
    """

    def __init__(self, names: Iterable[str]) -> None:
        """Take the names; of those that differ in case, `_` and `-` only the first counts."""
        self._plain: dict[str, str] = {}
        for name in names:
            self._plain.setdefault(_plain(name), name)
        self._sorted: list[str] = []
        self._cut: dict[str, list[str]] = {}

    def nearest(self, word: str, likeness: float = 0.6) -> str | None:
        """Return the name most like `word` (case, `_` and `-` do not count), or None if none is `likeness` near."""
        from difflib import get_close_matches  # noqa: PLC0415 - of use only where something is misspelt

        # get_close_matches is quadratic in the word's length, and real names are short.
        plain = _plain(word)[:100]
        found = get_close_matches(plain, self._candidates(plain), 1, likeness)
        return self._plain[found[0]] if found else None

    def _candidates(self, plain: str) -> Iterable[str]:
        if len(self._plain) <= FEW:
            return self._plain
        if not self._sorted:
            self._sorted = sorted(self._plain)
            for name in self._plain:
                for text in _cuts(name):
                    self._cut.setdefault(text, []).append(name)
        near = dict.fromkeys(name for text in _cuts(plain) for name in self._cut.get(text, ())[:FEW])
        at = bisect_left(self._sorted, plain)
        return near | dict.fromkeys(self._sorted[max(0, at - _NEIGHBOURS) : at + _NEIGHBOURS])


def nearest(word: str, names: Iterable[str], likeness: float = 0.6) -> str | None:
    """Return the name most like `word` (case, `_` and `-` do not count), or None if none is `likeness` (0 to 1) near."""
    return Spellings(names).nearest(word, likeness)


def did_you_mean(word: str, names: Iterable[str], likeness: float = 0.6) -> str:
    """Return the hint for a misspelt name, empty if no name is `likeness` (0 to 1) near."""
    name = nearest(word, names, likeness)
    return f"did you mean `{name}`?" if name is not None else ""


def _cuts(text: str) -> Iterator[str]:
    """Iterate over a text and what is left of it without one letter."""
    yield text
    for index in range(min(len(text), 100)):
        yield text[:index] + text[index + 1 :]


def _plain(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "")

"""RE2, Envoy's own regex dialect: whole-text matching that cannot blow up.

Sets carry the weight: one call says which of many patterns match a text, in time that does not grow
with their number.
"""

from __future__ import annotations

import os.path
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import re2

_LONGEST_LITERAL = 64
_SMALLEST_BUDGET = 8 << 20
_LARGEST_BUDGET = 256 << 20
_BUDGET_PER_PATTERN = 64 << 10

Match = Callable[[bytes], list[int] | None]
"""Tells the indices of the patterns that match a whole text; None for none."""


def library() -> Any:
    """Return RE2, imported with the first regex: a process that has none is 2.5 MB smaller."""
    import re2  # noqa: PLC0415

    return re2


def check_regex(pattern: str, largest_program: int) -> None:
    """Raise ValueError, with RE2's reason, unless RE2 takes the pattern and its program has at most that many instructions."""
    try:
        size = library().compile(pattern.encode(), _options()).programsize
    except library().error as refused:
        raise ValueError(_reason(refused)) from None
    if size > largest_program:
        message = f"regex program of {size} instructions is larger than {largest_program}"
        raise ValueError(message)


def _options() -> re2.Options:
    """Every byte is a character of its own, as Envoy 1.40 was measured to match."""
    options = library().Options()
    options.log_errors = False
    options.encoding = library().Options.Encoding.LATIN1
    return options


def _reason(refused: Exception) -> str:
    """Return what RE2 says: a part of the pattern it mostly says byte by byte, each as a character, the whole as it is."""
    said = refused.args[0]
    text = said.decode(errors="replace") if isinstance(said, bytes) else str(said)
    try:
        return text.encode("latin-1").decode()
    except UnicodeError:
        return text


def which_match(patterns: Sequence[str]) -> Match:
    """Return a function that tells which of the patterns match a whole text, by index in any order; None for none.

    Patterns that are too large for one set are split over several. Raises ValueError for one RE2 refuses.
    """
    found = _set_of(patterns)
    try:
        found.Compile()
    except library().error:
        if len(patterns) == 1:
            raise ValueError("the regex is too large to be matched") from None
        middle = len(patterns) // 2
        return _either(which_match(patterns[:middle]), which_match(patterns[middle:]), middle)
    match: Match = found.Match
    return match


def _set_of(patterns: Sequence[str]) -> re2.Set:
    options = _options()
    budget = _BUDGET_PER_PATTERN * len(patterns)
    options.max_mem = min(max(budget, _SMALLEST_BUDGET), _LARGEST_BUDGET)
    found = library().Set.FullMatchSet(options)
    for pattern in patterns:
        _add(found, pattern)
    return found


def _either(first: Match, second: Match, begin: int) -> Match:
    """Join two sets, the second of which begins at an index."""

    def match(text: bytes) -> list[int] | None:
        return [*(first(text) or ()), *(begin + index for index in second(text) or ())] or None

    return match


def _add(found: re2.Set, pattern: str) -> None:
    try:
        found.Add(pattern.encode())
    except library().error as refused:
        raise ValueError(_reason(refused)) from None


def full_match(pattern: str) -> Match:
    """Return a predicate (truthy or not) for one pattern; a set of one is RE2's cheapest call from Python."""
    return which_match((pattern,))


def literal_prefix(pattern: str) -> bytes:
    """Return bytes with which every text that matches must begin; empty when nothing is certain.

    Taken from RE2's own possible range: two bounds that share a prefix enclose only texts with it.
    """
    try:
        compiled = library().compile(b"^(?:" + pattern.encode() + b")$", _options())
        low, high = compiled.possiblematchrange(_LONGEST_LITERAL)
    except library().error:
        return b""
    literal: bytes = os.path.commonprefix([low, high])  # noqa: RUF071  # by character is what is meant
    longer: bytes = low[: len(literal) + 1]
    return longer if _is_next(longer, high) and not compiled.fullmatch(high) else literal


def _is_next(text: bytes, other: bytes) -> bool:
    """Tell whether `other` is the first text behind all that begin with `text`: the bound RE2 gives for `text.*`."""
    return text[:-1] == other[:-1] and len(text) == len(other) > 0 and text[-1] + 1 == other[-1]


def substitute(pattern: str, substitution: str) -> Callable[[bytes], bytes]:
    r"""Return a function replacing every match, with `\1` groups in the substitution (Envoy's regex_rewrite)."""
    compiled = library().compile(pattern.encode(), _options())
    pieces = substitution.encode()

    def rewrite(text: bytes) -> bytes:
        replaced: bytes = compiled.sub(pieces, text)
        return replaced

    return rewrite

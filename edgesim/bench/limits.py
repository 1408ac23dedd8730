"""What the client said of its own limits, over many loads. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

_FIGURES = re.compile(r"[\d.,]+")
_SAME = 24
"""Characters by which two sentences are of one kind."""


def one_of_each(limits: Iterable[str]) -> tuple[str, ...]:
    """Return one sentence of each kind: the last, as figures differ."""
    return tuple({_FIGURES.sub("", limit)[:_SAME]: limit for limit in limits}.values())

"""Tables of a report: columns as wide as what is in them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def table(titles: Sequence[str], rows: Iterable[Sequence[str]], left: int = 1, text: int = 0) -> list[str]:
    """Lay out a table: `left` columns and the last `text` ones to the left, the others are numbers."""
    every = [list(titles), *map(list, rows)]
    widths = [max(len(row[index]) for row in every) for index in range(len(titles))]
    last = len(titles) - text
    return [
        "   ".join(
            cell.ljust(width) if index < left or index >= last else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in every
    ]

"""Writing what was measured: raw numbers for machines, a table for people."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from edgesim.bench.machine import describe

RESULTS = Path(__file__).parent / "results"


def spread(values: Sequence[float], digits: int = 2) -> str:
    """Return the median with the lowest and highest of `values`."""
    if len(values) == 1:
        return f"{values[0]:.{digits}f}"
    return f"{median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table, its columns padded so that it reads as plain text too."""
    lines = [list(columns), *[list(row) for row in rows]]
    widths = [max(len(line[index]) for line in lines) for index in range(len(columns))]
    padded = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines
    ]
    padded.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(padded)


def write(name: str, title: str, sections: Sequence[str], raw: Any, folder: Path = RESULTS) -> None:
    """Write `name`.json and `name`.md into `folder`, with the machine and the date."""
    machine = describe()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps({"machine": machine, "results": raw}, indent=2) + "\n")
    where = f"{machine['date']}, {machine['cpu']}, {machine['cores']} cores, {machine['kernel']}, Python {machine['python']}."
    (folder / f"{name}.md").write_text("\n\n".join([f"# {title}", where, *sections]) + "\n")
    print(f"written: {folder / name}.md and .json")

"""Write docs/problems/ from the table of codes: `PYTHONPATH=. python docs/generate/problems.py [--check]`.

With --check nothing is written: it names each page that is stale, missing or of no code, and exits 1 if there is one.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from edgesim.model.codes import CODES, Code

FOLDER = Path(__file__).parents[1] / "problems"
_MADE = "<!-- Made from edgesim/model/codes by docs/generate/problems.py: change it there, then `make format`. -->"


def main(arguments: Sequence[str]) -> int:
    """Write the pages, or with --check only compare; return the exit code."""
    wanted = pages(CODES)
    stale = differences(FOLDER, wanted)
    if "--check" in arguments:
        for name in stale:
            print(f"stale: docs/problems/{name} (make format writes it)")
        return 1 if stale else 0
    FOLDER.mkdir(exist_ok=True)
    for name in stale:
        file = FOLDER / name
        if name in wanted:
            file.write_text(wanted[name])
        else:
            file.unlink()
        print(f"{'written' if name in wanted else 'removed'}: docs/problems/{name}")
    return 0


def pages(codes: Mapping[str, Code]) -> dict[str, str]:
    """Return every page by file name, the index included."""
    ordered = [codes[code] for code in sorted(codes)]
    return {"README.md": _index(ordered), **{f"{row.code}.md": _page(row) for row in ordered}}


def differences(folder: Path, wanted: Mapping[str, str]) -> list[str]:
    """Return the names of pages that are not as wanted, or not wanted."""
    there = {file.name: file.read_text() for file in folder.glob("*.md")}
    return sorted(name for name in there.keys() | wanted.keys() if there.get(name) != wanted.get(name))


def _page(row: Code) -> str:
    language = "console" if row.console else "yaml"
    bad, mend = (f"```{language}\n{text.rstrip()}\n```" for text in (row.bad, row.mend))
    title = f"# {row.code}: {row.title}"
    return "\n\n".join([_MADE, title, f"*{row.severity}*", row.meaning, "Gives it:", bad, "Mended:", mend]) + "\n"


def _index(rows: Sequence[Code]) -> str:
    lines = [f"| [{row.code}]({row.code}.md) | {row.severity} | {row.title} |" for row in rows]
    text = (
        "An *error* makes a resource unusable, a *warning* part of it; a *note* is information and never refuses, "
        "freezes, or changes an exit code."
    )
    table = "\n".join(["| code | class | what it says |", "|---|---|---|", *lines])
    return f"{_MADE}\n\n# Problems\n\n{text}\n\n{table}\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

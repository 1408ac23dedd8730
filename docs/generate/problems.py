"""Write docs/problems/ from the table of codes."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

from docs.generate.pages import DOCS, run
from edgesim.model.codes import CODES, Code

FOLDER = DOCS / "problems"
_MADE = "<!-- Made from edgesim/model/codes by docs/generate/problems.py: change it there, then `make format`. -->"


def pages(codes: Mapping[str, Code]) -> dict[str, str]:
    """Return every page by file name, the index included."""
    ordered = [codes[code] for code in sorted(codes)]
    return {"README.md": _index(ordered), **{f"{row.code}.md": _page(row) for row in ordered}}


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
    sys.exit(run({FOLDER / name: text for name, text in pages(CODES).items()}, whole=FOLDER))

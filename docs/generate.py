"""Write the pages that are made from tables: `docs/problems/`, a page for each code and their index.

Run it after a change to `edgesim/model/codes/`: `python docs/generate.py`. With `--check` it writes
nothing and exits 1 if a page is stale.
"""

from __future__ import annotations

import sys
from pathlib import Path

from edgesim.model.codes import CODES, Code

FOLDER = Path(__file__).parent / "problems"
SECTIONS = (
    ("00", "Reading files"),
    ("01", "Documents against their schema"),
    ("02", "Virtual hosts and routes"),
    ("03", "Upstreams"),
    ("04", "Kubernetes kinds and pods"),
    ("06", "Notes"),
    ("07", "The running instance"),
)


def pages() -> dict[str, str]:
    """Return every page by file name."""
    found = {f"{row.code}.md": _page(row) for row in CODES.values()}
    return {**found, "README.md": _index()}


def stale() -> list[str]:
    """Return the names of pages that are missing, out of date, or of no code."""
    wanted = pages()
    there = {path.name: path.read_text() for path in FOLDER.glob("*.md")} if FOLDER.is_dir() else {}
    return sorted(name for name in wanted.keys() | there.keys() if wanted.get(name) != there.get(name))


def write() -> list[str]:
    """Bring the folder up to date and return what changed."""
    changed, wanted = stale(), pages()
    FOLDER.mkdir(exist_ok=True)
    for name in changed:
        if name in wanted:
            (FOLDER / name).write_text(wanted[name])
        else:
            (FOLDER / name).unlink()
    return changed


def _page(row: Code) -> str:
    language = "console" if row.console else "yaml"
    return (
        f"# {row.code}: {row.title}\n\n"
        f"Class: **{row.severity}**\n\n"
        f"{row.meaning}\n\n"
        f"## An example\n\n```{language}\n{row.bad.strip()}\n```\n\n"
        f"## Its mend\n\n```{language}\n{row.mend.strip()}\n```\n"
    )


def _index() -> str:
    lines = [
        "# Problems",
        "",
        "Every problem edgesim names has a code. An *error* makes a resource unusable, a *warning* makes part of it",
        "unusable, a *note* is information: it never freezes, refuses, or changes an exit code.",
        "",
        "These pages are made by `python docs/generate.py` from the table in `edgesim/model/codes/`.",
    ]
    for prefix, title in SECTIONS:
        rows = [row for row in sorted(CODES.values(), key=lambda row: row.code) if row.code[2:4] == prefix]
        if rows:
            lines += ["", f"## {title}", "", "| code | class | |", "| --- | --- | --- |"]
            lines += [f"| [{row.code}]({row.code}.md) | {row.severity} | {row.title} |" for row in rows]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    if "--check" in sys.argv[1:]:
        names = stale()
        print(f"stale: {', '.join(names)}; run `python docs/generate.py`" if names else "the pages are up to date")
        sys.exit(1 if names else 0)
    print(f"wrote {len(write())} pages")

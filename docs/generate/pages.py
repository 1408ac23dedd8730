"""The one way a generated page is written: each script here makes its pages of a table and hands them to `run`.

`PYTHONPATH=. python docs/generate/NAME.py [--check]`; with --check nothing is written, and the exit code is 1 if a
page is stale.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


def run(wanted: Mapping[Path, str], arguments: Sequence[str] | None = None, whole: Path | None = None) -> int:
    """Write the pages that are not as wanted, or with --check name them; return the exit code.

    In the folder `whole` there is to be no other page.
    """
    check = "--check" in (sys.argv[1:] if arguments is None else arguments)
    unwanted = set() if whole is None else set(whole.glob("*.md")) - wanted.keys()
    stale = [file for file in sorted(wanted.keys() | unwanted) if _text(file) != wanted.get(file)]
    for file in stale:
        done = "stale" if check else _made(file, wanted.get(file))
        print(f"{done}: {file.relative_to(ROOT) if file.is_relative_to(ROOT) else file}{_MEND if check else ''}")
    return int(check and bool(stale))


_MEND = " (make format writes it)"


def _text(file: Path) -> str | None:
    return file.read_text() if file.exists() else None


def _made(file: Path, text: str | None) -> str:
    if text is None:
        file.unlink()
        return "removed"
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)
    return "written"

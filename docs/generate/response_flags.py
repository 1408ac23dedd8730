"""Write docs/response-flags.md from the table of flags: `PYTHONPATH=. python docs/generate/response_flags.py [--check]`.

Which flags are set is read from the imports of `edgesim/proxy`. With --check nothing is written: it exits 1 if the
page is stale.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from edgesim.policies import response_flags
from edgesim.policies.response_flags import FLAGS, ResponseFlag

ROOT = Path(__file__).parents[2]
FILE = ROOT / "docs" / "response-flags.md"
_INTRO = """\
<!-- Made from edgesim/policies/response_flags.py by docs/generate/response_flags.py: change it there, then `make format`. -->

# Response flags

Envoy's marks on an answer that is not simply the upstream's: `%RESPONSE_FLAGS%` and `%RESPONSE_FLAGS_LONG%` in a format
string, joined by commas, `-` for none. Those in the second table are Envoy's too, but nothing here sets them."""


def main(arguments: Sequence[str]) -> int:
    """Write the page, or with --check only compare; return the exit code."""
    wanted = page(FLAGS, used(ROOT / "edgesim" / "proxy"))
    if FILE.exists() and FILE.read_text() == wanted:
        return 0
    if "--check" in arguments:
        print("stale: docs/response-flags.md (make format writes it)")
        return 1
    FILE.write_text(wanted)
    print("written: docs/response-flags.md")
    return 0


def page(flags: Iterable[ResponseFlag], set_here: frozenset[str]) -> str:
    """Return the whole page."""
    ours = [flag for flag in flags if flag.short in set_here]
    others = [flag for flag in flags if flag.short not in set_here]
    return f"{_INTRO}\n\n## Set by edgesim\n\n{_table(ours)}\n\n## Never set\n\n{_table(others)}\n"


def used(folder: Path) -> frozenset[str]:
    """Return the flags that the modules of a folder import by name."""
    return frozenset(
        alias.name
        for file in folder.glob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.ImportFrom) and node.module == response_flags.__name__
        for alias in node.names
    )


def _table(flags: Iterable[ResponseFlag]) -> str:
    rows = [f"| `{flag.short}` | `{flag.long}` | {flag.meaning} |" for flag in flags]
    return "\n".join(["| short | long | when |", "|---|---|---|", *rows])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

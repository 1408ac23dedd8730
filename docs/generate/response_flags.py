"""Write docs/response-flags.md from the table of flags.

Which flags are set is read from the imports of `edgesim/proxy`.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable
from pathlib import Path

from docs.generate.pages import DOCS, ROOT, run
from edgesim.policies import response_flags
from edgesim.policies.response_flags import FLAGS, ResponseFlag

FILE = DOCS / "response-flags.md"
_INTRO = """\
<!-- Made from edgesim/policies/response_flags.py by docs/generate/response_flags.py: change it there, then `make format`. -->

# Response flags

Envoy's marks on an answer that is not simply the upstream's: `%RESPONSE_FLAGS%` and `%RESPONSE_FLAGS_LONG%` in a format
string, joined by commas, `-` for none. Those in the second table are Envoy's too, but nothing here sets them."""


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
    sys.exit(run({FILE: page(FLAGS, used(ROOT / "edgesim" / "proxy"))}))

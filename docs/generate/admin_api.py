"""Write docs/admin-api.md from the table of endpoints: `PYTHONPATH=. python docs/generate/admin_api.py [--check]`.

With --check nothing is written: it exits 1 if the page is stale.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from edgesim.admin.app import ENDPOINTS
from edgesim.admin.endpoints import markdown

PAGE = Path(__file__).parents[1] / "admin-api.md"


def main(arguments: Sequence[str]) -> int:
    """Write the page, or with --check only compare; return the exit code."""
    wanted = markdown(ENDPOINTS)
    if PAGE.exists() and PAGE.read_text() == wanted:
        return 0
    if "--check" in arguments:
        print("stale: docs/admin-api.md (make format writes it)")
        return 1
    PAGE.write_text(wanted)
    print("written: docs/admin-api.md")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Write docs/admin-api.md from the table of endpoints."""

from __future__ import annotations

import sys

from docs.generate.pages import DOCS, run
from edgesim.admin.endpoints import ENDPOINTS, markdown

if __name__ == "__main__":
    sys.exit(run({DOCS / "admin-api.md": markdown(ENDPOINTS)}))

"""`python -m edgesim` is `edgesim`."""

from __future__ import annotations

from edgesim.cli import main

main()

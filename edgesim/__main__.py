"""`python -m edgesim` is the command `edgesim`."""

from __future__ import annotations

from edgesim.cli import main

if __name__ == "__main__":
    main()

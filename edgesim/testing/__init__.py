"""A gateway for a team's own tests: the pytest plugin `edgesim` (docs/run.md).

What stands here is imported by every run of pytest where edgesim is installed: nothing heavy may be.
"""

from __future__ import annotations

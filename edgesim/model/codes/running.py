"""ES0700 to ES0799: a running instance."""

from __future__ import annotations

from edgesim.model.codes.code import Code

RUNNING: tuple[Code, ...] = ()

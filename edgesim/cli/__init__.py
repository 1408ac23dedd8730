"""The commands: parse, call, print."""

from __future__ import annotations

from edgesim.cli.app import main

__all__ = ["main"]

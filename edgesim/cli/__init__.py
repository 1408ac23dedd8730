"""The commands: parse, call, print."""

from __future__ import annotations


def main() -> None:
    """Run the command line."""
    from edgesim.cli.app import main as run  # noqa: PLC0415 - the process that serves does without what reads options

    run()

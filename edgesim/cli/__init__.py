"""The commands: parse, call, print."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line."""
    from edgesim.cli.endings import ending_well  # noqa: PLC0415 - the process that serves reads no command line

    sys.exit(ending_well(_run))


def _run() -> int:
    from edgesim.cli.app import main as run  # noqa: PLC0415 - Ctrl-C while this is imported ends well, too

    run()
    return 0

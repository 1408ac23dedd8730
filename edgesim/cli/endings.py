"""How a process of edgesim ends: with an exit code, and at most one line about why."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from edgesim.cli.console import err


def ending_well(run: Callable[[], int]) -> int:
    """Return the exit code of what runs, whatever happens in it."""
    try:
        return run()
    except BrokenPipeError:
        # Whoever read our output has enough of it (`edgesim get ... | head`).
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        if os.environ.get("EDGESIM_DEBUG"):
            raise
        text = " ".join(str(error).split())
        err(f"ES0799 {type(error).__name__}: {text} (a mistake of edgesim's own: EDGESIM_DEBUG=1 tells where)")
        return 1

"""How a process of edgesim ends: with an exit code, and at most one line about why."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable


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
    except Exception as error:  # noqa: BLE001 - the rim: whatever it is, it is told
        return _told(error)


def _told(error: Exception) -> int:
    """Print why it ends, and return the exit code."""
    from edgesim.cli.problems import print_error  # noqa: PLC0415 - an import that fails ends well, too
    from edgesim.model import EdgesimError  # noqa: PLC0415
    from edgesim.model.codes import failure  # noqa: PLC0415

    if not isinstance(error, EdgesimError):
        if os.environ.get("EDGESIM_DEBUG"):
            raise error
        said = f"{type(error).__name__}: {' '.join(str(error).split())}"
        error = failure("ES0799", f"{said} (a mistake of edgesim's own: EDGESIM_DEBUG=1 tells where)")
    print_error(error)
    return error.exit_code

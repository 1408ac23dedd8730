"""From the process that read a command line to the one that serves, which is the same process with less in it.

Reading options takes libraries (typer, and pydantic below it) that hold a fifth of the memory of an idle
gateway and are never needed again. So the process starts its interpreter anew (execv: same pid, same files,
same signals) and takes along only what the command line said.
"""

from __future__ import annotations

import os
import pickle
import sys
import tempfile
from pathlib import Path
from typing import NoReturn

from edgesim.cli.endings import ending_well
from edgesim.cli.settings import UpSettings


def hand_over(settings: UpSettings) -> NoReturn:
    """Serve what the settings say, in a fresh interpreter; the process ends with what `serving.run` returns."""
    with tempfile.TemporaryFile() as told:
        pickle.dump(settings, told)
        told.seek(0)
        os.set_inheritable(told.fileno(), True)
        if sys.path[0] not in ("", str(Path.cwd())):
            # `python -m` would look into the present folder first, where this process (and so no worker) does not.
            os.environ["PYTHONSAFEPATH"] = "1"
        sys.stdout.flush()
        sys.stderr.flush()
        # What was typed goes along for `ps` and for the demo, which prints how it was called.
        command = [sys.executable, "-m", __name__, str(told.fileno()), *sys.argv]
        os.execv(sys.executable, command)  # noqa: S606 - no shell is what is wanted here


def _told(number: int) -> UpSettings:
    with os.fdopen(number, "rb") as file:
        settings: UpSettings = pickle.load(file)  # noqa: S301 - this process wrote it, into a file without a name
        return settings


def _serve() -> int:
    from edgesim.cli.serving import run  # noqa: PLC0415 - inside what ends well, a failing import too

    settings = _told(int(sys.argv[1]))
    sys.argv[:] = sys.argv[2:]
    return run(settings)


if __name__ == "__main__":
    sys.exit(ending_well(_serve))

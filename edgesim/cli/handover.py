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
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NoReturn

from edgesim.cli.endings import ending_well
from edgesim.cli.settings import UpSettings


def hand_over(settings: UpSettings) -> NoReturn:
    """Serve what the settings say, in a fresh interpreter; the process ends with what `serving.run` returns."""
    with written(settings) as told:
        os.set_inheritable(told.fileno(), True)
        os.environ.update(safe_path())
        sys.stdout.flush()
        sys.stderr.flush()
        os.execv(sys.executable, command(told, sys.argv))  # noqa: S606 - no shell is what is wanted here


def command(told: IO[bytes], typed: Sequence[str]) -> list[str]:
    """Return the command that serves; what was typed goes along for `ps` and for the demo, which prints how it was called."""
    return [sys.executable, "-m", __name__, str(told.fileno()), *typed]


def written(settings: UpSettings) -> IO[bytes]:
    """Write settings to a file without a name, for the process that inherits it."""
    told = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
    pickle.dump(settings, told)
    told.seek(0)
    return told


def safe_path() -> dict[str, str]:
    """Return what to set so that `python -m` looks into the present folder only where this process does."""
    return {} if sys.path[0] in {"", str(Path.cwd())} else {"PYTHONSAFEPATH": "1"}


def _told(number: int) -> UpSettings:
    with os.fdopen(number, "rb") as file:
        settings: UpSettings = pickle.load(file)  # noqa: S301 - this process wrote it, into a file without a name
        return settings


@contextmanager
def _no_authorities() -> Iterator[None]:
    """Let nobody load the system's certificate authorities: aiohttp does when imported (2 MB), for a client not used here."""
    names = ("SSL_CERT_FILE", "SSL_CERT_DIR")
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(dict.fromkeys(names, os.devnull))
    yield
    for name, value in before.items():
        del os.environ[name]
        if value is not None:
            os.environ[name] = value


def _serve() -> int:
    with _no_authorities():
        from edgesim.cli.serving import run  # noqa: PLC0415 - inside what ends well, a failing import too

    settings = _told(int(sys.argv[1]))
    sys.argv[:] = sys.argv[2:]
    return run(settings)


if __name__ == "__main__":
    sys.exit(ending_well(_serve))

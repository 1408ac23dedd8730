"""`edgesim run`: a command with a gateway for as long as it runs."""

from __future__ import annotations

import errno
import inspect
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import typer

from edgesim.cli.background import Background, start
from edgesim.cli.options import Report
from edgesim.cli.up import on_free_ports, settings_of, with_options_of_up
from edgesim.model import EdgesimError
from edgesim.model.codes import failure

_NOT_FOUND, _NOT_EXECUTABLE, _BY_SIGNAL = 127, 126, 128
"""The exit codes of a shell."""
_ASKING = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)

Words = Annotated[
    list[str],
    typer.Argument(metavar="[PATH...] -- COMMAND", help="Manifests or folders, then -- and the command to run."),
]


@with_options_of_up(
    inspect.Parameter("words", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=Words),
    without=("output",),
    port=0,
    admin_port=0,
    tls_port=0,
    state="off",
)
def run(words: list[str], **options: Any) -> None:
    """Run a command with a gateway: started before, ended after, the exit code is the command's.

    The command finds the gateway in GATEWAY (http://127.0.0.1:PORT; GATEWAY_TLS where there is TLS) and the admin
    API in EDGESIM_ADMIN, which every command of edgesim reads; with --kube also KUBECONFIG, for kubectl and helm. Ports are free ones unless you name them, and
    nothing is kept. A configuration with problems ends it with exit code 1 before the command is started, unless
    --keep-going. A command that a signal killed gives 128 and the signal's number, one that is not there 127, as
    in shells. Other options are those of `up`.

    Example:
      edgesim run configs/two-phased-canary/{echo,upstream,vs-3}.yaml -- sh -c 'curl $GATEWAY/'
      edgesim run --seed 7 manifests/ -- pytest tests/routes
      edgesim run --kube -- sh -c 'helm install echo ./chart && curl $GATEWAY/'
    """
    paths, command = _split(words, sys.argv)
    if shutil.which(command[0]) is None:
        raise _not_run(command[0], _refusal(command[0]))
    settings = on_free_ports(settings_of(tuple(map(Path, paths)), output=Report.JSON, **options))
    with _signals(_give_up):
        instance = start(settings, sys.argv)
    try:
        code = _run(command, instance)
    finally:
        instance.stop()
    raise typer.Exit(code)


def _split(words: Sequence[str], typed: Sequence[str]) -> tuple[list[str], list[str]]:
    """Split at the `--` that was typed, which the parser of options has taken away."""
    behind = len(typed) - typed.index("--") - 1 if "--" in typed else 0
    if not behind:
        raise typer.BadParameter("write the command to run behind --", param_hint="COMMAND")
    return list(words[:-behind]), list(words[-behind:])


def _run(command: Sequence[str], instance: Background) -> int:
    """Run the command with what comes from the terminal, and return its exit code as a shell would."""
    passing = _PassingOn(by_terminal=_terminal_sends())
    with _signals(passing.take):
        try:
            process = subprocess.Popen(command, env={**os.environ, **instance.environment()})  # noqa: S603 - asked for
        except (OSError, ValueError) as error:
            raise _not_run(command[0], error) from None
        passing.begin(process)
        code = process.wait()
    code = code if code >= 0 else _BY_SIGNAL - code
    if instance.process.poll() is not None:
        ended = f"the gateway ended before the command, with exit code {instance.process.returncode}"
        raise failure("ES0708", ended, exit_code=code or 1)
    return code


def _not_run(command: str, error: Exception) -> EdgesimError:
    code = _NOT_FOUND if isinstance(error, FileNotFoundError) else _NOT_EXECUTABLE
    reason = getattr(error, "strerror", None) or str(error)
    return failure("ES0707", f"{command}: {reason.lower()}", exit_code=code)


def _refusal(program: str) -> OSError:
    """Return why a program cannot be run; looked up before anything is started, as a name on the PATH or a path."""
    number = errno.EACCES if "/" in program and Path(program).exists() else errno.ENOENT
    return OSError(number, os.strerror(number))  # of the kind that belongs to the number


def _give_up(number: int, _frame: object) -> None:
    """Take a signal before there is a command."""
    raise typer.Exit(_BY_SIGNAL + number)


@dataclass(slots=True)
class _PassingOn:
    """Leaves signals to the command: Ctrl-C comes to it from the terminal, anything else is passed on."""

    by_terminal: bool
    process: subprocess.Popen[bytes] | None = None
    early: list[int] = field(default_factory=list)

    def take(self, number: int, _frame: object) -> None:
        """Take a signal; one that comes while the command is being started waits."""
        if number == signal.SIGINT and self.by_terminal:
            return
        if self.process is None:
            self.early.append(number)
        else:
            self.process.send_signal(number)

    def begin(self, process: subprocess.Popen[bytes]) -> None:
        """Pass on what came, and from now on what comes."""
        self.process = process
        while self.early:
            process.send_signal(self.early.pop(0))


@contextmanager
def _signals(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Handle the signals that ask for an end."""
    before = {number: signal.signal(number, handler) for number in _ASKING}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


def _terminal_sends() -> bool:
    """Tell whether a terminal sends Ctrl-C to this process and so to the command, which is of the same group."""
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)

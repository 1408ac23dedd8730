"""The commands of `edgesim`, and the promise that none of them ends in a traceback."""

from __future__ import annotations

import inspect
import io
import sys
from collections.abc import Callable

import typer

from edgesim.cli import bench, export, gateway
from edgesim.cli.apply import apply
from edgesim.cli.breaking import break_, mend
from edgesim.cli.check import check
from edgesim.cli.compare import compare
from edgesim.cli.delete import delete
from edgesim.cli.diff import diff
from edgesim.cli.endings import ending_well
from edgesim.cli.env import env
from edgesim.cli.explain import explain, version
from edgesim.cli.get import get
from edgesim.cli.history import history, undo
from edgesim.cli.kubeconfig import kubeconfig
from edgesim.cli.load import load
from edgesim.cli.patch import patch
from edgesim.cli.route import route
from edgesim.cli.run import run
from edgesim.cli.simulate import simulate
from edgesim.cli.stats import stats
from edgesim.cli.test import test
from edgesim.cli.up import demo, up
from edgesim.cli.usage import USAGE_ERROR, Command, print_usage_error
from edgesim.cli.verify import verify
from edgesim.cli.xds import xds

COMMANDS = (
    up,
    demo,
    run,
    kubeconfig,
    env,
    apply,
    delete,
    patch,
    get,
    history,
    undo,
    check,
    route,
    test,
    diff,
    load,
    simulate,
    compare,
    stats,
    break_,
    mend,
    verify,
    xds,
    explain,
    version,
)

app = typer.Typer(
    help="Rehearse a canary release on one laptop: Gloo Edge YAML in, a real HTTP proxy out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _register(command: Callable[..., None], to: typer.Typer) -> None:
    """Add a command: its docstring's first line for the list, its `Example:` below the options."""
    text, _, example = inspect.cleandoc(command.__doc__ or "").partition("Example:")
    epilog = f"\b\nExample:{example}"
    name = command.__name__.rstrip("_").replace("_", "-")
    to.command(name, cls=Command, help=text.strip(), short_help=text.partition("\n")[0], epilog=epilog)(command)


for each in COMMANDS:
    _register(each, app)

for name, group in (("bench", bench), ("export", export), ("gateway", gateway)):
    commands = typer.Typer(help=group.HELP, no_args_is_help=True, rich_markup_mode=None)
    for each in group.COMMANDS:
        _register(each, commands)
    app.add_typer(commands, name=name)


def main() -> None:
    """Run the command line; whatever happens, it ends in an exit code and at most one line about why."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # whatever a file holds can be shown on any terminal
            stream.reconfigure(errors="backslashreplace")
    sys.exit(ending_well(_run))


def _run() -> int:
    try:
        code = app(prog_name="edgesim", standalone_mode=False)
    except USAGE_ERROR as error:
        return print_usage_error(error)
    return code if isinstance(code, int) else 0  # what `typer.Exit` says

"""A command line that cannot be read: how it is told, and how `--help` writes what can be."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from typing import Any

import typer
from typer.core import TyperCommand

from edgesim.cli.console import err
from edgesim.cli.problems import printable
from edgesim.dialects.nearest import did_you_mean

USAGE_ERROR: type[Exception] = typer.BadParameter.__bases__[0]
"""click's UsageError, which typer keeps a copy of and exports only by its descendant."""

_CODES = {
    "NoSuchOption": "ES0900",
    "NoSuchCommand": "ES0900",
    "MissingParameter": "ES0901",
    "BadParameter": "ES0902",
}
_OTHERS = "ES0903"
_WRITTEN_OUT = re.compile(r"[{\[](.*[ \[].*)[}\]]\.\.\.|\{(.*)\}")


class Command(TyperCommand):
    """A command whose usage line has the arguments as they were written, where they say themselves what repeats."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Return the words behind the command's name."""
        return [_WRITTEN_OUT.sub(_inside, piece) for piece in super().collect_usage_pieces(ctx)]


def _inside(found: re.Match[str]) -> str:
    if found[2] is not None:
        return found[2]
    return found[1] if found[0].startswith("{") else f"[{found[1]}]"


def print_usage_error(error: Any) -> int:
    """Say in one line what is wrong with the command line, with its code, and return the exit code."""
    said = error.format_message()
    if said.startswith("Usage:"):  # no command at all
        err(said)
        return int(error.exit_code)
    called = error.ctx.command_path if error.ctx is not None else " ".join(["edgesim", *sys.argv[1:2]])
    err(f"{called}: {_sentence(error, said)} ({code_of(error)})")
    err(f"try: {called} --help")
    return int(error.exit_code)


def code_of(error: Exception) -> str:
    """Return the stable code of a usage error."""
    if str(error).startswith("No such command"):
        return "ES0900"
    return next((_CODES[each.__name__] for each in type(error).__mro__ if each.__name__ in _CODES), _OTHERS)


def _sentence(error: Any, said: str) -> str:
    """Return what is wrong in a line, with the nearest name where one was misspelt."""
    flat = printable(" ".join(said.replace("Value error, ", "").split()))
    flat = flat if flat.endswith("...") else flat.removesuffix(".")
    sentence = flat[:1].lower() + flat[1:]
    name = getattr(error, "option_name", "")
    if code_of(error) != "ES0900" or error.ctx is None:
        return sentence
    sentence = sentence.partition(" (")[0].partition(". ")[0]
    word, names = (name, _options(error.ctx)) if name else (sentence.split("'")[1], error.ctx.command.commands)
    hint = did_you_mean(word, names)
    return f"{sentence}; {hint}" if hint else sentence


def _options(ctx: Any) -> Iterator[str]:
    for parameter in ctx.command.get_params(ctx):
        yield from (name for name in parameter.opts if name.startswith("--"))

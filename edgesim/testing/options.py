"""Options of `edgesim up`, given as keywords with underscores and read as the command line reads them."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import typer

from edgesim.cli.options import Report
from edgesim.cli.settings import UpSettings
from edgesim.cli.up import on_free_ports, settings_of, up, with_options_of_up
from edgesim.cli.usage import code_of
from edgesim.dialects import did_you_mean

_NOT_THESE = ("paths", "output")
OPTIONS = frozenset(inspect.signature(up).parameters) - {*_NOT_THESE}


class OptionError(ValueError):
    """An option that `edgesim up` does not have, or a value it does not take."""


def settings_from(paths: tuple[Path, ...], options: Mapping[str, Any]) -> UpSettings:
    """Return what `up` would be told: on free ports and without state, unless options say otherwise.

    Raises OptionError.
    """
    unknown = sorted(options.keys() - OPTIONS)
    if unknown:
        hint = did_you_mean(unknown[0], OPTIONS) or f"there are: {', '.join(sorted(OPTIONS))}"
        raise OptionError(f"no option of `edgesim up`: {', '.join(unknown)}; {hint} (ES0900)")
    taken: list[UpSettings] = []

    @with_options_of_up(without=("output",), port=0, admin_port=0, tls_port=0, state="off")
    def take(**read: Any) -> None:
        taken.append(on_free_ports(settings_of(paths, output=Report.JSON, **read)))

    reader = typer.Typer(add_completion=False)
    reader.command()(take)
    try:
        reader([*_words(options)], standalone_mode=False)
    except typer.BadParameter as error:
        raise OptionError(f"{error.format_message()} ({code_of(error)})") from None
    return taken[0]


def _words(options: Mapping[str, Any]) -> Iterator[str]:
    for name, value in options.items():
        flag = f"--{name.replace('_', '-')}"
        if value is True:
            yield flag
        elif value is not False and value is not None:
            yield f"{flag}={value}"

"""`edgesim explain` and `edgesim version`."""

from __future__ import annotations

import platform
from typing import Annotated

import typer

import edgesim
from edgesim.cli.console import out, out_json
from edgesim.cli.options import Output, Report
from edgesim.dialects import did_you_mean
from edgesim.model.codes import CODES


def explain(
    code: Annotated[str, typer.Argument(metavar="CODE", help="A problem's code, such as ES0103.")],
    output: Output = Report.TEXT,
) -> None:
    """Explain a problem's code: what it means, an example, and its mend.

    Example:
      edgesim explain ES0103
    """
    row = CODES.get(code.upper())
    if row is None:
        hint = did_you_mean(code.upper(), CODES) or f"codes go from {min(CODES)} to {max(CODES)}"
        raise typer.BadParameter(f"there is no code {code!r}; {hint}", param_hint="CODE")
    if output is Report.JSON:
        out_json(row)
        return
    out(f"{row.code}: {row.title} ({row.severity.value})\n\n{row.meaning}\n")
    for title, text in (("For example:", row.bad), ("Mended:", row.mend)):
        out(title)
        out("".join(f"    {line}" for line in text.splitlines(keepends=True)))


def version(output: Output = Report.TEXT) -> None:
    """Print the versions of edgesim and Python.

    Example:
      edgesim version -o json
    """
    versions = {"edgesim": edgesim.__version__, "python": platform.python_version()}
    if output is Report.JSON:
        out_json(versions)
    else:
        out(f"edgesim {versions['edgesim']} (Python {versions['python']})")

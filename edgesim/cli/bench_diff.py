"""`edgesim bench diff`: two results of `edgesim bench`, by ratio."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgesim.cli.bench_options import wrong
from edgesim.cli.columns import table
from edgesim.cli.console import err, out, out_json
from edgesim.cli.options import Output, Report
from edgesim.cli.problems import printable

if TYPE_CHECKING:
    from edgesim.bench.comparing import Compared

_TOLERANCE = "5%"


def diff(
    before: Annotated[Path, typer.Argument(metavar="BEFORE", help="A file written with --save.")],
    after: Annotated[Path, typer.Argument(metavar="AFTER", help="Another.")],
    tolerance: Annotated[
        str, typer.Option("--tolerance", metavar="SHARE", help="What may get worse before the exit code is 1, as 5%.")
    ] = _TOLERANCE,
    relative: Annotated[
        bool,
        typer.Option("--relative", help="Divide times by that of plain Python in the same round, as for two machines."),
    ] = False,
    output: Output = Report.TEXT,
) -> None:
    """Compare two benchmark results of the same kind: how many times as much, and whether noise explains it.

    The estimate is the median of all ratios of a round to a round, with a 95% interval that assumes nothing of how
    rounds are spread. A difference is called only where the interval leaves 1 out, a regression where all of it is
    worse than the tolerance: exit code 1 then. Results of two machines are compared relative to plain Python, where
    they have that. Two runs of one program differ by a few percent for reasons no round shows (where memory lies, how
    warm the machine is): the tolerance is for that.

    Example:
      edgesim bench routing --save before.json
      edgesim bench routing --save after.json
      edgesim bench diff before.json after.json --tolerance 10%
    """
    from edgesim.bench import comparing, results  # noqa: PLC0415 - `edgesim --help` needs no engine

    share = _share(tolerance)
    found = comparing.compare(results.read(before), results.read(after), share, relative=relative)
    if not found.series:
        raise wrong("AFTER", str(after), f"it has nothing that {before} has")
    if output is Report.JSON:
        out_json(found)
    else:
        for line in _rows(found.series):
            out(printable(line))
    for note in found.notes:
        err(printable(note))
    raise typer.Exit(1 if found.regressions else 0)


def _share(text: str) -> float:
    try:
        share = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        share = -1.0
    if not 0 <= share < 10:
        raise wrong("--tolerance", text, "no share; write it like 5% or 0.05")
    return share


def _rows(series: tuple[Compared, ...]) -> list[str]:
    rows = [
        [
            each.name,
            each.unit,
            f"{each.before:,.6g}",
            f"{each.after:,.6g}",
            f"{each.ratio:.3f}",
            f"{each.low:.3f} to {each.high:.3f}" if each.rounds > 1 else "-",
            each.verdict,
        ]
        for each in series
    ]
    return table(["", "unit", "before", "after", "ratio", "interval", ""], rows, left=2, text=1)

"""`edgesim compare`: two runs of `edgesim load`, before and after."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from edgesim.analysis import Kind, Verdict, gravest
from edgesim.cli.console import out, out_json, saying_soon
from edgesim.cli.options import Output, Report
from edgesim.cli.verdict_text import verdict_lines


@dataclass(frozen=True, slots=True)
class CompareOutput:
    """Two runs compared.

    `verdict` is the gravest of `verdicts`, one for each question. `cautions` say why a difference may not be that of
    the versions.
    """

    before: str
    after: str
    verdict: Kind
    verdicts: tuple[Verdict, ...]
    cautions: tuple[str, ...]


def compare(
    before: Annotated[Path, typer.Argument(metavar="BEFORE", help="A run that `edgesim load --save` wrote.")],
    after: Annotated[Path, typer.Argument(metavar="AFTER", help="The run to compare with it.")],
    margin: Annotated[
        str, typer.Option("--margin", metavar="SHARE", help="The error rate may be so many points higher.")
    ] = "1%",
    latency_margin: Annotated[
        str,
        typer.Option("--latency-margin", metavar="SHARE", help="p50 may be so much slower, p99 2.5 times as much."),
    ] = "10%",
    confidence: Annotated[
        str, typer.Option("--confidence", metavar="NUMBER", help="Of all verdicts together.")
    ] = "0.95",
    output: Output = Report.TEXT,
) -> None:
    """Tell whether one run is worse than another: its errors, its p50 and its p99.

    Each question is answered with PASS, FAIL or NEED-MORE-DATA. The intervals know what differs from second to second
    of a run, and nothing of what differs between runs: where that can be, cautions say so. Exit code 1 where a verdict
    is FAIL, 2 for a file that is no run; what is only not known does not fail.

    Example:
      edgesim load localhost:8080/ --duration 60s --save before.json
      edgesim load localhost:8080/ --duration 60s --save after.json
      edgesim compare before.json after.json --margin 0.5%
    """
    from edgesim.load.comparing import Allowed, cautions, compare_runs  # noqa: PLC0415 - numpy and scipy
    from edgesim.load.expectations import confidence_of, share_of  # noqa: PLC0415 - `edgesim --help` needs no engine
    from edgesim.load.reading import read_run  # noqa: PLC0415 - the same

    allowed = Allowed(
        share_of("--margin", margin), share_of("--latency-margin", latency_margin), confidence_of(confidence)
    )
    one, two = read_run(before), read_run(after)
    with saying_soon("comparing ..."):
        verdicts = compare_runs(one, two, allowed)
    word, said = gravest(verdicts), tuple(cautions(one, two))
    if output is Report.JSON:
        out_json(CompareOutput(str(before), str(after), word, verdicts, said))
    else:
        for line in (line for each in verdicts for line in verdict_lines(each)):
            out(line)
        out()
        for each in said:
            out(each)
    raise typer.Exit(int(word is Kind.FAIL))

"""`edgesim bench routing`: what deciding where requests go costs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edgesim.cli.bench_options import Save, Seed, close, numbers, spread
from edgesim.cli.columns import table
from edgesim.cli.options import Output, Report
from edgesim.cli.progress import progress

if TYPE_CHECKING:
    from edgesim.bench.results import BenchResult
    from edgesim.bench.routing import Measured

_SIZES = "10,100,1000,10000"
_MOST_ROUTES = 200_000


class Kind(StrEnum):
    """How the routes of a made-up table differ."""

    DISTINCT = "distinct"
    SHARED = "shared"
    HEADER = "header"
    REGEX = "regex"


class Traffic(StrEnum):
    """How requests spread over a made-up table."""

    BUSY = "busy"
    SKEWED = "skewed"
    EVEN = "even"


def routing(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(metavar="PATH", help="Manifests or folders: measure their routes, by requests made for each."),
    ] = None,
    routes: Annotated[
        str | None,
        typer.Option("--routes", metavar="N,N,...", help=f"Sizes of made-up tables.  [default: {_SIZES} without PATH]"),
    ] = None,
    kind: Annotated[
        Kind, typer.Option("--kind", help="Their routes differ by first segment, later, by a header, or are regexes.")
    ] = Kind.DISTINCT,
    traffic: Annotated[
        Traffic,
        typer.Option("--traffic", help="To a hundred busy services, the more popular the more often, or to all."),
    ] = Traffic.BUSY,
    rounds: Annotated[
        int, typer.Option("--rounds", metavar="N", min=1, max=1000, help="How often each is timed.")
    ] = 15,
    batches: Annotated[
        int, typer.Option("--batches", metavar="N", min=1, max=100_000, help="Of 50 decisions a round.")
    ] = 200,
    seed: Seed = 1,
    save: Save = None,
    output: Output = Report.TEXT,
) -> None:
    """Measure the routing core alone: no sockets, the time from a parsed head to the destination.

    Made-up tables are of pairs of routes, a header to v2 and the rest split, asked with ten headers. Times are processor
    time, medians over rounds that alternate between tables, with a 95% interval of the median. Bytes a route are what
    Python holds for the compiled table; regexes hold more, in RE2. Exit code 0, or 130 after Ctrl-C, which reports the
    rounds that were finished.

    Example:
      edgesim bench routing
      edgesim bench routing --routes 10,1000,50000 --traffic even --save before.json
      edgesim bench routing configs/two-phased-canary/{echo,upstream,vs-5}.yaml
    """
    from edgesim.bench import results  # noqa: PLC0415 - `edgesim --help` needs no engine

    sizes = numbers(
        "--routes", _SIZES if routes is None else routes, "number of routes", "10,1000,10000", 2, _MOST_ROUTES
    )
    sizes = list(dict.fromkeys(sizes))  # two of a size would have one name
    if save is not None:
        results.check_writable(save)
    made, notes = _configured(paths) if paths else ([], [])
    if routes is not None or not paths:
        made += _synthetic(kind, traffic, sizes)
    stopped = _measure(made, rounds, batches, seed)
    made = [each for each in made if each.nanoseconds]
    asked = {"kind": kind.value, "traffic": traffic.value, "batches": str(batches)}
    found = results.result("routing", seed, tuple(_series(made)), asked=asked, notes=tuple(notes))
    close(found, _lines(found, made), _more(made), save, output, stopped=stopped)


def _synthetic(kind: Kind, traffic: Traffic, sizes: Sequence[int]) -> list[Measured]:
    from edgesim.bench.routing import synthetic  # noqa: PLC0415

    with progress("compiling") as draw:
        made = []
        for index, size in enumerate(sizes):
            draw(index, len(sizes))
            made.append(synthetic(kind.value, traffic.value, size))
    return made


def _configured(paths: Sequence[Path]) -> tuple[list[Measured], list[str]]:
    """Take the user's routes. Raises EdgesimError ES1003, and what is wrong with the files."""
    from edgesim.bench.routing import configured  # noqa: PLC0415
    from edgesim.cli.bench_configuration import requests_of, tables_of  # noqa: PLC0415

    tables = tables_of(paths)
    found, notes = requests_of(tables, paths)
    return [configured(_name(paths), tables, found.requests)], notes


def _name(paths: Sequence[Path]) -> str:
    return " ".join(map(str, paths)) if len(paths) < 3 else f"{paths[0]} and {len(paths) - 1} more"


def _measure(made: list[Measured], rounds: int, batches: int, seed: int) -> bool:
    """Measure, and tell whether Ctrl-C came before all rounds were done. Without a round it raises KeyboardInterrupt."""
    from edgesim.bench.routing import measure  # noqa: PLC0415

    try:
        with progress("rounds") as draw:
            for done in measure(made, rounds, batches, seed):
                draw(done, rounds)
    except KeyboardInterrupt:
        if not made or not made[0].nanoseconds:
            raise
        return True
    return False


def _series(made: Sequence[Measured]) -> Iterator[Any]:
    from edgesim.bench.results import Better, Series  # noqa: PLC0415

    for each in made:
        reference = tuple(each.reference[: len(each.nanoseconds)])
        yield Series(f"{each.name}: time", "ns/decision", Better.LOWER, tuple(each.nanoseconds), reference)
        yield Series(f"{each.name}: memory", "bytes/route", Better.LOWER, (each.bytes_per_route,), exact=True)


def _more(made: Sequence[Measured]) -> dict[str, Any]:
    from edgesim.bench.routing import growth  # noqa: PLC0415
    from edgesim.bench.spread import median_interval  # noqa: PLC0415

    grown = growth(made)
    summary = [
        {
            "name": each.name,
            "routes": each.routes,
            "ns": median(each.nanoseconds),
            "interval": asdict(median_interval(each.nanoseconds)),
            "decisions_per_second": 1e9 / median(each.nanoseconds),
            "bytes_per_route": each.bytes_per_route,
            "compile_seconds": each.compile_seconds,
        }
        for each in made
    ]
    return {"summary": summary, "growth": None if grown is None else asdict(grown)}


def _lines(found: BenchResult, made: Sequence[Measured]) -> Iterator[str]:
    from edgesim.bench.routing import growth  # noqa: PLC0415
    from edgesim.bench.spread import CONFIDENCE, median_interval  # noqa: PLC0415

    rows = []
    for each in made:
        interval = median_interval(each.nanoseconds)
        middle = median(each.nanoseconds)
        rows.append([
            each.name, f"{each.routes:,}", f"{middle:,.0f}", spread(interval), f"{1e9 / middle:,.0f}",
            f"{each.bytes_per_route:,.0f}", f"{each.compile_seconds:.2f}",
        ])  # fmt: skip
    yield from table(["table", "routes", "ns", "interval", "decisions/s", "bytes/route", "compile s"], rows)
    yield ""
    rounds = len(made[0].nanoseconds)
    sure = median_interval(made[0].nanoseconds).confidence
    yield f"medians of {rounds} rounds, each interval {sure:.0%}" + (
        "" if sure >= CONFIDENCE else ": too few rounds for 95%"
    )
    grown = growth(made)
    if grown is not None:
        yield (
            f"{grown.routes:,.0f} times the routes take {grown.time:.2f} times as long "
            f"(routes to the power of {grown.exponent:.2f}; a list that is searched has 1)"
        )
    yield from found.notes

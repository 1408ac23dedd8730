"""`edgesim bench proxy`: the proxy beside those that are installed."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, replace
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edgesim.cli.bench_options import Save, Seed, close, compared, ended_as_by_ctrl_c, spread, wrong
from edgesim.cli.columns import table
from edgesim.cli.options import Output, Report
from edgesim.cli.progress import progress
from edgesim.model.codes import failure

if TYPE_CHECKING:
    from edgesim.bench.proxy import Row
    from edgesim.bench.results import BenchResult
    from edgesim.bench.scenario import Scenario
    from edgesim.bench.spread import Comparison
    from edgesim.load.scenario import Scenario as Load

_OURS = "edgesim"
_USUAL = ("envoy", "nginx", "haproxy", "aiohttp")
_SCENARIOS = ("canary", "one-connection", "ten-headers", "distinct", "routes-10")


def proxy(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="PATH", help="Manifests or folders: load edgesim alone with them, by their own requests."
        ),
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(
            "--against", metavar="NAME,...", help=f"Beside whom: {', '.join(_USUAL)}.  [default: all there are]"
        ),
    ] = None,
    scenario: Annotated[
        str, typer.Option("--scenario", metavar="NAME", help=f"What is sent: {', '.join(_SCENARIOS)}.")
    ] = _SCENARIOS[0],
    rounds: Annotated[
        int, typer.Option("--rounds", metavar="N", min=1, max=1000, help="How often each is loaded.")
    ] = 7,
    seconds: Annotated[
        float, typer.Option("--seconds", metavar="N", min=0.2, max=600, help="For how long each time.")
    ] = 2.0,
    connections: Annotated[
        int | None, typer.Option("--connections", metavar="N", min=1, max=4096, help="At a time.  [default: 64]")
    ] = None,
    seed: Seed = 1,
    save: Save = None,
    output: Output = Report.TEXT,
) -> None:
    """Load the proxy and its peers in turn, and say by how much one is faster, if that is more than noise.

    Each has the canary's two routes and one worker on a core of its own; client and backend run on others. Rounds
    alternate; medians have a 95% interval, and so has the ratio, which is taken within each round. A difference whose
    interval holds 1 is not called one. A peer whose core had time left was held back by the client or the backend: it is
    marked, and it may be faster than it looks. Peers that are not installed are named; one named with --against must be
    there (exit code 2). Exit code 0, or 130 after Ctrl-C, which reports the rounds that were finished.

    Example:
      edgesim bench proxy
      edgesim bench proxy --against envoy,aiohttp --rounds 9 --save proxy.json
      edgesim bench proxy --scenario distinct --against nginx
      edgesim bench proxy configs/two-phased-canary/{echo,echo-v2,upstream,vs-5}.yaml
    """
    from edgesim.bench import results  # noqa: PLC0415 - `edgesim --help` needs no engine
    from edgesim.bench.machine import CLIENT_CORE, pinned  # noqa: PLC0415

    names = _peers(against)
    if paths and against is not None:
        raise wrong("--against", against, "the others know the built-in canary only: leave PATH or --against out")
    if save is not None:
        results.check_writable(save)
    with ended_as_by_ctrl_c(), tempfile.TemporaryDirectory() as name, ExitStack() as stack, pinned(CLIENT_CORE):
        if paths:
            rows, load, notes = _own(paths, connections, seed, Path(name), stack)
            what = "own"
        else:
            chosen = _scenario(scenario, connections)
            rows, load, notes = _beside(names, chosen, seed, Path(name), stack, asked=against is not None)
            what = chosen.name
        stopped = _measure(rows, load, rounds, seconds)
    _close(
        what,
        rows,
        {"scenario": what, "connections": str(load.connections), "seconds": f"{seconds:g}"},
        notes,
        seed,
        save,
        output,
        stopped=stopped,
    )


def _peers(text: str | None) -> list[str]:
    if text is None:
        return list(_USUAL)
    names = [each.strip() for each in text.split(",")]
    for name in names:
        if name not in _USUAL:
            raise wrong("--against", text, f"`{name}` is none of {', '.join(_USUAL)}")
    return list(dict.fromkeys(names))


def _scenario(name: str, connections: int | None) -> Scenario:
    from edgesim.bench.scenario import SCENARIOS  # noqa: PLC0415

    found = next((each for each in SCENARIOS if each.name == name and name in _SCENARIOS), None)
    if found is None:
        raise wrong("--scenario", name, f"none of {', '.join(_SCENARIOS)}")
    return found if connections is None else replace(found, connections=connections)


def _beside(
    names: Sequence[str], scenario: Scenario, seed: int, folder: Path, stack: ExitStack, *, asked: bool
) -> tuple[list[Row], Load, list[str]]:
    """Start edgesim and its peers. Raises EdgesimError ES1002 where one that was asked for is not there."""
    from edgesim.bench.peers import Peer, backend  # noqa: PLC0415
    from edgesim.bench.processes import Unavailable  # noqa: PLC0415
    from edgesim.bench.proxy import Row, load_of, start  # noqa: PLC0415

    try:
        backends = stack.enter_context(backend(folder))
    except Unavailable as reason:
        raise failure("ES1002", f"backend: {reason}", reason.install, exit_code=2) from None
    rows: list[Row] = []
    notes: list[str] = []
    with progress("starting") as draw:
        wanted = [_OURS, *names]
        for index, found in enumerate(start(wanted, scenario, backends, folder, stack)):
            draw(index + 1, len(wanted))
            if isinstance(found, Peer):
                rows.append(Row(found))
            elif asked or found[0] == _OURS:
                raise failure("ES1002", f"{found[0]}: {found[1]}", found[1].install, exit_code=2)
            else:
                notes.append("; ".join(filter(None, (f"{found[0]} is left out: {found[1]}", found[1].install))))
    return rows, load_of(scenario, 1.0, seed), notes


def _own(
    paths: Sequence[Path], connections: int | None, seed: int, folder: Path, stack: ExitStack
) -> tuple[list[Row], Load, list[str]]:
    """Start edgesim with the user's files. Raises EdgesimError ES1002, ES1003 and what is wrong with the files."""
    from edgesim.bench.own import load_of, serving  # noqa: PLC0415
    from edgesim.bench.processes import Unavailable  # noqa: PLC0415
    from edgesim.bench.proxy import Row  # noqa: PLC0415
    from edgesim.cli.bench_configuration import requests_of, tables_of  # noqa: PLC0415

    tables = tables_of(paths)
    found, notes = requests_of(tables, paths)
    load = load_of(tables.model, found.requests, connections or 64, seed)
    if load is None:
        raise failure("ES1003", "no route is served by the usual plain listener", "TLS is not measured")
    try:
        peer = stack.enter_context(serving(paths, folder))
    except Unavailable as reason:
        raise failure("ES1002", f"{_OURS}: {reason}", exit_code=2) from None
    return [Row(peer)], load, notes


def _measure(rows: Sequence[Row], load: Load, rounds: int, seconds: float) -> bool:
    """Measure, and tell whether Ctrl-C came before all rounds were done. Without a round it raises KeyboardInterrupt."""
    from edgesim.bench.proxy import measure  # noqa: PLC0415

    try:
        with progress("rounds") as draw:
            for done in measure(rows, load, rounds, seconds):
                draw(done, rounds)
    except KeyboardInterrupt:
        if not rows[0].rounds:
            raise
        return True
    return False


def _close(
    what: str,
    rows: list[Row],
    asked: dict[str, str],
    notes: list[str],
    seed: int,
    save: Path | None,
    output: Report,
    *,
    stopped: bool,
) -> None:
    from edgesim.bench import results  # noqa: PLC0415
    from edgesim.bench.proxy import series_of  # noqa: PLC0415

    versions = {row.peer.name: row.peer.version for row in rows}
    series = tuple(series_of(what, rows))
    found = results.result("proxy", seed, series, asked=asked, notes=(*notes, *_notes(rows)), versions=versions)
    close(found, _lines(found, rows), _more(rows), save, output, stopped=stopped)


def _notes(rows: Sequence[Row]) -> Iterator[str]:
    from edgesim.bench.machine import BACKEND_CORE, CLIENT_CORE, can_pin  # noqa: PLC0415
    from edgesim.bench.proxy import DISTURBED  # noqa: PLC0415
    from edgesim.bench.spread import CONFIDENCE, median_interval, needed  # noqa: PLC0415

    if not can_pin():
        yield "nothing was pinned to a core: there is only one, or the system cannot do it"
    elif BACKEND_CORE == CLIENT_CORE:
        yield "the client and the backend share a core: there are only two"
    for row in rows:
        if row.held_back():
            yield f"{row.peer.name} was held back by the client or the backend: it may be faster than this"
        failed = sum(one.failed for one in row.rounds)
        if failed:
            yield f"{row.peer.name}: {failed:,} requests failed"
        if row.disturbed() > DISTURBED:
            yield f"other programs used {row.disturbed():.0%} of {row.peer.name}'s core"
    yield from _client(rows)
    rounds = len(rows[0].rounds)
    if median_interval([one.rate for one in rows[0].rounds]).confidence < CONFIDENCE:
        yield f"{rounds} {'rounds' if rounds > 1 else 'round'} cannot show a difference at {CONFIDENCE:.0%}: it takes {needed()}"


def _client(rows: Sequence[Row]) -> Iterator[str]:
    """Tell the client's limits, one of each kind."""
    from edgesim.bench.limits import one_of_each  # noqa: PLC0415

    limits = (limit for row in rows for one in row.rounds for limit in one.limits)
    yield from (f"client: {limit}" for limit in one_of_each(limits))


def _ratio(row: Row, other: Row) -> Comparison:
    from edgesim.bench.spread import paired  # noqa: PLC0415

    return paired([one.rate for one in other.rounds], [one.rate for one in row.rounds])


def _more(rows: Sequence[Row]) -> dict[str, Any]:
    from edgesim.bench.spread import median_interval  # noqa: PLC0415

    def told(row: Row) -> dict[str, Any]:
        rates = [one.rate for one in row.rounds]
        return {
            "name": row.peer.name,
            "version": row.peer.version,
            "rate": median(rates),
            "interval": asdict(median_interval(rates)),
            "held_back": row.held_back(),
            "rounds": [asdict(one) for one in row.rounds],
        }

    ratios = {row.peer.name: asdict(_ratio(rows[0], row)) for row in rows[1:]}
    return {"peers": [told(row) for row in rows], "ratios": ratios}


def _lines(found: BenchResult, rows: Sequence[Row]) -> Iterator[str]:
    titles = ["proxy", "requests/s", "interval", "us/request", "p50 ms", "p99 ms", "core busy", "failed"]
    yield from table(titles, map(_cells, rows))
    yield ""
    for row in rows[1:]:
        yield _sentence(rows[0], row)
    if rows[1:]:
        yield ""
    yield from found.notes


def _cells(row: Row) -> list[str]:
    from edgesim.bench.spread import median_interval  # noqa: PLC0415

    rates = [one.rate for one in row.rounds]
    cost = median(one.microseconds for one in row.rounds)
    busy = [one.busy for one in row.rounds if one.busy is not None]
    return [
        f"{row.peer.name} {row.peer.version}",
        f"{median(rates):,.0f}",
        spread(median_interval(rates)),
        f"{cost:.1f}" if cost else "-",
        f"{median(one.p50 for one in row.rounds):.2f}",
        f"{median(one.p99 for one in row.rounds):.2f}",
        (f"{median(busy):.0%}" if busy else "-") + ("*" if row.held_back() else ""),
        str(sum(one.failed for one in row.rounds)),
    ]


def _sentence(ours: Row, other: Row) -> str:
    """Say what the ratio shows, and no more."""
    found = _ratio(ours, other)
    name, interval = other.peer.name, f"{found.ratio:.2f} times ({spread(found.interval, 2)})"
    said = compared(found, f"{_OURS} does more than {name}", f"{_OURS} does less than {name}")
    if said.startswith("no"):
        return f"{_OURS} and {name}: {said}, {interval}"
    return f"{said}: {interval} the requests"

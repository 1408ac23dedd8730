"""What the commands of `edgesim bench` share: options, a run that Ctrl-C ends early, and the end of a report."""

from __future__ import annotations

import signal
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from edgesim.cli.console import err, out, out_json
from edgesim.cli.options import Report
from edgesim.cli.problems import printable
from edgesim.model import EdgesimError
from edgesim.model.codes import failure

if TYPE_CHECKING:
    from edgesim.bench.results import BenchResult
    from edgesim.bench.spread import Comparison, Interval

INTERRUPTED = 130
Seed = Annotated[int, typer.Option("--seed", metavar="N", help="Of all that is drawn.")]
Save = Annotated[Path | None, typer.Option("--save", metavar="FILE", help="Write the result to a file, as JSON.")]


@contextmanager
def ended_as_by_ctrl_c() -> Iterator[None]:
    """Take SIGTERM and SIGHUP for Ctrl-C during a block: what it started, in sessions of their own, must end with it."""
    before = {
        each: signal.signal(each, lambda *_: signal.raise_signal(signal.SIGINT))
        for each in (signal.SIGTERM, signal.SIGHUP)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def wrong(option: str, text: str, why: str) -> EdgesimError:
    """Return what to raise for an option that cannot be read."""
    return failure("ES1000", f"{option} `{text}`: {why}", exit_code=2)


def numbers(option: str, text: str, what: str, example: str, least: int, most: int) -> list[int]:
    """Read numbers with commas between. Raises EdgesimError ES1000."""
    found = []
    for word in text.split(","):
        plain = word.strip().replace("_", "")
        if not (plain.isascii() and plain.isdigit()):
            raise wrong(option, text, f"`{word}` is no {what}; write it like {example}")
        if not least <= int(plain) <= most:
            raise wrong(option, text, f"{word} is no {what} from {least:,} to {most:,}")
        found.append(int(plain))
    return found


def close(
    found: BenchResult, lines: Iterable[str], more: dict[str, Any], save: Path | None, output: Report, *, stopped: bool
) -> None:
    """Report a result, keep it where that was asked for, and tell if Ctrl-C ended it early."""
    if save is not None:
        from edgesim.bench.results import save as keep  # noqa: PLC0415 - `edgesim --help` needs no engine

        keep(found, save)
    if output is Report.JSON:
        out_json({**msgspec.to_builtins(found), **more, "interrupted": stopped})
    else:
        for line in lines:
            out(printable(line))
    if stopped:
        err("interrupted: these are the rounds that were finished")
        raise typer.Exit(INTERRUPTED)


def spread(interval: Interval, digits: int = 0) -> str:
    """Return an interval as people read it."""
    return f"{interval.low:,.{digits}f} to {interval.high:,.{digits}f}"


def compared(comparison: Comparison, better: str, worse: str) -> str:
    """Return what a comparison says: a difference, or that none is shown."""
    if not comparison.shown:
        return "no difference shown"
    return better if comparison.ratio > 1 else worse

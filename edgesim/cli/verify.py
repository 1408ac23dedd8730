"""`edgesim verify`: the same requests through edgesim's engine and real Envoy."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Annotated

import typer

from edgesim.cli.console import err, out, out_json
from edgesim.cli.offline import load
from edgesim.cli.options import Output, Report
from edgesim.cli.problems import print_problems
from edgesim.cli.progress import progress
from edgesim.cli.reproducers import curl
from edgesim.control.refusals import refusal
from edgesim.model import EdgesimError, Severity, UpdateRefusedError
from edgesim.telemetry.sources import new_seed

if TYPE_CHECKING:
    from edgesim.cli.offline import Loaded
    from edgesim.model import Problem
    from edgesim.verify import Difference, Handshake, Verified

_MOST_DIFFERENCES = 20
"""So many differences are printed as text; JSON has them all."""
_INTERRUPTED = 130
_ANSWERED_OTHERWISE = frozenset(("ES1303", "ES1304", "ES1305"))
"""What Envoy cannot do as edgesim does, and requests may show."""


def verify(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Manifests, folders of them, or -.")],
    requests: Annotated[
        int, typer.Option("--requests", metavar="N", min=1, max=1_000_000, help="So many requests at most.")
    ] = 1000,
    seed: Annotated[
        int | None, typer.Option("--seed", metavar="N", min=0, help="Ask the same as another time; it is printed.")
    ] = None,
    output: Output = Report.TEXT,
) -> None:
    """Ask edgesim's engine and real Envoy the same, and compare what they answer.

    Requests are made from the configuration: the boundary cases of every route, near misses, hosts, methods,
    headers and queries, and mixtures of them. Draws of weighted choices are pinned on both sides; the endpoints are
    recorders. Compared are status, destination, method, path, host, headers and body. Exit code 0 when all is
    alike, or differs as docs/verify.md explains; 1 when something else differs or manifests have errors, 2 where there is no Envoy,
    130 after Ctrl-C, which reports what was asked until then.

    Example:
      edgesim verify configs/two-phased-canary/{echo,upstream,vs-3}.yaml
      edgesim verify manifests/ --requests 20000 --seed 7 -o json
    """
    from edgesim.envoy import find_envoy  # noqa: PLC0415 - an HTTP client that other commands do not need
    from edgesim.verify import verify as run  # noqa: PLC0415 - the same

    command, loaded = find_envoy(), load(paths)
    print_problems(problem for problem in loaded.problems if problem.severity is not Severity.NOTE)
    if any(problem.severity is Severity.ERROR for problem in loaded.problems):
        raise typer.Exit(1)
    chosen = new_seed() % 1_000_000 if seed is None else seed
    print_problems(notes(loaded))
    model, assignments = loaded.translation.model, loaded.assignments()
    try:
        with progress("verify") as draw:
            verified = asyncio.run(run(model, assignments, command, requests, Random(chosen), draw))
    except UpdateRefusedError as refused:
        if not refused.culprit:
            raise
        raise EdgesimError(refusal(refused, model, loaded.translation)) from None
    if output is Report.JSON:
        from edgesim.cli.verify_json import verify_output  # noqa: PLC0415 - the same

        out_json(verify_output(verified, chosen))
    else:
        print_verified(verified, chosen)
    raise typer.Exit(_INTERRUPTED if verified.interrupted else int(bool(verified.differences)))


def notes(loaded: Loaded) -> list[Problem]:
    """Return why differences are to be expected."""
    from edgesim.dialects.envoy import inexpressible  # noqa: PLC0415 - the same

    found = inexpressible(loaded.translation.model, loaded.assignments(), loaded.translation.where)
    return [each for each in found if each.code in _ANSWERED_OTHERWISE]


def print_verified(verified: Verified, seed: int) -> None:
    """Print what came of it for people: what was left out to standard error, the first differences, the count."""
    for each in verified.left_out:
        err(f"not compared: {each}")
    for known in verified.explained:
        err(f"known, in {known.requests} of the requests: {known.known.name}: {known.known.reason}")
    if not verified.requests:
        err("nothing was asked: no VirtualService of these serves a route")
    for number, difference in enumerate(verified.differences[:_MOST_DIFFERENCES], 1):
        out(f"{number}. {', '.join(difference.parts)}")
        for line in _lines(difference, verified.handshakes.get(difference.asked.listener)):
            out(f"   {line}")
    more = len(verified.differences) - _MOST_DIFFERENCES
    if more > 0:
        out(f"and {more} more: -o json has them all")
    found = len(verified.differences)
    what = "no difference" if not found else f"{found} difference{'s' if found > 1 else ''}"
    out(f"{verified.requests} requests, {what} (--seed {seed}){', ended early: interrupted' * verified.interrupted}")


def _lines(difference: Difference, handshake: Handshake | None) -> Iterable[str]:
    """Yield how to ask again, with `$EDGESIM` and `$ENVOY` for where the engines listen, and what each answered."""
    for name, seen in (("edgesim", difference.edgesim), ("envoy", difference.envoy)):
        yield curl(difference.asked, f"${name.upper()}", handshake)
        yield f"  {name}: {seen.status} {seen.destination}"
        known = dict(seen.parts)
        for part in difference.parts:
            if part in known:
                yield f"  {part}: {_text(known[part])}"
            elif part == "endpoint":
                yield f"  endpoint: {_text(seen.metadata)}"


def _text(value: object) -> str:
    if isinstance(value, bytes):
        return repr(value.decode(errors="replace"))
    if isinstance(value, tuple):
        return ", ".join(f"{name}: {text}" for name, text in value)
    return str(value)

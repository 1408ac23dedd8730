"""`edgesim simulate`: the decisions of millions of requests, without sockets."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edgesim.cli.options import Output, Report

PathsAndUrl = Annotated[
    list[str],
    typer.Argument(metavar="PATH... [URL]", help="Manifests or folders; without --population, what is requested."),
]
PopulationFile = Annotated[
    Path | None, typer.Option("--population", metavar="FILE", help="Who sends what: a YAML file (docs/simulate.md).")
]
Method = Annotated[str, typer.Option("-X", "--method", metavar="METHOD", help="With a URL: the method.")]
Headers = Annotated[
    list[str] | None,
    typer.Option("-H", "--header", metavar="NAME: VALUE", help="With a URL: a header; may be given several times."),
]
Requests = Annotated[int, typer.Option("--requests", metavar="N", min=1, max=10**10, help="Requests of a run.")]
Runs = Annotated[
    int, typer.Option("--runs", metavar="N", min=1, max=10_000, help="Runs, each with other random values.")
]
Rate = Annotated[
    float | None,
    typer.Option("--rate", metavar="N", min=0.001, max=1e9, help="Requests a second, for questions about time."),
]
CanaryName = Annotated[
    str | None,
    typer.Option("--canary", metavar="NAME", help="The new version, as v2.  [default: the smallest part of a split]"),
]
Errors = Annotated[
    str | None,
    typer.Option("--errors", metavar="SHARE", help="Errors of the old version.  [default: the population's, or 0.1%]"),
]
Detect = Annotated[
    str | None,
    typer.Option("--detect", metavar="RISE", help="How long must --share be held to see this, as 'errors+1%'?"),
]
Share = Annotated[str | None, typer.Option("--share", metavar="SHARE", help="What --detect holds.  [default: 5%]")]
PlanText = Annotated[
    str | None,
    typer.Option("--plan", metavar="STEPS", help="How many meet a bad canary in this rollout, as 5%:10m,25%:10m,100%?"),
]
Risk = Annotated[
    str | None, typer.Option("--risk", metavar="BOUND", help="Which plan is fastest within this, as 'users<1000'?")
]
Every = Annotated[str, typer.Option("--every", metavar="TIME", help="A rollout is checked so often.")]
Confidence = Annotated[
    str,
    typer.Option(
        "--confidence", metavar="SHARE", help="Of the check: a good canary is stopped less often than the rest."
    ),
]
Power = Annotated[str, typer.Option("--power", metavar="SHARE", help="How surely a bad canary is to be found.")]
Rollouts = Annotated[
    int, typer.Option("--rollouts", metavar="N", min=100, max=1_000_000, help="Rollouts simulated for a plan.")
]
Seed = Annotated[
    int, typer.Option("--seed", metavar="N", min=0, help="Of all that is drawn: the same seed, the same figures.")
]
Plot = Annotated[Path | None, typer.Option("--plot", metavar="FILE", help="Draw the answers: a .png or .svg file.")]


def simulate(
    paths_and_url: PathsAndUrl,
    population: PopulationFile = None,
    method: Method = "GET",
    headers: Headers = None,
    requests: Requests = 1_000_000,
    runs: Runs = 20,
    rate: Rate = None,
    canary: CanaryName = None,
    errors: Errors = None,
    detect: Detect = None,
    share: Share = None,
    plan: PlanText = None,
    risk: Risk = None,
    every: Every = "10s",
    confidence: Confidence = "95%",
    power: Power = "95%",
    rollouts: Rollouts = 2_000,
    seed: Seed = 1,
    plot: Plot = None,
    output: Output = Report.TEXT,
) -> None:
    """Simulate millions of requests: the split and its spread, how long to hold a step, who meets a bad canary.

    Requests are drawn from a described population and routed as the proxy routes them, for the same random values.
    Rollouts are stopped by the always-valid test of `edgesim load --compare`. Exit code 0 when every question was answered;
    1 when manifests or the population have errors, a question has no answer, or no plan is within --risk; 2 for a wrong
    command line.

    Example:
      edgesim simulate configs/two-phased-canary/{echo,upstream,vs-5}.yaml --requests 10000
      edgesim simulate manifests/ --population population.yaml --detect 'errors+1%' --rate 200
      edgesim simulate manifests/ --population population.yaml --plan 5%:10m,25%:10m,100% --plot plan.svg
      edgesim simulate manifests/ --population population.yaml --detect 'errors+1%' --risk 'users<1000'
    """
    from edgesim.cli.simulate_run import Asked, run  # noqa: PLC0415 - `edgesim --help` needs no numpy

    *paths, url = paths_and_url if "://" in paths_and_url[-1] else (*paths_and_url, "")
    if not paths or any("://" in path for path in paths):
        raise typer.BadParameter("name the manifests, then the URL", param_hint="PATH... [URL]")
    if population is not None and (url or headers or method != "GET"):
        raise typer.BadParameter("a population says itself what is requested", param_hint="--population")
    asked = Asked(
        paths, url, population, method, headers or [], requests, runs, rate, canary, errors, detect, share, plan, risk,
        every, confidence, power, rollouts, seed, plot, output,
    )  # fmt: skip
    raise typer.Exit(run(asked))

"""`edgesim up` and `edgesim demo`: a gateway that runs until it is told to stop."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edgesim.cli.examples import DEMO, demo_folder, next_steps
from edgesim.cli.options import Output, Report
from edgesim.cli.settings import UpSettings

Port = Annotated[
    int, typer.Option("--port", metavar="N", min=0, max=65535, help="The proxy's port; 0 takes a free one.")
]
AdminPort = Annotated[
    int, typer.Option("--admin-port", metavar="N", min=0, max=65535, help="The admin API's port; 0 takes a free one.")
]
Host = Annotated[str, typer.Option("--host", metavar="ADDRESS", help="Where to listen; loopback unless you say so.")]
AdminHost = Annotated[
    str,
    typer.Option("--admin-host", metavar="ADDRESS", help="Where the admin API listens; off loopback it needs a token."),
]
Token = Annotated[
    str | None,
    typer.Option(
        "--admin-token", metavar="TEXT", envvar="EDGESIM_ADMIN_TOKEN", help="The token that admin requests must show."
    ),
]
Seed = Annotated[int | None, typer.Option("--seed", metavar="N", help="Makes every random choice repeatable.")]
Workers = Annotated[int, typer.Option("--workers", metavar="N", min=1, max=64, help="Worker processes of the proxy.")]
KeepGoing = Annotated[
    bool, typer.Option("--keep-going", help="Start with what can be served although there are problems.")
]


def up(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(metavar="PATH", help="Manifests, folders of them, or - for standard input."),
    ] = None,
    port: Port = 8080,
    admin_port: AdminPort = 9901,
    host: Host = "127.0.0.1",
    admin_host: AdminHost = "127.0.0.1",
    admin_token: Token = None,
    seed: Seed = None,
    workers: Workers = 1,
    keep_going: KeepGoing = False,
    output: Output = Report.TEXT,
) -> None:
    """Serve a configuration: start what it deploys, route as it says, follow its files.

    SIGHUP reads the files again, SIGTERM or Ctrl-C drains and ends. Problems at the start end it with
    exit code 1, unless --keep-going; problems of a later change are printed, and what was served stays.

    Example:
      edgesim up configs/two-phased-canary/{echo,upstream,vs-3}.yaml
      edgesim up echo.yaml upstream.yaml vs.yaml --port 0 --seed 7
    """
    settings = UpSettings(
        tuple(paths or ()),
        host,
        port,
        admin_host,
        admin_port,
        admin_token,
        seed,
        workers,
        keep_going=keep_going,
        as_json=output is Report.JSON,
    )
    raise typer.Exit(_run(settings))


def demo(
    port: Port = 8080,
    admin_port: AdminPort = 9901,
    seed: Seed = None,
    workers: Workers = 1,
    output: Output = Report.TEXT,
) -> None:
    """Serve the example release: echo v1 for everyone, v2 for requests with `stage: canary`.

    Example:
      edgesim demo --port 8080
    """
    folder = demo_folder()
    paths = tuple(folder / name for name in DEMO)
    settings = UpSettings(
        paths,
        port=port,
        admin_port=admin_port,
        seed=seed,
        workers=workers,
        as_json=output is Report.JSON,
        hints=next_steps,
    )
    raise typer.Exit(_run(settings))


def _run(settings: UpSettings) -> int:
    from edgesim.cli.serving import run  # noqa: PLC0415 - aiohttp and uvloop are a quarter of a second that only this needs

    return run(settings)

"""`edgesim up` and `edgesim demo`: a gateway that runs until it is told to stop."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from edgesim.cli.examples import DEMO, demo_folder, next_steps
from edgesim.cli.handover import hand_over
from edgesim.cli.options import Output, Report
from edgesim.cli.settings import LOOPBACK, Engine, KubeSettings, UpSettings
from edgesim.config.serving import Policy

Port = Annotated[
    int,
    typer.Option(
        "--port", metavar="N", min=0, max=65535, help="The proxy's port, in place of 8080; 0 takes a free one."
    ),
]
AdminPort = Annotated[
    int, typer.Option("--admin-port", metavar="N", min=0, max=65535, help="The admin API's port; 0 takes a free one.")
]
Listen = Annotated[
    str | None,
    typer.Option(
        "--listen",
        "--host",
        metavar="ADDRESS",
        help="Where to listen; loopback unless you say so. Gateways that bind another address are bound to it then.",
    ),
]
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


def _workers(given: str | int) -> int:
    """Read a number of workers (typer brings the default as one); `auto` is one for each core this process may use."""
    text = str(given)
    if text == "auto":
        cores = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1)
        return len(cores)
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= _MOST_WORKERS):
        raise typer.BadParameter(f"{text!r} is neither a number from 1 to {_MOST_WORKERS} nor 'auto'")
    return int(text)


_MOST_WORKERS = 64
Workers = Annotated[
    int,
    typer.Option(
        "--workers", metavar="N|auto", parser=_workers, help="Worker processes of the proxy; auto: one for each core."
    ),
]
TlsPort = Annotated[
    int,
    typer.Option(
        "--tls-port",
        metavar="N",
        min=0,
        max=65535,
        help="The port of virtual hosts with sslConfig, in place of 8443, opened when there is one; 0 takes a free one.",
    ),
]
Grace = Annotated[
    float,
    typer.Option("--grace", metavar="SECONDS", min=0, help="How long requests in progress may take at the end."),
]
AccessLog = Annotated[
    str,
    typer.Option(
        "--access-log", metavar="FILE|-|off", help="Where a line for each request goes; - is standard output."
    ),
]
AccessLogFormat = Annotated[
    str,
    typer.Option(
        "--access-log-format",
        metavar="TEXT|JSON",
        help="An Envoy format string, or a JSON object of them; without it Envoy's default.",
    ),
]
RouteHeader = Annotated[
    bool,
    typer.Option(
        "--route-header", help="Answers tell who gave them: x-edgesim-route, x-edgesim-cluster, x-edgesim-pod."
    ),
]
KeepGoing = Annotated[
    bool, typer.Option("--keep-going", help="Start with what can be served although there are problems.")
]
InvalidConfig = Annotated[
    Policy,
    typer.Option(
        "--invalid-config",
        help="What a problem holds up: freeze keeps everything as it was served, isolate only what has an error.",
    ),
]
StateFolder = Annotated[
    str,
    typer.Option(
        "--state",
        metavar="DIR|off",
        help="Where the last good configuration and the history are kept; a folder named here also keeps what apply "
        "writes. Without it they are kept by PATH below $XDG_STATE_HOME; off keeps them until the end only.",
    ),
]
EngineOption = Annotated[
    Engine, typer.Option("--engine", help="What serves: edgesim's own proxy, or real Envoy, with the same pods.")
]

Kube = Annotated[
    bool,
    typer.Option(
        "--kube/--no-kube", help="Serve the Kubernetes API, too, for kubectl and helm; PATH is optional then."
    ),
]
KubePort = Annotated[
    int | None,
    typer.Option(
        "--kube-port",
        metavar="N",
        min=0,
        max=65535,
        help="The Kubernetes API's port, in place of 8001 or the next that is free; 0 takes a free one.",
    ),
]
KubeHost = Annotated[
    str,
    typer.Option(
        "--kube-host", metavar="ADDRESS", help="Where the Kubernetes API listens; off loopback with TLS and a token."
    ),
]
KubeToken = Annotated[
    str | None,
    typer.Option(
        "--kube-token",
        metavar="TEXT",
        envvar="EDGESIM_KUBE_TOKEN",
        help="The token of the Kubernetes API's administrator, in place of a random one.",
    ),
]
Rbac = Annotated[
    bool, typer.Option("--rbac", help="Roles count from the start; without it, while there is a binding of one.")
]


def up(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(metavar="PATH", help="Manifests, folders of them, or - for standard input."),
    ] = None,
    port: Port = 8080,
    admin_port: AdminPort = 9901,
    listen: Listen = None,
    admin_host: AdminHost = "127.0.0.1",
    admin_token: Token = None,
    seed: Seed = None,
    workers: Workers = 1,
    tls_port: TlsPort = 8443,
    grace: Grace = 5.0,
    access_log: AccessLog = "off",
    access_log_format: AccessLogFormat = "",
    route_header: RouteHeader = False,
    keep_going: KeepGoing = False,
    invalid_config: InvalidConfig = Policy.FREEZE,
    state: StateFolder = "",
    engine: EngineOption = Engine.EDGESIM,
    kube: Kube = False,
    kube_port: KubePort = None,
    kube_host: KubeHost = LOOPBACK,
    kube_token: KubeToken = None,
    rbac: Rbac = False,
    output: Output = Report.TEXT,
) -> None:
    """Serve a configuration: start what it deploys, route as it says, follow its files.

    SIGHUP reads files and certificates again and opens the access log anew. SIGTERM or Ctrl-C drains: no
    more connections, idle ones closed, requests in progress finished within the grace time. Problems at the
    start are printed, and what was good last is served; where nothing good is kept it ends with exit code 1,
    unless --keep-going. Problems of a later change are printed, and what was served stays.

    Example:
      edgesim up configs/two-phased-canary/{echo,upstream,vs-3}.yaml
      edgesim up echo.yaml upstream.yaml vs.yaml --port 0 --seed 7
      edgesim up configs/ --workers auto --access-log access.log --route-header
      edgesim up teams/ --invalid-config isolate --state ~/edgesim-state
      edgesim up configs/ --engine envoy --workers 2
      edgesim up --kube
      edgesim up vs.yaml --access-log - --access-log-format '%REQ(:PATH)% %RESPONSE_CODE% %UPSTREAM_HOST%'
    """
    settings = settings_of(
        tuple(paths or ()),
        listen=listen,
        port=port,
        admin_host=admin_host,
        admin_port=admin_port,
        admin_token=admin_token,
        seed=seed,
        workers=workers,
        keep_going=keep_going,
        tls_port=tls_port,
        grace=grace,
        access_log=access_log,
        access_log_format=access_log_format,
        route_header=route_header,
        invalid_config=invalid_config,
        state=state,
        engine=engine,
        kube=kube,
        kube_port=kube_port,
        kube_host=kube_host,
        kube_token=kube_token,
        rbac=rbac,
        output=output,
    )
    hand_over(settings)


def settings_of(
    paths: tuple[Path, ...],
    *,
    invalid_config: Policy,
    output: Report,
    kube: bool = False,
    kube_port: int | None = None,
    kube_host: str = LOOPBACK,
    kube_token: str | None = None,
    rbac: bool = False,
    **same: Any,
) -> UpSettings:
    """Return what `up` is told by its options."""
    if same.get("engine") is Engine.ENVOY and same.get("route_header"):
        raise typer.BadParameter(
            "Envoy's answers do not tell it: edgesim's own engine does", param_hint="--route-header"
        )
    wanted = KubeSettings(kube_host, kube_port, kube_token or None, rbac)
    if not kube and wanted != KubeSettings(token=wanted.token):  # the environment's token alone asks for nothing
        raise typer.BadParameter("without --kube there is no Kubernetes API to say this of", param_hint="--kube")
    return UpSettings(
        paths, policy=invalid_config, as_json=output is Report.JSON, kube=wanted if kube else None, **same
    )


def on_free_ports(settings: UpSettings) -> UpSettings:
    """Return settings whose Kubernetes API takes any free port, where it is to be there and nobody chose one."""
    if settings.kube is None or settings.kube.port is not None:
        return settings
    return replace(settings, kube=replace(settings.kube, port=0))


def with_options_of_up(
    *own: inspect.Parameter, without: Collection[str] = (), **defaults: Any
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the options of `up`, some with other defaults, some not: typer reads them from its signature."""

    def give(command: Callable[..., None]) -> Callable[..., None]:
        parameters = inspect.signature(up, eval_str=True).parameters.values()
        options = [
            option.replace(default=defaults.get(option.name, option.default), kind=option.KEYWORD_ONLY)
            for option in parameters
            if option.name not in {"paths", *without}
        ]
        command.__signature__ = inspect.Signature([*own, *options])  # type: ignore[attr-defined]  # PEP 362 lets it be set
        return command

    return give


@with_options_of_up(state="off", kube=True)
def demo(**options: Any) -> None:
    """Serve the example release: echo v1 for everyone, v2 for requests with `stage: canary`.

    Its options are those of `up`; the Kubernetes API is on unless --no-kube.

    Example:
      edgesim demo --port 8080
      edgesim demo --workers 2 --access-log - --route-header
    """
    folder = demo_folder()
    hand_over(settings_of(tuple(folder / name for name in DEMO), hints=next_steps, **options))

"""`edgesim route`: where one request would go."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from urllib.parse import urlencode

import msgspec
import typer

from edgesim.cli.client import DEFAULT_ADMIN
from edgesim.cli.console import out, out_json
from edgesim.cli.offline import load
from edgesim.cli.options import AdminUrl, Output, Report, client_at
from edgesim.cli.problems import print_problems
from edgesim.inspect import Arm, RequestError, RouteReport, request_head, route_report
from edgesim.model import Severity
from edgesim.routing import compile_table

_LARGEST_DRAW = 2**64 - 1


def route(
    paths_and_url: Annotated[
        list[str],
        typer.Argument(
            metavar="[PATH...] URL", help="Manifests or folders (without any, the running instance); the URL."
        ),
    ],
    method: Annotated[str, typer.Option("--method", "-X", metavar="M", help="The request's method.")] = "GET",
    headers: Annotated[
        list[str] | None, typer.Option("--header", "-H", metavar="'K: V'", help="A header; may be given several times.")
    ] = None,
    random: Annotated[
        int | None,
        typer.Option(
            "--random", metavar="N", min=0, max=_LARGEST_DRAW, help="Pin the 64-bit draw of a weighted choice."
        ),
    ] = None,
    admin: AdminUrl = DEFAULT_ADMIN,
    output: Output = Report.TEXT,
) -> None:
    """Tell where a request would go: virtual host, route, each destination with its exact share.

    Example:
      edgesim route configs/two-phased-canary/{echo,upstream,vs-3}.yaml -H 'stage: canary' http://localhost:8080/
      edgesim route http://localhost:8080/
    """
    *paths, url = paths_and_url
    try:
        request_head(url, method, headers or ())
    except RequestError as error:
        raise typer.BadParameter(str(error), param_hint="URL") from None
    if paths:
        report = _offline(paths, url, method, headers or [], random)
    else:
        report = _live(admin, url, method, headers or [], random)
    if output is Report.JSON:
        out_json(report)
    else:
        _print(report)


def _offline(paths: list[str], url: str, method: str, headers: list[str], random: int | None) -> RouteReport:
    loaded = load([Path(path) for path in paths])
    print_problems(problem for problem in loaded.problems if problem.severity is not Severity.NOTE)
    model = loaded.translation.model
    head = request_head(url, method, headers)
    return route_report(compile_table(model.virtual_hosts), model, head, loaded.translation.where, random)


def _live(admin: str, url: str, method: str, headers: list[str], random: int | None) -> RouteReport:
    query = [("url", url), ("method", method), *(("header", line) for line in headers)]
    if random is not None:
        query.append(("random", str(random)))
    return msgspec.convert(client_at(admin).get(f"/edgesim/v1/route?{urlencode(query)}"), RouteReport)


def _print(report: RouteReport) -> None:
    out(f"{report.method} {report.target} (host {report.authority})")
    if report.virtual_host:
        _line("virtual host", f"{report.virtual_host} ({', '.join(report.domains)})")
    if report.route:
        name = f' "{report.route_name}"' if report.route_name else ""
        _line("route", f"{report.route}{name}")
    for step in report.origin:
        _line("from", f"{step.file}:{step.line} ({step.kind} {step.namespace}/{step.name})")
    for arm in report.destinations:
        _line("destination", _arm(arm))
    _line("path becomes", report.path)
    _line("host becomes", report.host)
    if report.timeout is not None:
        _line("timeout", f"{report.timeout:g} s" if report.timeout else "none")
    if report.reply is not None:
        _line("reply", f"{report.reply.status}: {report.reply.reason}")
        _line("location", report.reply.location)
        _line("body", report.reply.body)


def _line(label: str, text: str) -> None:
    if text:
        out(f"  {label + ':':<14} {text}")


def _arm(arm: Arm) -> str:
    subset = ",".join(f"{key}={value}" for key, value in arm.subset.items())
    parts = [
        f"{arm.share} ({arm.percent:g}%)",
        arm.cluster,
        f"subset {subset}" if subset else "",
        f"({arm.upstream})" if arm.upstream else "",
        "503: it does not exist" if arm.missing else "",
        "<- chosen by --random" if arm.chosen and arm.share != "1" else "",
    ]
    return " ".join(part for part in parts if part)

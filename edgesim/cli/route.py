"""`edgesim route`: where one request would go, and with `--explain` why."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edgesim.admin.endpoints import ROUTE
from edgesim.cli.client import DEFAULT_ADMIN, Client
from edgesim.cli.console import out, out_json
from edgesim.cli.explained import print_explanation
from edgesim.cli.offline import load
from edgesim.cli.options import AdminUrl, Output, Report, client_at
from edgesim.cli.problems import print_problems
from edgesim.inspect import Arm, Question, RequestError, RouteReport, Tables, request_head, route_report
from edgesim.model import Severity

_LARGEST_DRAW = 2**64 - 1
_MOST_ENDPOINTS = 5
"""So many endpoints of a destination are printed."""


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
    listener: Annotated[
        str, typer.Option("--listener", metavar="NAME", help="The listener, where scheme and port do not say which.")
    ] = "",
    explain: Annotated[
        bool, typer.Option("--explain", help="Tell the whole decision: what was tried, and what failed first.")
    ] = False,
    everything: Annotated[
        bool, typer.Option("--all", help="Explain every route that was tried, not only the nearest misses.")
    ] = False,
    admin: AdminUrl = DEFAULT_ADMIN,
    output: Output = Report.TEXT,
) -> None:
    """Tell where a request would go: virtual host, route, each destination with its exact share.

    A URL's scheme chooses the listener, and its port where that is a listener's. Exit code 0 when it was decided, also
    to a 404; 1 when manifests have errors, which are left out; 2 for a wrong command line.

    Example:
      edgesim route configs/two-phased-canary/{echo,upstream,vs-3}.yaml -H 'stage: canary' http://localhost:8080/
      edgesim route --explain http://localhost:8080/
    """
    *paths, url = paths_and_url
    if any("://" in path for path in paths) and "://" not in url:
        raise typer.BadParameter("the URL comes last, behind the PATHs", param_hint="URL")
    explained = explain or everything
    question = Question(url, method, tuple(headers or ()), random, listener, explained, everything)
    try:
        request_head(url, method, question.headers)
        report, code = _offline(paths, question) if paths else (_live(client_at(admin), question), 0)
    except RequestError as error:
        raise typer.BadParameter(str(error)) from None  # which says what it is about: URL, method or header
    if output is Report.JSON:
        out_json(report)
        raise typer.Exit(code)
    _print(report)
    if report.explanation is not None:
        print_explanation(report.explanation)
    raise typer.Exit(code)


def _offline(paths: list[str], question: Question) -> tuple[RouteReport, int]:
    """Ask files; the exit code is 1 where they have errors: what could not be read decides nothing."""
    loaded = load([Path(path) for path in paths])
    print_problems(problem for problem in loaded.problems if problem.severity is not Severity.NOTE)
    assignments = loaded.assignments() if question.explained else None
    report = route_report(Tables(loaded.translation.model), question, loaded.translation.where, assignments)
    return report, int(any(problem.severity is Severity.ERROR for problem in loaded.problems))


def _live(client: Client, question: Question) -> RouteReport:
    asked = {
        "url": question.url,
        "method": question.method,
        "random": question.random,
        "listener": question.listener,
        "explain": "true" if question.explained else "",
        "all": "true" if question.everything else "",
    }
    query = [(name, str(value)) for name, value in asked.items() if value not in {None, ""}]
    query += [("header", line) for line in question.headers]
    return client.ask(ROUTE, query)


def _print(report: RouteReport) -> None:
    out(f"{report.method} {report.target} (host {report.authority})")
    explanation = report.explanation
    if explanation is not None:
        _line("listener", f"{explanation.listener} (port {explanation.port}{', TLS' if explanation.tls else ''})")
    if report.virtual_host:
        _line("virtual host", f"{report.virtual_host} ({', '.join(report.domains)})")
    if report.route:
        name = f' "{report.route_name}"' if report.route_name else ""
        _line("route", f"{report.route}{name}")
    for step in report.origin:
        _line("from", str(step))
    for arm in report.destinations:
        _line("destination", _arm(arm))
        if explanation is not None:
            _print_endpoints(arm)
    _line("path becomes", report.path)
    _line("host becomes", report.host)
    if report.timeout is not None:
        _line("timeout", f"{report.timeout:g} s" if report.timeout else "none")
    for option in report.inherited if explanation is not None else ():
        _line("inherited", f"{option.field} from {option.step}")
    if report.reply is not None:
        _line("reply", f"{report.reply.status}: {report.reply.reason}")
        _line("location", report.reply.location)
        _line("body", report.reply.body)


def _print_endpoints(arm: Arm) -> None:
    if arm.endpoints is None:
        return
    for target in arm.endpoints[:_MOST_ENDPOINTS]:
        address = f"{target.address}:{target.port}" if target.address else f"port {target.port}, once it runs"
        fallback = ", the fallback: the subset has no pod" if arm.fallback else ""
        _line("", f"  {target.pod + ' ' if target.pod else ''}({address}{fallback})", colon="")
    if len(arm.endpoints) > _MOST_ENDPOINTS:
        _line("", f"  and {len(arm.endpoints) - _MOST_ENDPOINTS} more", colon="")
    if not arm.endpoints:
        _line("", "  no endpoint: 503", colon="")


def _line(label: str, text: str, colon: str = ":") -> None:
    if text:
        out(f"  {label + colon:<14} {text}")


def _arm(arm: Arm) -> str:
    subset = ",".join(f"{key}={value}" for key, value in arm.subset.items())
    parts = [
        f"{arm.share} ({arm.percent:g}%)",
        arm.cluster,
        f"subset {subset}" if subset else "",
        f"({arm.upstream})" if arm.upstream else "",
        "503: it does not exist" if arm.missing else "",
        f"answered {arm.status}: {arm.body.strip()}" if arm.status else "",
        "<- chosen by --random" if arm.chosen and arm.share != "1" else "",
    ]
    return " ".join(part for part in parts if part)

"""`edgesim break` and `edgesim mend`: pods and upstreams that fail on purpose."""

from __future__ import annotations

from typing import Annotated

import typer

from edgesim.admin import Broken, BrokenTarget
from edgesim.admin.breakages import NoBreakageError, read_breakage
from edgesim.admin.endpoints import BREAK, BROKEN, MEND
from edgesim.cli.client import DEFAULT_ADMIN
from edgesim.cli.console import err, out, out_json
from edgesim.cli.options import AdminUrl, Output, Report, client_at

_TARGET = "A pod or an upstream: NAME, NAMESPACE/NAME, pod/NAME, upstream/NAME; or ADDRESS:PORT of an endpoint."
Target = Annotated[str, typer.Argument(metavar="POD|UPSTREAM", help=_TARGET)]


def break_(
    target: Target = "",
    latency: Annotated[str, typer.Option("--latency", metavar="TIME", help="Wait so long first, e.g. 200ms.")] = "",
    error_rate: Annotated[
        str, typer.Option("--error-rate", metavar="SHARE", help="Answer 500 to this share of requests: 5% or 0.05.")
    ] = "",
    hang: Annotated[bool, typer.Option("--hang", help="Never answer.")] = False,
    reset: Annotated[bool, typer.Option("--reset", help="Close the connection in place of an answer.")] = False,
    kill: Annotated[bool, typer.Option("--kill", help="Take no connection, as if it was gone.")] = False,
    span: Annotated[str, typer.Option("--for", metavar="TIME", help="Mend it after so long, e.g. 30s.")] = "",
    admin: AdminUrl = DEFAULT_ADMIN,
    output: Output = Report.TEXT,
) -> None:
    """Let requests to a pod or an upstream fail.

    Without POD or UPSTREAM it shows what is broken. --latency goes with one of --error-rate, --hang, --reset and --kill. Retries, timeouts, health checks and outlier
    detection meet it as if the pod had done it. Breaking it anew replaces what was said before.

    Example:
      edgesim break echo --latency 200ms
      edgesim break pod/echo-v2-7c9d8b6f5-x2x4k --error-rate 5% --for 30s
      edgesim break gloo-system/echo --hang
      edgesim break
    """
    said = {"latency": latency, "error-rate": error_rate, "for": span}
    said |= {key: "true" for key, given in (("hang", hang), ("reset", reset), ("kill", kill)) if given}
    query = [(key, value) for key, value in said.items() if value]
    if target:
        _check(dict(query))
        _print(client_at(admin).ask(BREAK, [("target", target), *query]), output)
    elif query:
        raise typer.BadParameter("break what? name a pod or an upstream", param_hint="POD|UPSTREAM")
    else:
        _print(client_at(admin).ask(BROKEN), output)


def mend(target: Target = "", admin: AdminUrl = DEFAULT_ADMIN, output: Output = Report.TEXT) -> None:
    """Mend what is broken: a pod or an upstream, or everything.

    Example:
      edgesim mend
      edgesim mend echo
    """
    _print(client_at(admin).ask(MEND, [("target", target)] if target else []), output, mended=True)


def _check(said: dict[str, str]) -> None:
    """Refuse options that do not say how to break something. Raises typer.BadParameter."""
    try:
        read_breakage(said)
    except NoBreakageError as error:
        raise typer.BadParameter(str(error), param_hint=f"--{error.key}" if error.key else None) from None


def _print(found: Broken, output: Report, *, mended: bool = False) -> None:
    if output is Report.JSON:
        out_json(found)
        return
    for each in found.broken:
        name = f"{each.namespace}/{each.name}" if each.namespace else each.name
        out(f"{each.kind} {name} " + ("is mended" if mended else f"is broken: {_how(each)}"))
    if not found.broken:
        err("nothing was broken" if mended else "nothing is broken")


def _how(each: BrokenTarget) -> str:
    words = [
        f"{each.latency * 1000:g} ms of latency" if each.latency else "",
        f"{each.error_rate * 100:g}% errors" if each.error_rate else "",
        *(word for word in ("hang", "reset", "kill") if getattr(each, word)),
        f"for {round(each.seconds, 1):g} s" if each.seconds is not None else "",
    ]
    return ", ".join(filter(None, words))

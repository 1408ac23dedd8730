"""`edgesim gateway url`: what `glooctl proxy url` prints in Gloo's tutorials."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from edgesim.cli.addresses import addresses
from edgesim.cli.client import DEFAULT_ADMIN
from edgesim.cli.console import out, out_json
from edgesim.cli.options import AdminUrl, Output, Report, client_at
from edgesim.model.codes import failure

HELP = "Where the gateway of a running instance is."


class Scheme(StrEnum):
    """The ports of Gloo's gateway-proxy, by name."""

    HTTP = "http"
    HTTPS = "https"


def url(
    port: Annotated[Scheme, typer.Option("--port", help="The port of plain http, or that with TLS.")] = Scheme.HTTP,
    admin: AdminUrl = DEFAULT_ADMIN,
    output: Output = Report.TEXT,
) -> None:
    """Print the URL of a running gateway, for `$(glooctl proxy url)` in Gloo's tutorials.

    Example:
      curl $(edgesim gateway url)/
      edgesim gateway url --port https
    """
    found = addresses(client_at(admin)).gateway(port.value)
    if not found:
        raise failure("ES0729", f"no listener of the gateway speaks {port.value}", _HINTS[port])
    if output is Report.JSON:
        out_json({"url": found})
    else:
        out(found)


COMMANDS = (url,)
_HINTS = {
    Scheme.HTTP: "a Gateway with `ssl: false` opens one",
    Scheme.HTTPS: "a VirtualService with sslConfig opens one",
}

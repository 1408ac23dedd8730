"""`edgesim xds`: a management server for real Envoys."""

from __future__ import annotations

import asyncio
import json
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Final

import typer

from edgesim.cli.console import out
from edgesim.control.guard import is_loopback
from edgesim.model.codes import failure
from edgesim.telemetry.sources import new_token

_INSTALL: Final = "pip install 'edgesim[xds]' brings them"


def xds(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Manifests, folders of them.")],
    listen: Annotated[str, typer.Option("--listen", metavar="ADDR", help="HOST:PORT; port 0 takes a free one.")] = (
        "127.0.0.1:18000"
    ),
    token: Annotated[
        str | None,
        typer.Option("--token", metavar="TEXT", envvar="EDGESIM_XDS_TOKEN", help="What Envoys must show."),
    ] = None,
    bootstrap: Annotated[
        str | None,
        typer.Option(
            "--bootstrap", metavar="NODE", help="Print what an Envoy of this node id is started with, and end."
        ),
    ] = None,
    admin: Annotated[str, typer.Option("--envoy-admin", metavar="ADDR", help="That Envoy's admin address.")] = (
        "127.0.0.1:9901"
    ),
) -> None:
    """Serve a configuration to any number of Envoys, and follow its files.

    Envoys are started with what --bootstrap prints, and follow a stream each (aggregated discovery, gRPC). An update
    that an Envoy does not take is printed as a problem of the resource at fault, with its reason; that Envoy keeps
    what it had. Services are found by their names in Kubernetes. Off loopback Envoys must show a token.

    Example:
      edgesim xds manifests/ --bootstrap edge-1 > envoy.json
      edgesim xds manifests/ --listen 127.0.0.1:18000
    """
    host, port = _address(listen, "--listen")
    shown = token or (None if is_loopback(host) else new_token())
    if bootstrap is not None:
        if shown is not None and token is None:
            raise typer.BadParameter("off loopback say the server's --token, too", param_hint="--bootstrap")
        _print_bootstrap(bootstrap, (host, port), _address(admin, "--envoy-admin"), shown)
        return
    if missing := [name for name in ("grpclib", "envoy_data_plane") if find_spec(name) is None]:
        raise failure("ES0731", f"there is no package {' and no '.join(missing)}", _INSTALL, exit_code=2)
    from edgesim.cli.xds_serving import serve_fleet  # noqa: PLC0415 - an extra

    asyncio.run(serve_fleet(paths, (host, port), shown, generated=token is None))


def _print_bootstrap(node: str, server: tuple[str, int], admin: tuple[str, int], token: str | None) -> None:
    from edgesim.envoy.discovery_bootstrap import bootstrap  # noqa: PLC0415 - as above

    out(json.dumps(bootstrap(node, *server, admin, token), indent=2))


def _address(text: str, option: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not (port.isascii() and port.isdigit() and int(port) < 65536):
        raise typer.BadParameter(f"{text!r} is no HOST:PORT", param_hint=option)
    return host.strip("[]"), int(port)

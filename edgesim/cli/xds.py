"""`edgesim xds`: a management server for real Envoys."""

from __future__ import annotations

import asyncio
import json
import re
import ssl
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Final

import typer

from edgesim.cli.console import out
from edgesim.config.files import STDIN
from edgesim.control.guard import is_loopback
from edgesim.model.codes import failure
from edgesim.telemetry.sources import new_token

_TOKEN: Final = re.compile(r"[!-$&-~]+")
"""What Envoy sends as it is: a `%` begins a format of its own."""
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
    tls_cert: Annotated[
        Path | None, typer.Option("--tls-cert", metavar="FILE", help="Serve TLS with this certificate (PEM).")
    ] = None,
    tls_key: Annotated[Path | None, typer.Option("--tls-key", metavar="FILE", help="The certificate's key.")] = None,
    tls_ca: Annotated[
        Path | None,
        typer.Option("--tls-ca", metavar="FILE", help="With --bootstrap: what signed it, unless it did itself."),
    ] = None,
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
    if token is not None and not _TOKEN.fullmatch(token):
        raise typer.BadParameter("a token is of printable ASCII, without spaces and %", param_hint="--token")
    shown = token or (None if is_loopback(host) else new_token())
    if bootstrap is not None:
        _check_bootstrap(bootstrap, host, port, has_token=token is not None or shown is None)
        _print_bootstrap(bootstrap, (host, port, shown, _text(tls_ca or tls_cert)), _address(admin, "--envoy-admin"))
        return
    if tls_ca is not None and tls_cert is None:  # who says it means TLS, and would serve without
        raise typer.BadParameter("it goes with --bootstrap; TLS is served with --tls-cert", param_hint="--tls-ca")
    _look_for_extra()
    if any(str(path) == STDIN for path in paths):
        raise typer.BadParameter("standard input cannot be read again: save it to a file", param_hint="PATH")
    from edgesim.cli.xds_serving import Place, serve_fleet  # noqa: PLC0415 - an extra

    asyncio.run(serve_fleet(paths, Place(host, port, shown, token is None, _tls(tls_cert, tls_key))))


def _check_bootstrap(node: str, host: str, port: int, *, has_token: bool) -> None:
    if not node:
        raise typer.BadParameter("an Envoy without a node id asks nobody", param_hint="--bootstrap")
    if host in {"0.0.0.0", "::"}:
        raise typer.BadParameter(
            f"{host} is where a server listens: say the address by which Envoys find it", param_hint="--listen"
        )
    if port == 0:
        raise typer.BadParameter("say the port that the server printed: no Envoy finds port 0", param_hint="--listen")
    if not has_token:
        raise typer.BadParameter("off loopback say the server's --token, too", param_hint="--bootstrap")


def _print_bootstrap(node: str, server: tuple[str, int, str | None, str], admin: tuple[str, int]) -> None:
    from edgesim.envoy.discovery_bootstrap import ServerAddress, bootstrap  # noqa: PLC0415 - other commands do without

    out(json.dumps(bootstrap(node, ServerAddress(*server), admin), indent=2))


def _look_for_extra() -> None:
    if missing := [name for name in ("grpclib", "envoy_data_plane") if find_spec(name) is None]:
        raise failure("ES0731", f"there is no package {' and no '.join(missing)}", _INSTALL, exit_code=2)


def _text(file: Path | None) -> str:
    try:
        return "" if file is None else file.read_text()
    except (OSError, ValueError) as error:
        raise typer.BadParameter(f"{file}: {_why(error)}", param_hint="--tls-ca") from None


def _tls(cert: Path | None, key: Path | None) -> ssl.SSLContext | None:
    """Return what HTTP/2 over TLS is served with, None for plain text."""
    if cert is None and key is None:
        return None
    if cert is None or key is None:
        raise typer.BadParameter("--tls-cert and --tls-key go together", param_hint="--tls-cert")
    made = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        made.load_cert_chain(cert, key, password="")  # never asked for at the terminal
    except (OSError, ValueError) as error:
        raise typer.BadParameter(f"{cert} and {key}: {_why(error)}", param_hint="--tls-cert") from None
    made.set_alpn_protocols(["h2"])
    return made


def _why(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return "no certificate and its key, in PEM and without a password"
    return (getattr(error, "strerror", None) or str(error)).lower()


def _address(text: str, option: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not (port.isascii() and port.isdigit() and int(port) < 65536):
        raise typer.BadParameter(f"{text!r} is no HOST:PORT", param_hint=option)
    return host.strip("[]"), int(port)

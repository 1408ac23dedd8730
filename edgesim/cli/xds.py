"""`edgesim xds`: a management server for real Envoys."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgesim.cli.console import err, out
from edgesim.cli.offline import Loaded, load
from edgesim.cli.problems import print_problems
from edgesim.cli.signals import listen_to_signals
from edgesim.config.watch import watch
from edgesim.control.guard import is_loopback
from edgesim.control.refusals import refusal
from edgesim.dialects.envoy import Form, inexpressible, snapshot
from edgesim.model import Problem, Severity, UpdateRefusedError
from edgesim.model.codes import failure
from edgesim.telemetry import spawn
from edgesim.telemetry.sources import monotonic, new_token

if TYPE_CHECKING:
    from edgesim.envoy.discovery import Discovery, Refusal


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

    Envoys are started with what --bootstrap prints; they poll and are answered when something changed. An update
    that an Envoy does not take is printed as a problem of the resource at fault; that Envoy keeps what it had.
    Services are found by their names in Kubernetes. Off loopback Envoys must show a token.

    Example:
      edgesim xds manifests/ --bootstrap edge-1 > envoy.json
      edgesim xds manifests/ --listen 127.0.0.1:18000
    """
    host, port = _address(listen, "--listen")
    shown = token or (None if is_loopback(host) else new_token())
    if bootstrap is not None:
        from edgesim.envoy import discovery_server  # noqa: PLC0415 - an HTTP server that other commands do not need

        if shown is not None and token is None:
            raise typer.BadParameter("off loopback say the server's --token, too", param_hint="--bootstrap")
        written = discovery_server.bootstrap(bootstrap, host, port, _address(admin, "--envoy-admin"), shown)
        out(json.dumps(written, indent=2))
        return
    asyncio.run(_serve(paths, host, port, shown, generated=token is None))


def _address(text: str, option: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not (port.isascii() and port.isdigit() and int(port) < 65536):
        raise typer.BadParameter(f"{text!r} is no HOST:PORT", param_hint=option)
    return host.strip("[]"), int(port)


class _Serving:
    """What is served, and the files it came from."""

    def __init__(self, paths: Iterable[Path]) -> None:
        self._paths = [*paths]
        self.loaded: Loaded | None = None
        self._said: tuple[Problem, ...] = ()

    def read(self, discovery: Discovery) -> None:
        """Read the files; what has errors is said, and what was served stays."""
        from edgesim.envoy.discovery import without_pods  # noqa: PLC0415 - as above
        from edgesim.envoy.discovery_server import source  # noqa: PLC0415

        loaded = load(self._paths)
        grave = tuple(each for each in loaded.problems if each.severity is not Severity.NOTE)
        print_problems(each for each in grave if each not in self._said)
        before, self._said = self._said, grave
        if any(each.severity is Severity.ERROR for each in grave):
            if grave != before:
                err("what was served stays served until this is mended" if self.loaded else "nothing is served yet")
            return
        if self.loaded is not None and loaded.translation.model == self.loaded.translation.model:
            return
        self.loaded = loaded
        model = without_pods(loaded.translation.model)
        print_problems(inexpressible(loaded.translation.model, None, loaded.translation.where))
        discovery.serve(snapshot(model, {}, source, Form()))

    def refused(self, refusal_: Refusal) -> None:
        """Print a refusal as a problem of the resource at fault."""
        if self.loaded is None:
            return
        kind = refusal_.kind.rpartition(".")[2]
        reason = f"Envoy {refusal_.node} does not take its {kind}, and keeps what it had: its log tells why"
        translation = self.loaded.translation
        print_problems([refusal(UpdateRefusedError(reason, refusal_.culprit), translation.model, translation)])


async def _serve(paths: list[Path], host: str, port: int, token: str | None, *, generated: bool) -> None:
    from aiohttp import web  # noqa: PLC0415 - as above

    from edgesim.envoy.discovery import Discovery  # noqa: PLC0415
    from edgesim.envoy.discovery_server import app  # noqa: PLC0415

    signals, serving = listen_to_signals(), _Serving(paths)
    discovery = Discovery(monotonic, serving.refused)
    serving.read(discovery)
    runner = web.AppRunner(app(discovery, token), access_log=None, handle_signals=False, shutdown_timeout=0.5)
    await runner.setup()
    site = web.TCPSite(runner, host, port)
    try:
        await site.start()
    except OSError as refused:
        raise failure(
            "ES0701", f"cannot listen on {host}:{port}: {(refused.strerror or str(refused)).lower()}"
        ) from None
    taken = runner.addresses[0][1]
    out(f"xds http://{f'[{host}]' if ':' in host else host}:{taken}")
    if token is not None and generated:
        out(f"token {token}")
    signals.starting = None
    following = spawn(_follow(paths, serving, discovery), "follow the files")
    await signals.stop.wait()
    following.cancel()
    await runner.cleanup()


async def _follow(paths: list[Path], serving: _Serving, discovery: Discovery) -> None:
    async for _changed in watch([str(path) for path in paths]):
        serving.read(discovery)

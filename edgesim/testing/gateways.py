"""What the fixtures hand out: gateways in processes of their own, and what tests ask of them."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from edgesim.admin import File, Files
from edgesim.admin.endpoints import APPLY, ROUTE
from edgesim.cli.background import Background, start
from edgesim.cli.client import Client
from edgesim.cli.outcomes import send_files
from edgesim.cli.problems import problem_text
from edgesim.cli.settings import UpSettings
from edgesim.config.files import read_texts
from edgesim.inspect import RouteReport
from edgesim.model import EdgesimError, Problem
from edgesim.testing.options import OptionError, settings_from


class GatewayError(AssertionError):
    """A configuration that is not served, or a change that was refused, with every problem in lines."""


@dataclass(slots=True)
class Gateway:
    """A running gateway. `url` (also `gateway`) is the proxy's, `admin` the admin API's; `tls` is empty without TLS."""

    url: str
    admin: str
    tls: str
    process: Background = field(repr=False)
    errors: IO[bytes] = field(repr=False)
    changed: bool = False
    """Whether a test applied something: then it is not shared any more."""

    @property
    def gateway(self) -> str:
        """Return the proxy's URL."""
        return self.url

    @property
    def environment(self) -> dict[str, str]:
        """Return the variables for programs that are tested: GATEWAY, EDGESIM_ADMIN, with `kube` KUBECONFIG."""
        return self.process.environment()

    @property
    def said(self) -> str:
        """Return what the instance wrote to standard error."""
        self.errors.seek(0)
        return self.errors.read().decode(errors="replace")

    def apply(self, *what: str | Path) -> None:
        """Apply manifests: paths, or texts of YAML (what has a line break is one). Served when it returns.

        Raises GatewayError with the problems where something is refused, or not served as it is.
        """
        self.changed = True
        outcome = send_files(self._client(), APPLY, Files(tuple(file for each in what for file in _files(each))))
        _raise_for((*outcome.refused, *outcome.problems))

    def route(
        self, url: str, *, method: str = "GET", headers: Mapping[str, str] | None = None, random: int | None = None
    ) -> RouteReport:
        """Return where a request would go, as `edgesim route` tells it; a path alone is one of this gateway.

        Raises edgesim.config.api_errors.ApiError for what is no request.
        """
        asked = [("url", url), ("method", method)]
        asked += [("header", f"{name}: {value}") for name, value in (headers or {}).items()]
        asked += [("random", str(random))] if random is not None else []
        return self._client().ask(ROUTE, asked)

    def _client(self) -> Client:
        return Client(self.admin, self.process.token)


def _files(what: str | Path) -> tuple[File, ...]:
    if isinstance(what, str) and "\n" in what:
        return (File("applied text", what),)
    texts, problems = read_texts([Path(what)])
    _raise_for(problems)
    return tuple(File(each.file, each.text) for each in texts)


def _raise_for(problems: tuple[Problem, ...] | list[Problem]) -> None:
    grave = [each for each in problems if each.severity.value != "note"]
    if grave:
        raise GatewayError("\n".join(["the configuration has problems:", *(_line(each) for each in grave)]))


def _line(problem: Problem) -> str:
    with tempfile.TemporaryFile("w") as nobody:  # no terminal: no colours
        return problem_text(problem, nobody)


@dataclass(slots=True)
class Gateways:
    """Starts gateways, keeps them for tests of the same configuration, and ends them."""

    root: Path
    paths: tuple[Path, ...]
    seed: int
    _running: list[Gateway] = field(default_factory=list)
    _shared: dict[str, Gateway] = field(default_factory=dict)

    def __call__(self, *paths: str | Path, fresh: bool = False, seed: int | None = None, **options: Any) -> Gateway:
        """Return a gateway that serves paths (by default `edgesim_paths`), relative to the root folder.

        Options are those of `edgesim up`, with underscores (`invalid_config="isolate"`). Raises GatewayError where one
        is none, and where the configuration has problems.
        """
        wanted = tuple(self.root / path for path in paths or self.paths)
        drawn = self.seed if seed is None else seed
        try:
            settings = settings_from(wanted, {"seed": drawn, **options})
        except OptionError as error:
            raise GatewayError(str(error)) from None
        key = repr(settings)
        shared = self._shared.get(key)
        if not fresh and shared is not None and not shared.changed and shared.process.process.poll() is None:
            return shared
        started = self._started(settings)
        if not fresh:
            self._shared[key] = started
        return started

    def _started(self, settings: UpSettings) -> Gateway:
        errors = tempfile.TemporaryFile()  # noqa: SIM115 - it is closed with the gateway
        try:
            process = start(settings, [], errors)
        except EdgesimError:
            errors.seek(0)
            said = errors.read().decode(errors="replace").strip()
            errors.close()
            raise GatewayError(f"the gateway does not start:\n{said}") from None
        gateway = Gateway(process.gateway, process.admin, process.tls, process, errors)
        self._running.append(gateway)
        return gateway

    def release(self, gateway: Gateway, *, fresh: bool) -> None:
        """Take a gateway back after a test: one that nobody else may have is ended."""
        if fresh or gateway.changed:
            self._running.remove(gateway)
            _end(gateway)

    def close(self) -> None:
        """End all of them."""
        while self._running:
            _end(self._running.pop())


def _end(gateway: Gateway) -> None:
    gateway.process.stop()
    gateway.errors.close()

"""What serves: edgesim's own workers or Envoy, which `up` treats alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from edgesim.admin.context import Ask
from edgesim.cli.problems import print_problems
from edgesim.cli.settings import UpSettings
from edgesim.config.api_errors import ApiError
from edgesim.control import Instance
from edgesim.model import Problem, Update
from edgesim.proxy import Bound, WorkerSettings
from edgesim.proxy.breaking import Breaking
from edgesim.telemetry.sources import monotonic
from edgesim.telemetry.tally import Tally

if TYPE_CHECKING:
    from edgesim.proxy.ports import Addresses


class DataPlane(Protocol):
    """An engine with its ports, its counts, and an end."""

    host: str
    port: int
    breaking: Breaking

    @property
    def bound(self) -> tuple[Bound, ...]:
        """Where listeners take connections now, in the model's order."""

    @property
    def tls_port(self) -> int:
        """The port of the first TLS listener, 0 while there is none."""

    async def start(self) -> None:
        """Start what serves."""

    async def push(self, update: Update) -> None:
        """Serve an update; raises UpdateRefusedError."""

    async def stats(self, *, reset: bool = False) -> Tally:
        """Return what was counted."""

    def reopen_logs(self) -> None:
        """Open log files anew."""

    async def close(self, grace: float) -> None:
        """Drain within `grace` seconds."""


def envoy_engine(settings: UpSettings, addresses: Addresses, told: WorkerSettings, seed: str) -> DataPlane:
    """Take an Envoy's first port. Raises EdgesimError where there is no Envoy, OSError where the port is not free."""
    from edgesim.envoy import EnvoyEngine, find_envoy  # noqa: PLC0415 - an HTTP client that nothing else needs
    from edgesim.envoy.engine import EnvoySettings  # noqa: PLC0415 - the same

    given = EnvoySettings(find_envoy(), settings.workers, told.access_log, _lines(told.access_log_format), seed=seed)
    return EnvoyEngine(addresses, given, monotonic)


def ask_of(plane: DataPlane) -> Ask | None:
    """Return what asks a real Envoy's admin API, None where there is none."""
    admin = getattr(plane, "admin", None)
    if admin is None:
        return None
    from edgesim.envoy.admin import AdminError  # noqa: PLC0415 - as above

    async def ask(target: str, method: str) -> tuple[int, str]:
        try:
            if target.startswith("/stats"):
                await admin.flush()
            answer: tuple[int, str] = await admin.answer(target, method)
        except AdminError as gone:
            raise ApiError("ServiceUnavailable", f"Envoy does not answer: {gone}") from None
        return answer

    return ask


def _lines(text: str) -> str:
    """Return a format whose every record is a line, as edgesim's own engine writes them; Envoy ends JSON itself."""
    return text if not text or text.lstrip().startswith("{") or text.endswith("\n") else f"{text}\n"


class Inexpressible:
    """Prints what the configuration asks for and Envoy does not do, each thing once."""

    def __init__(self, instance: Instance) -> None:
        """Print what there is now."""
        self._said: set[Problem] = set()
        self.report(instance)

    def report(self, instance: Instance) -> None:
        """Print what was not there before."""
        from edgesim.dialects.envoy import inexpressible  # noqa: PLC0415 - what edgesim's own engine never needs

        found = inexpressible(instance.served.model, instance.assignments, instance.translation.where)
        print_problems(each for each in found if each not in self._said)
        self._said = set(found)

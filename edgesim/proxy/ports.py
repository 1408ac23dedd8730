"""Where listeners are bound, and the ports held for the workers, who share them."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from operator import attrgetter

from edgesim.model import Listener, Model, UpdateRefusedError, is_served
from edgesim.proxy.loopback import is_loopback

PLAIN_PORT, TLS_PORT = 8080, 8443
"""The bindPorts of Gloo's own gateways: ports of the command line stand in for them."""
_ANY_ADDRESS = frozenset(("", "::", "0.0.0.0", "*"))

Place = tuple[str, int]
"""The address a listener is bound to and the port as its gateway has it."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where listeners are bound: `port` and `tls_port` stand in for 8080 and 8443, 0 taking a free one.

    `host` is bound where a gateway names no address. One that it does name is bound when it is this machine's
    own loopback, or when the user said where to listen (`as_written`); otherwise `host` is.
    """

    host: str
    port: int
    tls_port: int = 0
    as_written: bool = False

    def place(self, listener: Listener) -> Place:
        """Return where a listener belongs. Two with the same place cannot both be served."""
        written = listener.address
        named = written not in _ANY_ADDRESS and (self.as_written or is_loopback(written))
        return (written if named else self.host), listener.port

    def port_for(self, place: Place) -> int:
        """Return the port to bind at a place."""
        return {PLAIN_PORT: self.port, TLS_PORT: self.tls_port}.get(place[1], place[1])


_TLS = attrgetter("tls")


def opened(model: Model) -> list[Listener]:
    """Return the listeners that take connections: a TLS listener only where a virtual host is served."""
    return [each for each in model.listeners if not each.tls or _serves_any(model, each)]


def _serves_any(model: Model, listener: Listener) -> bool:
    if listener.tls and listener.virtual_hosts is None:  # asked at each change, of thousands: no code runs for each
        return any(map(_TLS, model.virtual_hosts))
    return any(is_served(host, listener) for host in model.virtual_hosts)


class Held:
    """The ports the parent holds: bound and not listening, so that no other program takes them."""

    def __init__(self, addresses: Addresses) -> None:
        """Hold the port that stands in for 8080 from the start to the end; raises as `reserve`."""
        self.addresses = addresses
        self.first: Place = (addresses.host, PLAIN_PORT)
        self._sockets = {self.first: reserve(addresses.host, addresses.port)}

    def port(self, place: Place) -> int:
        """Return the port that is held at a place, 0 for none."""
        held = self._sockets.get(place)
        return 0 if held is None else port_of(held)

    def hold(self, model: Model) -> dict[str, Place]:
        """Hold a place for each listener that takes connections, and return the places by the listeners' names.

        Raises UpdateRefusedError for one that cannot be bound; it names the listener, or where no gateway is
        written that it came from, a virtual host that is served there.
        """
        try:
            return self._hold(opened(model))
        except UpdateRefusedError as refused:
            listener = next(each for each in model.listeners if each.name == refused.culprit)
            hosts = [host.name for host in model.virtual_hosts if is_served(host, listener)]
            culprit = listener.name if listener.origin or not hosts else hosts[0]
            raise UpdateRefusedError(refused.reason, culprit) from None

    def _hold(self, listeners: Iterable[Listener]) -> dict[str, Place]:
        places: dict[str, Place] = {}
        owners: dict[Place, str] = {}
        for listener in listeners:
            place = self.addresses.place(listener)
            owner = owners.setdefault(place, listener.name)
            if owner != listener.name:
                raise UpdateRefusedError(
                    f"{_text(*place)} is {owner}'s already, {listener.name} needs another", listener.name
                )
            if place not in self._sockets:
                self._sockets[place] = self._reserved(place, listener)
            places[listener.name] = place
        return places

    def _reserved(self, place: Place, listener: Listener) -> socket.socket:
        host, port = place[0], self.addresses.port_for(place)
        try:
            return reserve(host, port)
        except OSError as refused:
            raise UpdateRefusedError(_why_not(refused, _text(host, port), listener), listener.name) from None

    def keep(self, places: Iterable[Place]) -> None:
        """Let go of every place but these and the first."""
        kept = {self.first, *places}
        for place in self._sockets.keys() - kept:
            self._sockets.pop(place).close()

    def bound(self, place: Place) -> socket.socket:
        """Return another socket of a place that is held; it does not listen yet. Raises OSError."""
        return bound(place[0], port_of(self._sockets[place]))

    def close(self) -> None:
        """Let go of everything."""
        for held in self._sockets.values():
            held.close()


def _why_not(refused: OSError, place: str, listener: Listener) -> str:
    if refused.errno != errno.EADDRINUSE:
        return f"cannot listen on {place} for {listener.name}: {(refused.strerror or str(refused)).lower()}"
    option = {PLAIN_PORT: "--port", TLS_PORT: "--tls-port"}.get(listener.port)
    mend = f"; {option} N takes another" if option else ""
    which = "the TLS listener's" if listener.port == TLS_PORT and listener.tls else f"of {listener.name}"
    return f"{place}, {which}, is in use{mend}"


def _text(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def reserve(host: str, port: int) -> socket.socket:
    """Hold a port for the workers, who share it with SO_REUSEPORT; port 0 takes any free one.

    Raises OSError: EADDRINUSE where another program listens already (SO_REUSEPORT alone would not notice),
    others for an address that cannot be bound.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    if port:
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
            probe.listen()
    return bound(host, port)


def bound(host: str, port: int) -> socket.socket:
    """Return a socket of a port that is held already; it does not listen yet. Raises OSError."""
    held = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        held.bind((host, port))
    except OSError:
        held.close()
        raise
    return held


def port_of(held: socket.socket | None) -> int:
    """Return the port that is held, 0 for none."""
    return 0 if held is None else int(held.getsockname()[1])

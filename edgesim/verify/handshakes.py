"""How listeners with TLS are asked again: `verify` asks its copies of them without."""

from __future__ import annotations

from dataclasses import dataclass

from edgesim.model import Model, VirtualHost, is_served
from edgesim.verify.prepared import served
from edgesim.verify.requests import names_of


@dataclass(frozen=True, slots=True)
class Handshake:
    """A server name that a listener takes, and its port as written."""

    server_name: str
    port: int


def handshakes(model: Model) -> dict[str, Handshake]:
    """Return by their names how to ask the listeners with TLS; Host chooses among all virtual hosts of one, whatever its server name."""
    return {
        listener.name: Handshake(
            _name(next(host for host in model.virtual_hosts if is_served(host, listener))), listener.port
        )
        for listener in served(model)
        if listener.tls
    }


def _name(host: VirtualHost) -> str:
    """Return a name of a virtual host's context, one of its domains where it takes any."""
    names = host.tls.sni if host.tls is not None else ()
    return names_of((names or host.domains)[0])[0].partition(":")[0]

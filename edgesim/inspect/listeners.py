"""Which listener takes a request, and its compiled routes."""

from __future__ import annotations

from edgesim.inspect.requests import RequestError, Url
from edgesim.model import Listener, Model, VirtualHost, is_served
from edgesim.routing import HostTable, RouteTable, compile_host, table_of

USUAL_PORTS = {"http": 8080, "https": 8443}
"""The bindPorts of Gloo's own gateways."""


class Tables:
    """The compiled routes of a model, for each listener; a virtual host is compiled once, when first needed."""

    def __init__(self, model: Model) -> None:
        """Take the model."""
        self.model = model
        self.clusters = {cluster.name: cluster for cluster in model.clusters}
        self._hosts: dict[int, HostTable] = {}
        self._tables: dict[str, RouteTable] = {}

    def of(self, listener: Listener) -> RouteTable:
        """Return the table of a listener. Raises ValueError as `compile_host`."""
        table = self._tables.get(listener.name)
        if table is None:
            scheme = b"https" if listener.tls else b"http"
            hosts = (self._compiled(host) for host in served_hosts(self.model, listener))
            table = self._tables[listener.name] = table_of(hosts, scheme)
        return table

    def _compiled(self, host: VirtualHost) -> HostTable:
        found = self._hosts.get(id(host))
        if found is None:
            found = self._hosts[id(host)] = compile_host(host)
        return found


def served_hosts(model: Model, listener: Listener) -> list[VirtualHost]:
    """Return the virtual hosts a listener serves, in the model's order."""
    return [host for host in model.virtual_hosts if is_served(host, listener)]


def choose_listener(model: Model, url: Url, name: str = "") -> Listener:
    """Return the listener of this name; else, of those of the URL's scheme, the one on its port, or the usual one.

    The usual one is on 8080, with TLS on 8443, else it is the first. Raises RequestError where there is none.
    """
    if name:
        return _named(model, name)
    ours = [each for each in model.listeners if each.tls is (url.scheme == "https")]
    if not ours:
        raise RequestError(f"there is no {url.scheme} listener; {_names(model)}")
    wanted = [port for port in (url.port, USUAL_PORTS[url.scheme]) if port is not None]
    return next((each for port in wanted for each in ours if each.port == port), ours[0])


def _named(model: Model, name: str) -> Listener:
    for listener in model.listeners:
        if listener.name == name:
            return listener
    raise RequestError(f"there is no listener {name!r}; {_names(model)}")


def _names(model: Model) -> str:
    return "there are: " + (", ".join(each.name for each in model.listeners) or "none")

"""Where a running instance listens, as it tells itself."""

from __future__ import annotations

from dataclasses import dataclass

from edgesim.admin.endpoints import READY
from edgesim.cli.client import Client
from edgesim.config.api_errors import ApiError
from edgesim.model.codes import failure

HTTP, HTTPS = "http", "https"


@dataclass(frozen=True, slots=True)
class Addresses:
    """The URLs of the proxy's listeners, of the Kubernetes API and the path of its kubeconfig; empty without one."""

    listeners: tuple[str, ...]
    kube: str = ""
    kubeconfig: str = ""

    def gateway(self, scheme: str) -> str:
        """Return the URL of the first listener that speaks a scheme, empty where none does."""
        return next((url for url in self.listeners if url.startswith(f"{scheme}://")), "")


def addresses(client: Client) -> Addresses:
    """Ask an instance where it listens. Raises EdgesimError, also while it is not ready."""
    try:
        found = client.ask(READY, [("format", "json")])
    except ApiError as error:
        if error.reason != "503":
            raise
        raise failure("ES0702", f"the edgesim at {client.url} is not ready yet", "ask again in a moment") from None
    kube = found.get("kube") or {}
    urls = tuple(listener["url"] for listener in found["listeners"])
    return Addresses(urls, kube.get("url", ""), kube.get("kubeconfig", ""))

"""`edgesim env`: the variables by which other programs find a running instance."""

from __future__ import annotations

import shlex

from edgesim.cli.addresses import HTTP, HTTPS, Addresses, addresses
from edgesim.cli.client import DEFAULT_ADMIN
from edgesim.cli.console import out, out_json
from edgesim.cli.options import AdminUrl, Output, Report, client_at


def env(admin: AdminUrl = DEFAULT_ADMIN, output: Output = Report.TEXT) -> None:
    """Print lines for a shell that set where a running instance is.

    KUBECONFIG is there where it serves the Kubernetes API, GATEWAY_TLS where a listener has TLS; GATEWAY is the
    proxy's URL, and EDGESIM_ADMIN what every command of edgesim reads.

    Example:
      eval "$(edgesim env)" && kubectl get vs -A && curl $GATEWAY/
      edgesim env -o json
    """
    found = variables(addresses(client_at(admin)), admin)
    if output is Report.JSON:
        out_json(found)
        return
    for name, value in found.items():
        out(f"export {name}={shlex.quote(value)}")


def variables(found: Addresses, admin: str) -> dict[str, str]:
    """Return the variables of what there is."""
    named = {
        "KUBECONFIG": found.kubeconfig,
        "GATEWAY": found.gateway(HTTP),
        "GATEWAY_TLS": found.gateway(HTTPS),
        "EDGESIM_ADMIN": admin,
    }
    return {name: value for name, value in named.items() if value}

"""The Kubernetes API of `up`: put together, and opened when there is something to serve."""

from __future__ import annotations

from edgesim.cli.announcing import KubeAddress
from edgesim.cli.reserving import reserve_kube
from edgesim.cli.settings import KubeSettings
from edgesim.control import Instance
from edgesim.control.guard import is_loopback
from edgesim.kube.app import create_app
from edgesim.kube.context import KubeContext
from edgesim.kube.default_roles import install_roles
from edgesim.kube.pod_logs import LogsOf
from edgesim.kube.serving import KubeServer
from edgesim.kube.users import Users
from edgesim.model.codes import failure
from edgesim.telemetry.sources import new_token, random_bytes, today


def kube_server(settings: KubeSettings, instance: Instance, logs: LogsOf) -> KubeServer:
    """Take the port and make what serves on it. Raises EdgesimError where the port is not to be had."""
    install_roles(instance.store)
    sock, users = reserve_kube(settings), Users()
    token = settings.token or ("" if is_loopback(settings.host) else new_token())
    app = create_app(KubeContext(instance, today, random_bytes, users=users, rbac=settings.rbac, logs=logs))
    return KubeServer(app, users, sock, settings.host, today, new_token, token, passing=settings.port == 0)


async def open_kube(server: KubeServer) -> KubeAddress:
    """Serve, and return where. Raises EdgesimError where no kubeconfig can be written."""
    try:
        await server.start()
    except OSError as refused:
        raise failure("ES0728", f"no kubeconfig can be written: {refused.strerror or refused}".lower()) from None
    return KubeAddress(server.url, str(server.kubeconfig))

"""The names Gloo generates (reference section 1)."""

from __future__ import annotations


def cluster_name(namespace: str, name: str) -> str:
    """Return the Envoy cluster of an upstream: name first."""
    return f"{name}_{namespace}" if namespace else name


def virtual_host_name(namespace: str, name: str) -> str:
    """Return the Envoy virtual host of a VirtualService."""
    return f"{namespace}.{name}".replace(".", "_")


def kube_upstream_name(namespace: str, service: str, port: int) -> str:
    """Return the name of the in-memory upstream behind a `kube` destination, in the service's namespace."""
    return f"kube-svc:{namespace}-{service}-{port}"

"""Manifests of a small application, in a namespace and behind a host of a test's own."""

from __future__ import annotations

from typing import Any

Manifest = dict[str, Any]


def deployment(namespace: str, version: str = "v1", *, replicas: int = 1, name: str = "echo", **pod: str) -> Manifest:
    """Return a Deployment of one version, whose pods answer `version:VERSION`; `pod` are their annotations."""
    labels = {"app": name, "version": version}
    container = {
        "name": "echo",
        "image": "hashicorp/http-echo",
        "args": [f"-text=version:{version}"],
        "ports": [{"containerPort": 5678}],
    }
    annotations = {f"edgesim.io/{key.replace('_', '-')}": value for key, value in pod.items()}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": f"{name}-{version}", "namespace": namespace},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels, "annotations": annotations},
                "spec": {"containers": [container]},
            },
        },
    }


def service(namespace: str, name: str = "echo") -> Manifest:
    """Return the Service of every version."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"selector": {"app": name}, "ports": [{"port": 80, "targetPort": 5678}]},
    }


def upstream(namespace: str, name: str = "echo") -> Manifest:
    """Return the Upstream whose subsets are the versions."""
    kube = {
        "serviceName": name,
        "serviceNamespace": namespace,
        "servicePort": 80,
        "subsetSpec": {"selectors": [{"keys": ["version"]}]},
    }
    return {
        "apiVersion": "gloo.solo.io/v1",
        "kind": "Upstream",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"kube": kube},
    }


def virtual_service(namespace: str, name: str = "echo", *, target: str = "echo", prefix: str = "/") -> Manifest:
    """Return a VirtualService of the domain `NAMESPACE`, so that tests of one instance do not meet."""
    destination = {"upstream": {"name": target, "namespace": namespace}}
    route = {"matchers": [{"prefix": prefix}], "routeAction": {"single": destination}}
    return {
        "apiVersion": "gateway.solo.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"virtualHost": {"domains": [namespace], "routes": [route]}},
    }


def application(namespace: str) -> tuple[Manifest, ...]:
    """Return all of them: version 1 behind its host."""
    return (deployment(namespace), service(namespace), upstream(namespace), virtual_service(namespace))

"""What the API server refuses beyond the schema: rules that span fields of one object."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from edgesim.dialects.check import Finding
from edgesim.dialects.gloo.secrets import unpacked
from edgesim.dialects.resource import FieldPath
from edgesim.dialects.schema.kubernetes import Deployment, LabelSelector, Pod, PodSpec, Secret, Service
from edgesim.dialects.selectors import selects


def admit(typed: Any) -> list[Finding]:
    """Return what Kubernetes' own validation would refuse in an object that fits its schema."""
    match typed:
        case Deployment():
            return list(_deployment(typed))
        case Pod():
            return list(_pod_spec(typed.spec, ("spec",)))
        case Service():
            return list(_service(typed))
        case Secret():
            return list(_secret(typed))
        case _:
            return []


def _deployment(deployment: Deployment) -> Iterator[Finding]:
    spec = deployment.spec
    selector = spec.selector
    labels = (spec.template.metadata.labels if spec.template.metadata else None) or {}
    if not selector.match_labels and not selector.match_expressions:
        yield Finding("ES0401", ("spec", "selector"), "an empty selector is invalid for a deployment")
    elif not selects(selector, labels):
        path = ("spec", "template", "metadata", "labels")
        yield Finding("ES0400", path, "`selector` does not match template `labels`", _labels_hint(selector))
    yield from _pod_spec(spec.template.spec, ("spec", "template", "spec"))


def _labels_hint(selector: LabelSelector) -> str:
    wanted = ", ".join(f"{key}: {value}" for key, value in (selector.match_labels or {}).items())
    return f"the template needs the labels {wanted}" if wanted else ""


def _pod_spec(spec: PodSpec, path: FieldPath) -> Iterator[Finding]:
    names: set[str] = set()
    for index, container in enumerate(spec.containers):
        if container.name in names:
            at = (*path, "containers", index, "name")
            yield Finding("ES0402", at, f"the container name `{container.name}` is used twice")
        names.add(container.name)


def _secret(secret: Secret) -> Iterator[Finding]:
    for key, text in (secret.data or {}).items():
        try:
            unpacked(text)
        except ValueError:
            yield Finding("ES0404", ("data", key), f"`{key}` is not base64", "plain text belongs in `stringData`")
    if secret.type == "kubernetes.io/tls":
        for key in ("tls.crt", "tls.key"):
            if key not in (secret.data or {}) and key not in (secret.string_data or {}):
                path = ("stringData",) if secret.data is None and secret.string_data is not None else ("data",)
                yield Finding("ES0405", path, f"a secret of type kubernetes.io/tls needs the key `{key}`")


def _service(service: Service) -> Iterator[Finding]:
    ports = service.spec.ports
    seen: set[str] = set()
    for index, port in enumerate(ports):
        path = ("spec", "ports", index)
        if not 1 <= port.port <= 65535:
            yield Finding("ES0403", (*path, "port"), f"a service port must be 1..65535, got {port.port}")
        if len(ports) > 1 and not port.name:
            yield Finding("ES0403", path, "a port of a service with several ports needs a name")
        elif len(ports) > 1 and port.name in seen:
            yield Finding("ES0403", (*path, "name"), f"the port name `{port.name}` is used twice")
        seen.add(port.name)

"""Containers of a pod (`ValidateContainers`): images, ports, variables, mounts, probes, resources."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from edgesim.kube.validation import names
from edgesim.kube.validation.faults import Fault, duplicate, forbidden, invalid, not_found, not_supported, required
from edgesim.kube.validation.quantities import amount

PROTOCOLS: Final = ("SCTP", "TCP", "UDP")
_PULL: Final = ("Always", "IfNotPresent", "Never")
_MESSAGES: Final = ("FallbackToLogsOnError", "File")
_PROBES: Final = ("livenessProbe", "readinessProbe", "startupProbe")
_PROBE_ACTIONS: Final = ("exec", "httpGet", "tcpSocket", "grpc")
_HOOK_ACTIONS: Final = ("exec", "httpGet", "tcpSocket", "sleep")
_SECONDS: Final = ("initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold")
_SOURCES: Final = ("fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef")
_NOT_NEGATIVE: Final = "must be greater than or equal to 0"


def container_faults(container: Mapping[str, Any], at: str, volumes: set[str]) -> Iterator[Fault]:
    """Iterate over what is wrong with a container of a pod with these volumes."""
    name, image = container.get("name") or "", container.get("image") or ""
    if not name:
        yield required(f"{at}.name")
    for said in names.label(name) if name else ():
        yield invalid(f"{at}.name", name, said)
    if not image:
        yield required(f"{at}.image")
    elif image.strip() != image:
        yield invalid(f"{at}.image", image, "must not have leading or trailing whitespace")
    policies = (("terminationMessagePolicy", _MESSAGES), ("imagePullPolicy", _PULL))
    for field, supported in policies:
        if container.get(field) and container[field] not in supported:
            yield not_supported(f"{at}.{field}", container[field], supported)
    yield from _probes(container, at)
    yield from _ports(container.get("ports") or (), f"{at}.ports")
    yield from _variables(container.get("env") or (), f"{at}.env")
    yield from _mounts(container.get("volumeMounts") or (), f"{at}.volumeMounts", volumes)
    yield from _resources(container.get("resources") or {}, f"{at}.resources")


def _ports(ports: Any, at: str) -> Iterator[Fault]:
    seen: set[str] = set()
    for index, each in enumerate(ports):
        port, place = each or {}, f"{at}[{index}]"
        name = port.get("name") or ""
        wrong = names.port_name(name) if name else []
        for said in wrong:
            yield invalid(f"{place}.name", name, said)
        if name and name in seen:
            yield duplicate(f"{place}.name", name)
        elif not wrong:
            seen.add(name)
        yield from _port_numbers(port, place)
        protocol = port.get("protocol") or "TCP"
        if protocol not in PROTOCOLS:
            yield not_supported(f"{place}.protocol", protocol, PROTOCOLS)


def _port_numbers(port: Mapping[str, Any], at: str) -> Iterator[Fault]:
    if not port.get("containerPort"):
        yield required(f"{at}.containerPort")
    for field in ("containerPort", "hostPort"):
        for said in names.port_number(port[field]) if port.get(field) else ():
            yield invalid(f"{at}.{field}", port[field], said)


def _variables(variables: Any, at: str) -> Iterator[Fault]:
    for index, each in enumerate(variables):
        variable, place = each or {}, f"{at}[{index}]"
        name, source = variable.get("name") or "", variable.get("valueFrom")
        if not name:
            yield required(f"{place}.name")
        elif not name.isascii() or not name.isprintable() or "=" in name:
            words = "a valid environment variable name must consist only of printable ASCII characters other than '='"
            yield invalid(f"{place}.name", name, words)
        if source is not None:
            yield from _variable_source(variable, source, f"{place}.valueFrom")


def _variable_source(variable: Mapping[str, Any], source: Mapping[str, Any], at: str) -> Iterator[Fault]:
    given = [field for field in _SOURCES if source.get(field) is not None]
    if variable.get("value"):
        yield invalid(at, "", "may not be specified when `value` is not empty")
    if not given:
        detail = "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`"
        yield invalid(at, "", detail)
    elif len(given) > 1:
        yield invalid(at, "", "may not have more than one field specified at a time")


def _mounts(mounts: Any, at: str, volumes: set[str]) -> Iterator[Fault]:
    seen: set[str] = set()
    for index, each in enumerate(mounts):
        mount, place = each or {}, f"{at}[{index}]"
        name, path = mount.get("name") or "", mount.get("mountPath") or ""
        if not name:
            yield required(f"{place}.name")
        elif name not in volumes:
            yield not_found(f"{place}.name", name)
        if not path:
            yield required(f"{place}.mountPath")
        if path in seen:
            yield invalid(f"{place}.mountPath", path, "must be unique")
        seen.add(path)


def _probes(container: Mapping[str, Any], at: str) -> Iterator[Fault]:
    for field in _PROBES:
        probe = container.get(field)
        if probe is None:
            continue
        yield from _handler(probe, f"{at}.{field}", _PROBE_ACTIONS)
        for seconds in _SECONDS:
            if (probe.get(seconds) or 0) < 0:
                yield invalid(f"{at}.{field}.{seconds}", probe[seconds], _NOT_NEGATIVE)
        if field != "readinessProbe" and (probe.get("successThreshold") or 1) > 1:
            yield invalid(f"{at}.{field}.successThreshold", probe["successThreshold"], "must be 1")
    hooks = container.get("lifecycle") or {}
    for hook in ("postStart", "preStop"):
        if hooks.get(hook) is not None:
            yield from _handler(hooks[hook], f"{at}.lifecycle.{hook}", _HOOK_ACTIONS)


def _handler(handler: Mapping[str, Any], at: str, actions: tuple[str, ...]) -> Iterator[Fault]:
    given = [action for action in actions if handler.get(action) is not None]
    if not given:
        yield required(at, "must specify a handler type")
    for action in given[1:]:
        yield forbidden(f"{at}.{action}", "may not specify more than 1 handler type")
    for action in given:
        yield from _handler_port(handler[action], f"{at}.{action}", action)


def _handler_port(action: Mapping[str, Any], at: str, kind: str) -> Iterator[Fault]:
    if kind in {"httpGet", "tcpSocket", "grpc"}:
        port = action.get("port", 0)
        for said in names.port_name(port) if isinstance(port, str) else names.port_number(port):
            yield invalid(f"{at}.port", port, said)
    if kind == "httpGet" and action.get("scheme") not in {None, "HTTP", "HTTPS"}:
        yield not_supported(f"{at}.scheme", action["scheme"], ("HTTP", "HTTPS"))
    if kind == "exec" and not action.get("command"):
        yield required(f"{at}.command")


def _resources(resources: Mapping[str, Any], at: str) -> Iterator[Fault]:
    limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
    for field, amounts in (("limits", limits), ("requests", requests)):
        for name, value in amounts.items():
            if amount(value) < 0:
                yield invalid(f"{at}.{field}[{name}]", str(value), _NOT_NEGATIVE)
    for name, value in requests.items():
        if name in limits and amount(value) > amount(limits[name]):
            yield invalid(f"{at}.requests", str(value), f"must be less than or equal to {name} limit of {limits[name]}")

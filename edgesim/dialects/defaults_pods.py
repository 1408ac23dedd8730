"""The defaults of pods: their spec, containers, probes and volumes (`SetDefaults_PodSpec` and what is inside)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

Fields = dict[str, Any]

_PROBES: Final = ("livenessProbe", "readinessProbe", "startupProbe")
_HOOKS: Final = ("postStart", "preStop")
_MODE: Final = 0o644
_WITH_MODE: Final = ("secret", "configMap", "projected", "downwardAPI")


def with_defaults(owner: Fields, **defaults: Any) -> Fields:
    """Return a mapping with fields filled in where it has none (or an empty text, which is none to Kubernetes)."""
    missing = {name: value for name, value in defaults.items() if owner.get(name) is None or owner[name] == ""}
    return owner | missing if missing else owner


def each(owner: Fields, name: str, rule: Callable[[Fields], Fields]) -> Fields:
    """Return a mapping with a rule applied to every mapping in one of its lists."""
    items = owner.get(name)
    if not isinstance(items, list):
        return owner
    return owner | {name: [rule(item) if isinstance(item, dict) else item for item in items]}


def pod_spec(spec: Fields) -> Fields:
    """Return a PodSpec with its defaults."""
    filled = with_defaults(spec, restartPolicy="Always", dnsPolicy="ClusterFirst", schedulerName="default-scheduler")
    filled = with_defaults(filled, terminationGracePeriodSeconds=30, securityContext={})
    if filled.get("serviceAccountName"):
        filled = with_defaults(filled, serviceAccount=filled["serviceAccountName"])  # its deprecated name, kept in step
    for name in ("containers", "initContainers", "ephemeralContainers"):
        filled = each(filled, name, _container)
    return each(filled, "volumes", _volume)


def _container(container: Fields) -> Fields:
    filled = with_defaults(container, imagePullPolicy=_pull_policy(container.get("image")), resources={})
    filled = with_defaults(filled, terminationMessagePath="/dev/termination-log", terminationMessagePolicy="File")
    filled = each(filled, "ports", lambda port: with_defaults(port, protocol="TCP"))
    filled = each(filled, "env", _variable)
    for name in _PROBES:
        if isinstance(filled.get(name), dict):
            filled |= {name: _probe(filled[name])}
    hooks = filled.get("lifecycle")
    return filled | {"lifecycle": _lifecycle(hooks)} if isinstance(hooks, dict) else filled


def _pull_policy(image: Any) -> str:
    """An image of no tag is `latest`, and that is always pulled; a digest never changes."""
    text = image if isinstance(image, str) else ""
    if "@" in text:
        return "Always" if text.partition("@")[0].endswith(":latest") else "IfNotPresent"
    tag = text.rpartition("/")[2].partition(":")[2]
    return "Always" if tag in {"", "latest"} else "IfNotPresent"


def _variable(variable: Fields) -> Fields:
    source = variable.get("valueFrom")
    reference = source.get("fieldRef") if isinstance(source, dict) else None
    if not isinstance(source, dict) or not isinstance(reference, dict):
        return variable
    return variable | {"valueFrom": source | {"fieldRef": with_defaults(reference, apiVersion="v1")}}


def _probe(probe: Fields) -> Fields:
    filled = _http_get(probe)
    for name, value in (("timeoutSeconds", 1), ("periodSeconds", 10), ("successThreshold", 1), ("failureThreshold", 3)):
        if not filled.get(name):  # 0 is none
            filled |= {name: value}
    return filled


def _http_get(owner: Fields) -> Fields:
    action = owner.get("httpGet")
    return owner | {"httpGet": with_defaults(action, path="/", scheme="HTTP")} if isinstance(action, dict) else owner


def _lifecycle(hooks: Fields) -> Fields:
    return hooks | {name: _http_get(hooks[name]) for name in _HOOKS if isinstance(hooks.get(name), dict)}


def _volume(volume: Fields) -> Fields:
    if volume.keys() <= {"name"}:
        return volume | {"emptyDir": {}}
    for name in _WITH_MODE:
        if isinstance(volume.get(name), dict):
            volume |= {name: with_defaults(volume[name], defaultMode=_MODE)}
    if isinstance(volume.get("hostPath"), dict):
        volume |= {"hostPath": {"type": ""} | volume["hostPath"]}
    return volume

"""Pods and their templates (`ValidatePodSpec`, `ValidatePodUpdate`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from edgesim.kube.validation import names
from edgesim.kube.validation.containers import container_faults
from edgesim.kube.validation.faults import Fault, duplicate, forbidden, invalid, not_supported, required
from edgesim.kube.validation.metadata import annotation_faults, label_faults

_DNS: Final = ("ClusterFirst", "ClusterFirstWithHostNet", "Default", "None")
_RESTART: Final = ("Always", "Never", "OnFailure")
_MUTABLE: Final = ("activeDeadlineSeconds", "tolerations", "terminationGracePeriodSeconds", "schedulingGates")
_ASSIGNED: Final = ("nodeName", "serviceAccount", "serviceAccountName", "priority", "preemptionPolicy")
_FEW: Final = (
    "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
    "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)


def pod_faults(manifest: Mapping[str, Any], old: Mapping[str, Any] | None) -> Iterator[Fault]:
    """Iterate over what is wrong with a Pod, or with a change of one."""
    spec = manifest.get("spec") or {}
    yield from pod_spec_faults(spec, "spec")
    if old is not None:
        yield from _changes(spec, old.get("spec") or {})


def template_faults(template: Mapping[str, Any], at: str) -> Iterator[Fault]:
    """Iterate over what is wrong with a pod template."""
    metadata = template.get("metadata") or {}
    yield from label_faults(metadata.get("labels"), f"{at}.labels")
    yield from annotation_faults(metadata.get("annotations"), f"{at}.annotations")
    yield from pod_spec_faults(template.get("spec") or {}, f"{at}.spec")


def pod_spec_faults(spec: Mapping[str, Any], at: str) -> Iterator[Fault]:
    """Iterate over what is wrong with a PodSpec."""
    volumes: set[str] = set()
    yield from _volumes(spec.get("volumes") or (), f"{at}.volumes", volumes)
    yield from _containers(spec, at, volumes)
    restart, dns = spec.get("restartPolicy"), spec.get("dnsPolicy")
    if restart and restart not in _RESTART:
        yield not_supported(f"{at}.restartPolicy", restart, _RESTART)
    if dns and dns not in _DNS:
        yield not_supported(f"{at}.dnsPolicy", dns, _DNS)
    if (spec.get("terminationGracePeriodSeconds") or 0) < 0:
        wrong = spec["terminationGracePeriodSeconds"]
        yield invalid(f"{at}.terminationGracePeriodSeconds", wrong, "must be greater than or equal to 0")
    yield from label_faults(spec.get("nodeSelector"), f"{at}.nodeSelector")
    for field, rule in (
        ("serviceAccountName", names.subdomain),
        ("hostname", names.label),
        ("nodeName", names.subdomain),
    ):
        for said in rule(spec[field]) if spec.get(field) else ():
            yield invalid(f"{at}.{field}", spec[field], said)
    deadline = spec.get("activeDeadlineSeconds")
    if deadline is not None and not 1 <= deadline < 2**31:
        yield invalid(f"{at}.activeDeadlineSeconds", deadline, "must be between 1 and 2147483647, inclusive")


def _containers(spec: Mapping[str, Any], at: str, volumes: set[str]) -> Iterator[Fault]:
    containers = spec.get("containers") or ()
    if not containers:
        yield required(f"{at}.containers")
    seen: set[str] = set()
    for group, members in (("containers", containers), ("initContainers", spec.get("initContainers") or ())):
        for index, container in enumerate(members):
            place = f"{at}.{group}[{index}]"
            yield from container_faults(container or {}, place, volumes)
            name = (container or {}).get("name") or ""
            if name and name in seen:
                yield duplicate(f"{place}.name", name)
            seen.add(name)


def _volumes(volumes: Any, at: str, seen: set[str]) -> Iterator[Fault]:
    for index, volume in enumerate(volumes):
        given = volume or {}
        name = given.get("name") or ""
        yield from _volume_name(name, f"{at}[{index}].name", seen)
        sources = [field for field, value in given.items() if field != "name" and value is not None]
        for field in sources[1:]:
            yield forbidden(f"{at}[{index}].{field}", "may not specify more than 1 volume type")
        yield from _volume_source(given, f"{at}[{index}]")


def _volume_name(name: str, at: str, seen: set[str]) -> Iterator[Fault]:
    wrong = names.label(name) if name else []
    if not name:
        yield required(at)
    for said in wrong:
        yield invalid(at, name, said)
    if name in seen:
        yield duplicate(at, name)
    elif name and not wrong:
        seen.add(name)


def _volume_source(volume: Mapping[str, Any], at: str) -> Iterator[Fault]:
    for source, field in (("secret", "secretName"), ("configMap", "name"), ("persistentVolumeClaim", "claimName")):
        given = volume.get(source)
        if given is not None and not given.get(field):
            yield required(f"{at}.{source}.{field}")
    if volume.get("hostPath") is not None and not volume["hostPath"].get("path"):
        yield required(f"{at}.hostPath.path")


def _changes(spec: Mapping[str, Any], old: Mapping[str, Any]) -> Iterator[Fault]:
    """Of a Pod that is there only a few fields may change."""
    for group in ("containers", "initContainers"):
        if len(spec.get(group) or ()) != len(old.get(group) or ()):
            yield forbidden(f"spec.{group}", "pod updates may not add or remove containers")
            return
    if _fixed(spec, old) != _fixed(old, old):
        yield forbidden("spec", _FEW)


def _fixed(spec: Mapping[str, Any], old: Mapping[str, Any]) -> dict[str, Any]:
    """Return what may not change: without images, and without what the system assigns where it is not given."""
    kept = {name: value for name, value in spec.items() if name not in _MUTABLE}
    for group in ("containers", "initContainers"):
        if kept.get(group):
            kept[group] = [_without_image(each or {}) for each in kept[group]]
    return {name: old[name] for name in _ASSIGNED if name in old} | kept


def _without_image(container: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in container.items() if name not in {"image", "imagePullPolicy"}}

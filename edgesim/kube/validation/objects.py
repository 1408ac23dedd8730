"""Secrets and ConfigMaps (`ValidateSecret`, `ValidateConfigMap` and their updates)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from edgesim.kube.validation import names
from edgesim.kube.validation.faults import Fault, forbidden, invalid, required, too_long

MAX_SIZE: Final = 1024 * 1024
"""Bytes that all values of a Secret or ConfigMap may have together."""
_FIXED: Final = "field is immutable when `immutable` is set"
_NEEDED: Final[dict[str, tuple[str, ...]]] = {
    "kubernetes.io/dockercfg": (".dockercfg",),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
}
_ACCOUNT: Final = "kubernetes.io/service-account.name"


def secret_faults(manifest: Mapping[str, Any], old: Mapping[str, Any] | None) -> Iterator[Fault]:
    """Iterate over what is wrong with a Secret (its `stringData` is in `data` already), or with a change of one."""
    data, kind = manifest.get("data") or {}, manifest.get("type") or "Opaque"
    yield from _keys(data, "data")
    if sum(len(value or "") * 3 // 4 for value in data.values()) > MAX_SIZE:
        yield too_long("data", MAX_SIZE)
    for key in _NEEDED.get(kind, ()):
        if key not in data:
            yield required(f"data[{key}]")
    if kind == "kubernetes.io/basic-auth" and not data.keys() & {"username", "password"}:
        yield required("data[username]")
        yield required("data[password]")
    if kind == "kubernetes.io/service-account-token" and not _annotated(manifest):
        yield required(f"metadata.annotations[{_ACCOUNT}]")
    if old is None:
        return
    if kind != (old.get("type") or "Opaque"):
        yield invalid("type", kind, "field is immutable")
    yield from _kept(manifest, old, "data")


def config_map_faults(manifest: Mapping[str, Any], old: Mapping[str, Any] | None) -> Iterator[Fault]:
    """Iterate over what is wrong with a ConfigMap, or with a change of one."""
    data, binary = manifest.get("data") or {}, manifest.get("binaryData") or {}
    yield from _keys(data, "data")
    for key in data.keys() & binary.keys():
        yield invalid(f"data[{key}]", key, "duplicate of key present in binaryData")
    yield from _keys(binary, "binaryData")
    size = sum(len((value or "").encode()) for value in data.values())
    if size + sum(len(value or "") * 3 // 4 for value in binary.values()) > MAX_SIZE:
        yield too_long("[]", MAX_SIZE)  # as Kubernetes writes the path of the whole object
    if old is not None:
        yield from _kept(manifest, old, "data", "binaryData")


def _keys(data: Mapping[str, Any], at: str) -> Iterator[Fault]:
    for key in data:
        for said in names.config_key(key):
            yield invalid(f"{at}[{key}]", key, said)


def _annotated(manifest: Mapping[str, Any]) -> bool:
    return bool(((manifest.get("metadata") or {}).get("annotations") or {}).get(_ACCOUNT))


def _kept(manifest: Mapping[str, Any], old: Mapping[str, Any], *fields: str) -> Iterator[Fault]:
    """What is immutable stays so, and stays as it is."""
    if not old.get("immutable"):
        return
    if not manifest.get("immutable"):
        yield forbidden("immutable", _FIXED)
    for field in fields:
        if (manifest.get(field) or {}) != (old.get(field) or {}):
            yield forbidden(field, _FIXED)

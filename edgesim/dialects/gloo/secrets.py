"""What Secrets hold: a certificate, its key, an authority (reference section 2.3)."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Any

import msgspec

from edgesim.dialects.schema.kubernetes import Secret


@dataclass(frozen=True, slots=True)
class Material:
    """PEM texts; empty means there is none."""

    chain: str = ""
    key: str = ""
    root_ca: str = ""


class _GlooTls(msgspec.Struct, frozen=True, rename="camel"):
    """Gloo's own form: YAML under the key `tls`, as `glooctl create secret tls` once wrote it."""

    cert_chain: str = ""
    private_key: str = ""
    root_ca: str = ""


def contents(secret: Secret) -> dict[str, bytes]:
    """Return the bytes of a stored Secret by key. Raises ValueError for bad base64."""
    return {key: unpacked(text) for key, text in (secret.data or {}).items()}


def as_stored(manifest: dict[str, Any]) -> dict[str, Any]:
    """Return a sound Secret's manifest as the API server keeps it: `stringData` is written into `data`."""
    strings = manifest.get("stringData", {})
    packed = {key: base64.b64encode(text.encode()).decode() for key, text in strings.items()}
    kept = {name: value for name, value in manifest.items() if name != "stringData"}
    return kept | {"data": manifest.get("data", {}) | packed} if packed else kept


def unpacked(text: str) -> bytes:
    """Decode base64 as the API server does, line breaks allowed. Raises ValueError."""
    try:
        return base64.b64decode(text.replace("\n", "").replace("\r", ""), validate=True)
    except binascii.Error:
        raise ValueError("not base64") from None


def material_of(secret: Secret) -> Material | None:
    """Return what a TLS Secret holds, in Kubernetes' form or Gloo's; None if it is neither."""
    data = contents(secret)
    if "tls.crt" in data or "tls.key" in data or "ca.crt" in data:
        return Material(*(_text(data.get(key, b"")) for key in ("tls.crt", "tls.key", "ca.crt")))
    if "tls" not in data:
        return None
    try:
        read = msgspec.yaml.decode(data["tls"], type=_GlooTls)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return Material(read.cert_chain, read.private_key, read.root_ca)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")  # PEM is ASCII: what is not is refused later

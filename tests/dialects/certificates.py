"""Certificates made on the spot, and the Secrets that hold them."""

from __future__ import annotations

import datetime as dt
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey


@dataclass(frozen=True)
class Pair:
    """A self-signed certificate and its key, in PEM; `locked` is the same key under a password."""

    chain: str
    key: str
    locked: str


@cache
def pair(name: str = "a.example", bits: int = 0) -> Pair:
    """Make a pair: an elliptic key, or an RSA key of `bits`."""
    return pair_of(rsa.generate_private_key(65537, bits) if bits else ec.generate_private_key(ec.SECP256R1()), name)


def pair_of(key: PrivateKey, name: str = "a.example") -> Pair:
    """Certify a key by itself."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(dt.datetime(2026, 1, 1, tzinfo=dt.UTC))
        .not_valid_after(dt.datetime(2126, 1, 1, tzinfo=dt.UTC))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256())
    )
    return Pair(
        certificate.public_bytes(serialization.Encoding.PEM).decode(),
        _pem(key, serialization.NoEncryption()),
        _pem(key, serialization.BestAvailableEncryption(b"secret")),
    )


def _pem(key: PrivateKey, encryption: serialization.KeySerializationEncryption) -> str:
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, encryption).decode()


def secret(name: str, keys: Mapping[str, str] | None = None, *, plain: bool = False) -> str:
    """Write a Secret in base64 or plain text; without keys it holds a good pair."""
    held = {"tls.crt": pair().chain, "tls.key": pair().key} if keys is None else keys
    lines = "".join(
        f"  {key}: {_quoted(text if plain else b64encode(text.encode()).decode())}\n" for key, text in held.items()
    )
    head = f"apiVersion: v1\nkind: Secret\nmetadata: {{name: {name}}}\n"
    return f"{head}{'stringData' if plain else 'data'}:\n{lines}"


def _quoted(text: str) -> str:
    escaped = text.replace("\n", "\\n")
    return f'"{escaped}"'

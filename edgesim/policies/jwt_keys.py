"""Keys that tokens are verified with: a JWKS, a single JWK, or PEM texts (RFC 7517).

A key serves only the algorithms of its own kind, whatever a token says: so a public key never becomes an
HMAC secret, and `none` has no key at all.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jwt.algorithms import Algorithm

# PyJWT and cryptography are large, and loaded where there are keys only: hence the imports inside functions.

INVALID_JSON = "Jwks is an invalid JSON"
NO_KEYS = "Jwks does not have [keys] field"
BAD_KEYS = "[keys] in Jwks is not an array"
NO_VALID_KEYS = "Jwks doesn't have any valid public key"
PEM_ERROR = "Jwks PEM public key parse error"

_RSA = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
_HMAC = ("HS256", "HS384", "HS512")
_CURVES = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}
_JWK_CURVES = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}

ALGORITHMS = frozenset((*_RSA, *_HMAC, *_CURVES.values(), "EdDSA"))
"""What a token may say in `alg`; `none` is not among them."""

_PEM_BLOCK = re.compile(r"-----BEGIN ([A-Z ]+)-----.*?-----END \1-----", re.DOTALL)


@cache
def _built_in() -> dict[str, Algorithm]:
    from jwt.algorithms import get_default_algorithms  # noqa: PLC0415 - as above

    known = get_default_algorithms()
    return {name: known[name] for name in ALGORITHMS}


class KeysError(ValueError):
    """Keys that cannot be used, in Envoy's words."""


@dataclass(frozen=True, slots=True, eq=False)
class Key:
    """One key; `kid` and `algorithm` are empty where the JWKS says nothing, `serves` lists what it can verify."""

    kid: str
    algorithm: str
    serves: tuple[str, ...]
    material: Any


def verifies(key: Key, algorithm: str, signed: bytes, signature: bytes) -> bool:
    """Say whether a signature is this key's, by an algorithm of the key's kind."""
    if algorithm not in key.serves:
        return False
    return bool(_built_in()[algorithm].verify(signed, key.material, signature))


def parse_keys(text: str) -> tuple[Key, ...]:
    """Return the keys of a JWKS, a JWK or PEM text that can be used. Raises KeysError when there are none."""
    if "-----BEGIN" in text:
        return _pem_keys(text)
    try:
        document = json.loads(text)
    except ValueError:
        raise KeysError(INVALID_JSON) from None
    if not isinstance(document, dict):
        raise KeysError(INVALID_JSON)
    listed = [document] if "kty" in document else document.get("keys")
    if listed is None:
        raise KeysError(NO_KEYS)
    if not isinstance(listed, list):
        raise KeysError(BAD_KEYS)
    keys = tuple(key for item in listed if isinstance(item, dict) and (key := _jwk(item)) is not None)
    if not keys:
        raise KeysError(NO_VALID_KEYS)
    return keys


def _jwk(jwk: dict[str, Any]) -> Key | None:
    """Return a key, None for one of another use or kind, or one that is broken: the others still count."""
    from jwt.exceptions import PyJWTError  # noqa: PLC0415 - as above

    serves = _serves(jwk)
    kid, algorithm = jwk.get("kid", ""), jwk.get("alg", "")
    if not serves or jwk.get("use", "sig") != "sig" or not isinstance(kid, str) or not isinstance(algorithm, str):
        return None
    try:
        material = _built_in()[serves[0]].from_jwk(jwk)
    except (PyJWTError, ValueError, TypeError, KeyError, AttributeError):
        return None
    return Key(kid, algorithm, serves, _public(material))


def _serves(jwk: dict[str, Any]) -> tuple[str, ...]:
    kind, curve = jwk.get("kty"), jwk.get("crv")
    if kind == "RSA":
        return _RSA
    if kind == "oct":
        return _HMAC
    if kind == "EC" and isinstance(curve, str) and curve in _JWK_CURVES:
        return (_JWK_CURVES[curve],)
    return ("EdDSA",) if kind == "OKP" and curve == "Ed25519" else ()


def _public(material: Any) -> Any:
    """Return the public half of a key that was given with its private one."""
    halve: Callable[[], Any] | None = getattr(material, "public_key", None)
    return material if halve is None else halve()


def _pem_keys(text: str) -> tuple[Key, ...]:
    keys = [_pem_key(found[0].encode(), found[1]) for found in _PEM_BLOCK.finditer(text)]
    if not keys:
        raise KeysError(PEM_ERROR)
    return tuple(keys)


def jwks_of_pem(text: str) -> str:
    """Return the JWKS of PEM texts, for who takes nothing else. Raises KeysError when there is no key in them."""
    algorithms = _built_in()
    keys = (algorithms[key.serves[0]].to_jwk(key.material, as_dict=True) for key in _pem_keys(text))
    return json.dumps({"keys": [*keys]})


def _pem_key(block: bytes, label: str) -> Key:
    from cryptography import x509  # noqa: PLC0415 - as above
    from cryptography.hazmat.primitives.serialization import load_pem_public_key  # noqa: PLC0415 - as above

    try:
        if label == "CERTIFICATE":
            material: object = x509.load_pem_x509_certificate(block).public_key()
        else:
            material = load_pem_public_key(block)
    except ValueError:
        raise KeysError(PEM_ERROR) from None
    return Key("", "", _pem_serves(material), material)


def _pem_serves(material: object) -> tuple[str, ...]:
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa  # noqa: PLC0415 - as above

    if isinstance(material, rsa.RSAPublicKey):
        return _RSA
    if isinstance(material, ec.EllipticCurvePublicKey) and material.curve.name in _CURVES:
        return (_CURVES[material.curve.name],)
    if isinstance(material, ed25519.Ed25519PublicKey):
        return ("EdDSA",)
    raise KeysError(NO_VALID_KEYS)

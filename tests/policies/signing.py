"""Key pairs and tokens for the tests; keys are made once a run."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from functools import cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

NOW = 1_800_000_000
SECRET = b"secret" * 16

_MAKERS: dict[str, tuple[Any, Any]] = {
    "r": (lambda: rsa.generate_private_key(65537, 2048), RSAAlgorithm),
    "r2": (lambda: rsa.generate_private_key(65537, 2048), RSAAlgorithm),
    "e": (lambda: ec.generate_private_key(ec.SECP256R1()), ECAlgorithm),
    "e3": (lambda: ec.generate_private_key(ec.SECP384R1()), ECAlgorithm),
    "e5": (lambda: ec.generate_private_key(ec.SECP521R1()), ECAlgorithm),
    "d": (ed25519.Ed25519PrivateKey.generate, OKPAlgorithm),
}


@cache
def private(kid: str) -> Any:
    """Return a private key by its id, the secret for `o`."""
    return SECRET if kid == "o" else _MAKERS[kid][0]()


def jwk(kid: str, *, private_too: bool = False, **more: str) -> dict[str, Any]:
    """Return a JWK: the public half unless asked otherwise."""
    if kid == "o":
        return {"kty": "oct", "k": b64(SECRET), "kid": "o", "alg": "HS256", **more}
    key = private(kid) if private_too else private(kid).public_key()
    made: dict[str, Any] = json.loads(_MAKERS[kid][1].to_jwk(key))
    made.pop("key_ops", None)
    return {**made, "kid": kid, **more}


@cache
def jwks() -> str:
    """Return a JWKS of every kind of key but `r2`."""
    keys = [jwk("r"), jwk("e", alg="ES256"), jwk("e3", alg="ES384"), jwk("e5"), jwk("d"), jwk("o")]
    return json.dumps({"keys": keys})


def pem(kid: str) -> str:
    """Return the public half as PEM."""
    text: bytes = private(kid).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return text.decode()


def signed(
    claims: dict[str, Any] | None = None,
    *,
    kid: str = "r",
    algorithm: str = "RS256",
    says: str | None = "",
    header: dict[str, Any] | None = None,
) -> str:
    """Return a signed token of the issuer `iss` that holds until NOW + 600; `...` as a claim leaves it out.

    `says` is the key id in the token: that of the key unless given, none for None.
    """
    held = {"iss": "iss", "sub": "me", "exp": NOW + 600} | (claims or {})
    named = kid if not says and says is not None else says
    headers = {**({} if named is None else {"kid": named}), **(header or {})}
    payload = {name: value for name, value in held.items() if value is not ...}
    return jwt.encode(payload, private(kid), algorithm, headers=headers)


def raw(header: object, payload: object, signature: bytes = b"x") -> str:
    """Return a token of any parts, bytes as they are."""
    parts = [part if isinstance(part, bytes) else json.dumps(part).encode() for part in (header, payload, signature)]
    return ".".join(b64(part) for part in parts)


def b64(text: bytes) -> str:
    """Return Base64url without padding."""
    return urlsafe_b64encode(text).rstrip(b"=").decode()

"""Keys: JWKS, JWK, PEM, and what each may verify."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed448
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from edgesim.policies.jwt_keys import ALGORITHMS, KeysError, jwks_of_pem, parse_keys, verifies
from edgesim.telemetry.sources import today
from tests.policies.signing import jwk, jwks, pem, private, signed


def test_a_jwks_gives_every_usable_key() -> None:
    """Each kind of key serves the algorithms of its kind only."""
    serves = {key.kid: key.serves for key in parse_keys(jwks())}
    assert serves == {
        "r": ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
        "e": ("ES256",),
        "e3": ("ES384",),
        "e5": ("ES512",),
        "d": ("EdDSA",),
        "o": ("HS256", "HS384", "HS512"),
    }


def test_one_jwk_is_a_set_of_one() -> None:
    """A bare key is taken, and a private one only for its public half."""
    (key,) = parse_keys(json.dumps(jwk("e", private_too=True)))
    assert not hasattr(key.material, "private_numbers")


@pytest.mark.parametrize(
    "extra",
    [
        {"kty": "RSA", "n": "!", "e": "AQAB"},
        {"kty": "RSA"},
        {"kty": "EC", "crv": "secp256k1", "x": "", "y": ""},
        {"kty": "EC", "crv": ["P-256"]},
        {"kty": "OKP", "crv": "X25519", "x": ""},
        {"kty": "weird"},
        {},
        {"kty": "oct", "k": 5},
        {"kty": "oct", "k": "AA", "kid": 5},
        {"kty": "oct", "k": "AA", "alg": 5},
        {"kty": "oct", "k": "AA", "use": "enc"},
    ],
)
def test_a_key_that_cannot_be_used_spoils_no_other(extra: dict[str, object]) -> None:
    """Broken, foreign and encryption keys are passed over."""
    keys = parse_keys(json.dumps({"keys": [extra, "no key", jwk("e")]}))
    assert [key.kid for key in keys] == ["e"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "Jwks is an invalid JSON"),
        ("[]", "Jwks is an invalid JSON"),
        ("{}", "Jwks does not have [keys] field"),
        ('{"keys": 5}', "[keys] in Jwks is not an array"),
        ('{"keys": []}', "Jwks doesn't have any valid public key"),
        ("-----BEGIN PUBLIC KEY-----\nzz\n-----END PUBLIC KEY-----", "Jwks PEM public key parse error"),
        ("-----BEGIN PUBLIC KEY-----", "Jwks PEM public key parse error"),
    ],
)
def test_keys_that_are_none_are_refused_in_envoys_words(text: str, message: str) -> None:
    """Each way to have no keys has its text."""
    with pytest.raises(KeysError) as caught:
        parse_keys(text)
    assert str(caught.value) == message


def test_pem_texts_are_keys_too() -> None:
    """Several blocks are several keys."""
    keys = parse_keys(pem("r") + pem("e") + pem("d"))
    assert [key.serves[0] for key in keys] == ["RS256", "ES256", "EdDSA"]


def test_a_certificate_gives_its_key() -> None:
    """The public key of a PEM certificate verifies."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "issuer")])
    now = today()
    builder = x509.CertificateBuilder(name, name, private("e").public_key(), 1, now, now + timedelta(1))
    (key,) = parse_keys(builder.sign(private("e"), SHA256()).public_bytes(Encoding.PEM).decode())
    assert key.serves == ("ES256",)


@pytest.mark.parametrize("key", [ed448.Ed448PrivateKey.generate(), ec.generate_private_key(ec.SECP256K1())])
def test_pem_keys_of_other_kinds_are_refused(key: ed448.Ed448PrivateKey | ec.EllipticCurvePrivateKey) -> None:
    """Curves without an algorithm here are no valid keys."""
    text = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    with pytest.raises(KeysError, match="any valid public key"):
        parse_keys(text)


def test_no_key_verifies_another_kinds_algorithm() -> None:
    """A public key is never taken for an HMAC secret, nor anything for `none`."""
    text = signed()
    for key in parse_keys(jwks()):
        for algorithm in (*ALGORITHMS - set(key.serves), "none"):
            assert not verifies(key, algorithm, text.encode(), b"")


@given(st.text())
def test_no_text_breaks_the_parser(text: str) -> None:
    """Any text is keys or refused in words."""
    try:
        keys = parse_keys(text)
    except KeysError:
        return
    assert keys


@given(st.sampled_from(sorted(ALGORITHMS)), st.binary(), st.binary(max_size=600))
def test_no_signature_breaks_verification(algorithm: str, text: bytes, signature: bytes) -> None:
    """Bytes of any length are simply no signature."""
    assert not any(verifies(key, algorithm, text, signature) for key in parse_keys(jwks()))


def test_pem_texts_as_jwks() -> None:
    """The JWKS of PEM texts holds the same public keys."""
    text = pem("r") + pem("e")
    found = json.loads(jwks_of_pem(text))["keys"]
    assert [each["kty"] for each in found] == ["RSA", "EC"]
    numbers = [key.material.public_numbers() for key in parse_keys(text)]
    assert [key.material.public_numbers() for key in parse_keys(jwks_of_pem(text))] == numbers
    with pytest.raises(KeysError):
        jwks_of_pem("no key")

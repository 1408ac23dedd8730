"""Whether certificates and keys can be used, so that no worker meets one that cannot."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

_LEAST_RSA = 2048
_CURVES = ("secp256r1", "secp384r1", "secp521r1")

# The cryptography package is large, and loaded where TLS is used only: hence the imports inside functions.


@lru_cache(maxsize=1024)
def certificate_fault(chain: str, key: str) -> str:
    """Say what is wrong with a certificate chain and its key, in words that repeat neither; empty if nothing."""
    from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415 - as above
        Encoding,
        PublicFormat,
        load_pem_private_key,
    )

    certificates = _certificates(chain)
    if not certificates:
        return "the certificate chain is no PEM certificate"
    try:
        private = load_pem_private_key(key.encode(), None)
    except TypeError:
        return "the private key is encrypted: Envoy and edgesim need one without a password"
    except Exception:  # noqa: BLE001 - a parser of foreign bytes: whatever it says, the key is no use
        return "the private key is no PEM private key"
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if private.public_key().public_bytes(*form) != certificates[0].public_key().public_bytes(*form):
        return "the private key does not belong to the certificate"
    return _weakness(certificates)


@lru_cache(maxsize=1024)
def authority_fault(root_ca: str) -> str:
    """Say what is wrong with a bundle of certificate authorities; empty if nothing."""
    return "" if _certificates(root_ca) else "the certificate authority is no PEM certificate"


def _certificates(text: str) -> list[Certificate]:
    """Read PEM certificates; none at all if one of them is broken."""
    from cryptography.x509 import load_pem_x509_certificates  # noqa: PLC0415 - as above

    try:
        found = load_pem_x509_certificates(text.encode())
        for certificate in found:
            certificate.public_key()
    except Exception:  # noqa: BLE001 - a parser of foreign bytes: whatever it says, the certificate is no use
        return []
    return found


def _weakness(certificates: list[Certificate]) -> str:
    """Say what Envoy does not take: short RSA keys, and others than RSA and three elliptic curves."""
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey  # noqa: PLC0415 - as above
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey  # noqa: PLC0415 - as above

    own = certificates[0].public_key()
    if isinstance(own, EllipticCurvePublicKey) and own.curve.name not in _CURVES:
        return f"the curve {own.curve.name} is refused: Envoy wants one of {', '.join(_CURVES)}"
    if not isinstance(own, RSAPublicKey | EllipticCurvePublicKey):
        return "the key is neither an RSA nor an elliptic one: Envoy takes no other"
    for certificate in certificates:
        key = certificate.public_key()
        if isinstance(key, RSAPublicKey) and key.key_size < _LEAST_RSA:
            return f"an RSA key of {key.key_size} bits is too short: Envoy wants {_LEAST_RSA} or more"
    return ""

"""An authority of the instance's own, and the certificate of its TLS port.

The library that makes them is imported when the first is made: most instances need none.
"""

from __future__ import annotations

import ssl
import tempfile
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

LOCAL: Final = ("localhost", "127.0.0.1", "::1")
"""The names under which this machine knows itself."""
_VALID: Final = timedelta(days=365)
_EARLIER: Final = timedelta(hours=1)
"""Clocks of clients may be behind."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """The authority's certificate, and the chain and key of a server, in PEM."""

    authority: str
    chain: str
    key: str = field(repr=False)


def make_credentials(hosts: tuple[str, ...], now: datetime) -> Credentials:
    """Make an authority and have it sign a certificate for these names and addresses; both are valid for a year."""
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415 - see above
    from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415 - see above
        Encoding,
        NoEncryption,
        PrivateFormat,
    )

    of_authority, of_server = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    authority = _authority(of_authority, now)
    server = _server(authority, of_authority, of_server, hosts, now)
    pem = [each.public_bytes(Encoding.PEM).decode() for each in (authority, server)]
    key = of_server.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return Credentials(pem[0], pem[1], key)


def _authority(key: EllipticCurvePrivateKey, now: datetime) -> x509.Certificate:
    from cryptography import x509  # noqa: PLC0415 - see above
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415 - see above

    name = _name("edgesim")
    signing = x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=True,
        crl_sign=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
    return (
        _builder(name, name, now)
        .public_key(key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(signing, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, SHA256())
    )


def _server(
    authority: x509.Certificate,
    signer: EllipticCurvePrivateKey,
    key: EllipticCurvePrivateKey,
    hosts: tuple[str, ...],
    now: datetime,
) -> x509.Certificate:
    from cryptography import x509  # noqa: PLC0415 - see above
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415 - see above
    from cryptography.x509.oid import ExtendedKeyUsageOID  # noqa: PLC0415 - see above

    names = x509.SubjectAlternativeName([_alternative(host) for host in dict.fromkeys(hosts)])
    return (
        _builder(_name("kube-apiserver"), authority.subject, now)
        .public_key(key.public_key())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(names, critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        .sign(signer, SHA256())
    )


def _name(common: str) -> x509.Name:
    from cryptography import x509  # noqa: PLC0415 - see above

    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common)])


def _builder(subject: x509.Name, issuer: x509.Name, now: datetime) -> x509.CertificateBuilder:
    from cryptography import x509  # noqa: PLC0415 - see above

    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _EARLIER)
        .not_valid_after(now + _VALID)
    )


def _alternative(host: str) -> x509.GeneralName:
    from cryptography import x509  # noqa: PLC0415 - see above

    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def server_context(credentials: Credentials) -> ssl.SSLContext:
    """Return the TLS context of a server with these credentials."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    with tempfile.TemporaryDirectory(prefix="edgesim-") as folder:  # the ssl module reads only files
        chain, key = Path(folder, "chain.pem"), Path(folder, "key.pem")
        chain.write_text(credentials.chain)
        key.touch(0o600)
        key.write_text(credentials.key)
        context.load_cert_chain(chain, key)
    return context

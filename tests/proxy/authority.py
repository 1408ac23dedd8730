"""Certificate authorities made on the spot, what they issue, and clients and servers that use it."""

from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
import tempfile
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from edgesim.model import Certificate

_BEGIN, _END = dt.datetime(2026, 1, 1, tzinfo=dt.UTC), dt.datetime(2126, 1, 1, tzinfo=dt.UTC)


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _builder(subject: str, issuer: str, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(_named(subject))
        .issuer_name(_named(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(_BEGIN)
        .not_valid_after(_END)
    )


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


@dataclass
class Authority:
    """An authority with a key of its own."""

    name: str
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def __post_init__(self) -> None:
        basic = x509.BasicConstraints(ca=True, path_length=None)
        made = _builder(self.name, self.name, self.key).add_extension(basic, critical=True)
        self.pem = _pem(made.sign(self.key, hashes.SHA256()))

    def issue(self, *names: str) -> Certificate:
        """Return a certificate for DNS names, addresses and URIs, the first of them its common name."""
        key = ec.generate_private_key(ec.SECP256R1())
        alternatives = x509.SubjectAlternativeName([*map(_general, names)])
        made = _builder(names[0][:60], self.name, key).add_extension(alternatives, critical=False)
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return Certificate(_pem(made.sign(self.key, hashes.SHA256())), private.decode())


def _general(name: str) -> x509.GeneralName:
    if "://" in name:
        return x509.UniformResourceIdentifier(name)
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


@cache
def authority(name: str) -> Authority:
    """Return the authority of a name; there is one of each."""
    return Authority(name)


@cache
def issued(*names: str, by: str = "authority") -> Certificate:
    """Return a certificate for names, the same whenever asked."""
    return authority(by).issue(*names)


def load(context: ssl.SSLContext, certificate: Certificate | None) -> None:
    """Let a context show a certificate, if there is one."""
    if certificate is None:
        return
    with tempfile.TemporaryDirectory() as folder:
        chain, key = Path(folder, "chain"), Path(folder, "key")
        chain.write_text(certificate.chain)
        key.write_text(certificate.key)
        context.load_cert_chain(chain, key)


def client_context(
    certificate: Certificate | None = None, alpn: tuple[str, ...] = (), trusts: str = "authority"
) -> ssl.SSLContext:
    """Return a client's context that trusts an authority, but does not look at names."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations(cadata=authority(trusts).pem)
    load(context, certificate)
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context


def server_context(certificate: Certificate, asks_for: str = "") -> ssl.SSLContext:
    """Return a server's context, which asks for certificates of an authority if one is named."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    load(context, certificate)
    if asks_for:
        context.load_verify_locations(cadata=authority(asks_for).pem)
        context.verify_mode = ssl.CERT_REQUIRED
    return context

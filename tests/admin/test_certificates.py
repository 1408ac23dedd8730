"""What is told of certificates."""

from __future__ import annotations

import datetime as dt

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from edgesim.admin.certificates import NONE_EXPIRES, certificates, days_until_first_expires
from edgesim.model import Certificate, DownstreamTls, Model, VirtualHost
from tests.dialects.certificates import pair


def expiring(year: int) -> str:
    """Return a certificate that is good until a year begins."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    begun, ends = dt.datetime(2026, 1, 1, tzinfo=dt.UTC), dt.datetime(year, 1, 1, tzinfo=dt.UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, begun, ends).sign(key, hashes.SHA256())
    return made.public_bytes(Encoding.PEM).decode()


def serving(*chains: str) -> Model:
    """Return a model that serves TLS with some certificates."""
    tls = [DownstreamTls(Certificate(chain, "key")) for chain in chains]
    return Model(
        virtual_hosts=tuple(VirtualHost(f"host-{n}", (f"{n}.example",), (), tls=each) for n, each in enumerate(tls))
    )


def test_the_first_to_expire_counts() -> None:
    """The days are those of whichever certificate expires first; where there is none it is Envoy's largest number."""
    lasts, expires = expiring(2120), expiring(2110)
    days = [int(each["cert_chain"][0]["days_until_expiration"]) for each in certificates(serving(lasts, expires))]
    assert days_until_first_expires(serving(lasts, expires)) == min(days) < max(days)
    assert days_until_first_expires(serving()) == NONE_EXPIRES


def test_a_certificate_is_told_once_and_in_whole_bytes() -> None:
    """Two hosts with the same certificate are one context; a serial number of 1 is `01`, as in Envoy."""
    (found,) = certificates(serving(pair().chain, pair().chain))
    assert found["ca_cert"] == []
    assert found["cert_chain"][0]["serial_number"] == "01"

"""The certificates of a model, as Envoy's `/certs` and its statistics tell of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from edgesim.model import Model
from edgesim.telemetry.sources import today

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

NONE_EXPIRES: Final = 2**32 - 1
"""What Envoy tells of the days where there is no certificate."""
_DAY: Final = 86400
_KEPT: Final = 1000
"""Texts that need not be read again: statistics are asked for every few seconds."""


def certificates(model: Model) -> Iterator[dict[str, Any]]:
    """Yield each TLS context once, with what `/certs` says of its certificates."""
    now = today()
    for root, chain in sorted(_contexts(model)):
        yield {"ca_cert": _described(root, now), "cert_chain": _described(chain, now)}


def days_until_first_expires(model: Model) -> int:
    """Return the whole days until a certificate expires, `NONE_EXPIRES` where there is none."""
    now, read = today(), (each for pair in _contexts(model) for pem in pair for each in _read(pem))
    return min((_days(each, now) for each in read), default=NONE_EXPIRES)


def _contexts(model: Model) -> set[tuple[str, str]]:
    tls = (*(host.tls for host in model.virtual_hosts), *(each.tls for each in model.clusters))
    found = {(each.root_ca, each.certificate.chain if each.certificate else "") for each in tls if each is not None}
    return found - {("", "")}


@lru_cache(maxsize=_KEPT)
def _read(pem: str) -> tuple[Certificate, ...]:
    from cryptography.x509 import load_pem_x509_certificates  # noqa: PLC0415 - large, and wanted here only

    return tuple(load_pem_x509_certificates(pem.encode())) if pem else ()


def _days(certificate: Certificate, now: datetime) -> int:
    return max(0, int((certificate.not_valid_after_utc - now).total_seconds() // _DAY))


def _described(pem: str, now: datetime) -> list[dict[str, Any]]:
    return [
        {
            "path": "<inline>",
            "serial_number": _even(f"{each.serial_number:x}"),
            "subject_alt_names": [*_names(each)],
            "days_until_expiration": str(_days(each, now)),
            "valid_from": each.not_valid_before_utc.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "expiration_time": each.not_valid_after_utc.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        for each in _read(pem)
    ]


def _even(digits: str) -> str:
    """Return hexadecimal digits as whole bytes."""
    return "0" * (len(digits) % 2) + digits


def _names(certificate: Certificate) -> Iterator[dict[str, str]]:
    from cryptography import x509  # noqa: PLC0415 - as above

    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
        return
    yield from ({"dns": name} for name in found.get_values_for_type(x509.DNSName))
    yield from ({"uri": name} for name in found.get_values_for_type(x509.UniformResourceIdentifier))
    yield from ({"ip_address": str(address)} for address in found.get_values_for_type(x509.IPAddress))

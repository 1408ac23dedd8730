"""TLS contexts: towards clients, chosen by server name, and towards endpoints.

A connection's context is chosen by its ClientHello before the handshake begins (`handshakes`), from the
snapshot of that moment: so certificates change with the configuration and connections stay. Contexts are
made once per setting, so that a reload does not end the sessions clients may resume.
"""

from __future__ import annotations

import ssl
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from edgesim.model import Certificate, DownstreamTls, UpstreamTls
from edgesim.routing import Hosts

_VERSIONS = {
    "TLSv1_0": ssl.TLSVersion.TLSv1,
    "TLSv1_1": ssl.TLSVersion.TLSv1_1,
    "TLSv1_2": ssl.TLSVersion.TLSv1_2,
    "TLSv1_3": ssl.TLSVersion.TLSv1_3,
}
_OLD = frozenset(("TLSv1_0", "TLSv1_1"))
_MOST_CONTEXTS = 1024


@dataclass(frozen=True, slots=True, eq=False)
class ServerTls:
    """A context towards clients, and names of which a client's certificate must carry one."""

    context: ssl.SSLContext
    verify_names: tuple[str, ...]


Contexts = Hosts[ServerTls]


def contexts(configured: Iterable[DownstreamTls]) -> Contexts:
    """Return the contexts by server name; of a name given twice the first stays.

    Raises ValueError for a certificate, key or authority that OpenSSL refuses.
    """
    return Hosts((name, downstream_context(tls)) for tls in configured for name in tls.sni or ("*",))


@lru_cache(maxsize=_MOST_CONTEXTS)
def downstream_context(tls: DownstreamTls) -> ServerTls:
    """Return the context for one certificate. Raises ValueError as `contexts`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _load(context, tls.certificate)
    if tls.alpn:
        context.set_alpn_protocols(list(tls.alpn))
    _limit(context, tls.minimum_version, tls.maximum_version)
    if not tls.root_ca or tls.one_way:
        return ServerTls(context, ())
    _trust(context, tls.root_ca)
    return ServerTls(context, tls.verify_names)


@lru_cache(maxsize=_MOST_CONTEXTS)
def upstream_context(tls: UpstreamTls) -> ssl.SSLContext:
    """Return the context towards endpoints; without an authority nothing is verified. Raises as `contexts`.

    Without a limit the newest version is TLS 1.2, Envoy's default for clients: an endpoint that speaks
    only TLS 1.3 is not reached here either.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if tls.root_ca:
        _trust(context, tls.root_ca)
    if tls.certificate is not None:
        _load(context, tls.certificate)
    if tls.alpn:
        context.set_alpn_protocols(list(tls.alpn))
    _limit(context, tls.minimum_version, tls.maximum_version or "TLSv1_2")
    return context


def _limit(context: ssl.SSLContext, least: str, most: str) -> None:
    """Limit the versions; OpenSSL speaks those before TLS 1.2 only where its own demands are lowered."""
    if least in _OLD or most in _OLD:
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
    if least in _VERSIONS:
        context.minimum_version = _VERSIONS[least]
    if most in _VERSIONS:
        context.maximum_version = _VERSIONS[most]


def _load(context: ssl.SSLContext, certificate: Certificate) -> None:
    """The ssl module reads only files, so the key is one for a moment, readable by nobody else."""
    try:
        with tempfile.TemporaryDirectory(prefix="edgesim-") as folder:
            chain, key = Path(folder, "chain.pem"), Path(folder, "key.pem")
            chain.write_text(certificate.chain)
            key.touch(0o600)
            key.write_text(certificate.key)
            context.load_cert_chain(chain, key, password="")  # asks nobody for one
    except OSError as refused:  # OpenSSL's are among them
        message = f"the certificate cannot be used: {_reason(refused)}"
        raise ValueError(message) from None


def _trust(context: ssl.SSLContext, authority: str) -> None:
    """Ask for certificates of an authority; an intermediate one will do, as in Envoy."""
    try:
        context.load_verify_locations(cadata=authority)
    except (ssl.SSLError, TypeError) as refused:
        message = f"the certificate authority cannot be used: {_reason(refused)}"
        raise ValueError(message) from None
    context.verify_mode = ssl.CERT_REQUIRED
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN


def _reason(refused: Exception) -> str:
    return getattr(refused, "reason", None) or getattr(refused, "strerror", None) or str(refused)


# -- failures, as Envoy's access log says them ----------------------------------------------------------

_BORING_CODES = {"CERTIFICATE_VERIFY_FAILED": 125, "WRONG_VERSION_NUMBER": 247, "UNSUPPORTED_PROTOCOL": 240}
_ALERTS = {
    f"{era}_{alert.name.replace('ALERT_DESCRIPTION', 'ALERT')}": 1000 + alert
    for era in ("SSLV3", "TLSV1")
    for alert in ssl.AlertDescription
}
_LIBRARY = 16 << 24
"""BoringSSL's number of its own library in an error code."""


def failure_text(failed: Exception) -> bytes:
    """Return `%UPSTREAM_TRANSPORT_FAILURE_REASON%` for a connection that could not be made."""
    text = _tls_error(failed) if isinstance(failed, ssl.SSLError) else f"delayed connect error: {_reason(failed)}"
    return text.replace(" ", "_").encode()


def _tls_error(failed: ssl.SSLError) -> str:
    reason, more = getattr(failed, "reason", None) or "", ""
    if isinstance(failed, ssl.SSLCertVerificationError):
        reason = "CERTIFICATE_VERIFY_FAILED"
        more = f":verify cert failed: {getattr(failed, 'verify_message', failed.strerror)}"
    code = _BORING_CODES.get(reason) or _ALERTS.get(reason, 0)
    return f"TLS_error:|{_LIBRARY + code}:SSL routines:OPENSSL_internal:{reason}{more}:TLS_error_end"


# -- names in certificates -----------------------------------------------------------------------------


def names_hold(certificate: dict[str, Any] | None, wanted: Iterable[str]) -> bool:
    """Tell whether a verified peer certificate carries one of the wanted names; wanting none always holds.

    A DNS name in a certificate may have one `*` in its first label (Envoy's `Utility::dnsNameMatch`).
    """
    names = tuple(wanted)
    carried: Iterable[tuple[str, str]] = (certificate or {}).get("subjectAltName", ())
    return not names or any(_is_named(kind, value, name) for kind, value in carried for name in names)


def _is_named(kind: str, value: str, name: str) -> bool:
    return _is_dns_name(value.lower(), name.lower()) if kind == "DNS" else value == name


def _is_dns_name(pattern: str, name: str) -> bool:
    if pattern == name:
        return True
    label, _, parent = pattern.partition(".")
    own, _, own_parent = name.partition(".")
    if label.count("*") != 1 or label.startswith("xn--") or not parent or "*" in parent or parent != own_parent:
        return False
    before, _, after = label.partition("*")
    return len(own) >= len(before) + len(after) and own.startswith(before) and own.endswith(after)

"""TLS contexts: of the listener, chosen by server name, and towards endpoints.

The listener's socket has one context for good; its server-name callback swaps in the context of the
snapshot of that moment, so certificates change with the configuration and connections stay.
"""

from __future__ import annotations

import ssl
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from edgesim.model import Certificate, DownstreamTls, UpstreamTls
from edgesim.routing import Hosts, find_host

_VERSIONS = {
    "TLSv1_0": ssl.TLSVersion.TLSv1,
    "TLSv1_1": ssl.TLSVersion.TLSv1_1,
    "TLSv1_2": ssl.TLSVersion.TLSv1_2,
    "TLSv1_3": ssl.TLSVersion.TLSv1_3,
}
Contexts = Hosts[ssl.SSLContext]


def listener_context(current: Callable[[], Contexts]) -> ssl.SSLContext:
    """Return the context of a listening socket, which asks `current` for the one of each connection."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_alpn_protocols(["http/1.1"])

    def choose(connection: ssl.SSLObject, name: str | None, _context: ssl.SSLContext) -> int | None:
        chosen = find_host(current(), (name or "").encode())
        if chosen is None:
            return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
        connection.context = chosen
        return None

    context.sni_callback = choose
    return context


def contexts(configured: Iterable[DownstreamTls]) -> Contexts:
    """Return the contexts by server name; of a name given twice the first stays.

    Raises ValueError for a certificate, key or authority that OpenSSL refuses.
    """
    made: dict[DownstreamTls, ssl.SSLContext] = {}
    pairs = []
    for tls in configured:
        context = made.get(tls) or made.setdefault(tls, downstream_context(tls))
        pairs += [(name, context) for name in tls.sni or ("*",)]
    return Hosts(pairs)


def downstream_context(tls: DownstreamTls) -> ssl.SSLContext:
    """Return the context for one certificate. Raises ValueError as `contexts`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _load(context, tls.certificate)
    context.set_alpn_protocols([name for name in tls.alpn if name == "http/1.1"] or ["http/1.1"])
    if tls.root_ca and not tls.one_way:
        _trust(context, tls.root_ca)
        context.verify_mode = ssl.CERT_REQUIRED
    if tls.minimum_version in _VERSIONS:
        context.minimum_version = _VERSIONS[tls.minimum_version]
    if tls.maximum_version in _VERSIONS:
        context.maximum_version = _VERSIONS[tls.maximum_version]
    return context


def upstream_context(tls: UpstreamTls) -> ssl.SSLContext:
    """Return the context towards endpoints; without an authority nothing is verified. Raises as `contexts`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if tls.root_ca:
        _trust(context, tls.root_ca)
        context.verify_mode = ssl.CERT_REQUIRED
    if tls.certificate is not None:
        _load(context, tls.certificate)
    context.set_alpn_protocols(["http/1.1"])
    return context


def names_hold(transport_certificate: dict[str, object] | None, wanted: Iterable[str]) -> bool:
    """Tell whether a verified peer certificate carries one of the wanted names; wanting none always holds."""
    names = set(wanted)
    if not names:
        return True
    carried = (transport_certificate or {}).get("subjectAltName", ())
    return any(value in names for _, value in carried)  # type: ignore[attr-defined]  # pairs, says the ssl module


def _load(context: ssl.SSLContext, certificate: Certificate) -> None:
    """The ssl module reads only files, so the key is one for a moment, readable by nobody else."""
    with tempfile.TemporaryDirectory(prefix="edgesim-") as folder:
        chain, key = Path(folder, "chain.pem"), Path(folder, "key.pem")
        chain.write_text(certificate.chain)
        key.touch(0o600)
        key.write_text(certificate.key)
        try:
            context.load_cert_chain(chain, key)
        except ssl.SSLError as refused:
            message = f"the certificate cannot be used: {refused.reason or refused}"
            raise ValueError(message) from None


def _trust(context: ssl.SSLContext, authority: str) -> None:
    try:
        context.load_verify_locations(cadata=authority)
    except ssl.SSLError as refused:
        message = f"the certificate authority cannot be used: {refused.reason or refused}"
        raise ValueError(message) from None

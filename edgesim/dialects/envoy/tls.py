"""TLS contexts as Envoy's transport sockets, their certificates inline or as secrets."""

from __future__ import annotations

from hashlib import sha256

from edgesim.dialects.envoy.form import Form, Json, Kind, Part, listed, typed, used
from edgesim.model import Certificate, DownstreamTls, UpstreamTls

_SOCKET = "envoy.transport_sockets.tls"
_SANS = ("DNS", "URI", "IP_ADDRESS", "EMAIL")


def downstream_socket(tls: DownstreamTls, form: Form) -> Json:
    """Return the socket of a filter chain; clients are asked for a certificate where there is an authority."""
    asks = bool(tls.root_ca) and not tls.one_way
    common = _common(tls, tls.certificate, tls.root_ca if asks else "", form)
    more = used(require_client_certificate=asks)
    config = typed("transport_sockets.tls.v3.DownstreamTlsContext", common_tls_context=common, **more)
    return {"name": _SOCKET, "typed_config": config}


def upstream_socket(tls: UpstreamTls, form: Form, sni: str = "") -> Json:
    """Return the socket towards endpoints; `sni` is an endpoint's own server name, which goes before the cluster's."""
    common = _common(tls, tls.certificate, tls.root_ca, form)
    name = used(sni=sni or tls.sni)
    config = typed("transport_sockets.tls.v3.UpstreamTlsContext", common_tls_context=common, **name)
    return {"name": _SOCKET, "typed_config": config}


def _common(tls: DownstreamTls | UpstreamTls, certificate: Certificate | None, authority: str, form: Form) -> Json:
    versions = used(tls_minimum_protocol_version=tls.minimum_version, tls_maximum_protocol_version=tls.maximum_version)
    return {
        **_certificate(certificate, form),
        **_validation(authority, tls.verify_names),
        **used(alpn_protocols=listed(tls.alpn), tls_params=versions),
    }


def _certificate(certificate: Certificate | None, form: Form) -> Json:
    if certificate is None:
        return {}
    if form.source is None:
        return {"tls_certificates": [tls_certificate(certificate)]}
    name = secret_name(certificate)
    secret = {"name": name, "sds_config": form.source(Kind.SECRET, name)}
    return {"tls_certificate_sds_secret_configs": [secret]}


def _validation(authority: str, names: tuple[str, ...]) -> Json:
    """Return what peers must show: a certificate of the authority, with one of the names of any kind."""
    if not authority:
        return {}
    matchers = [{"san_type": kind, "matcher": {"exact": name}} for name in names for kind in _SANS]
    return {"validation_context": {"trusted_ca": _inline(authority), **used(match_typed_subject_alt_names=matchers)}}


def tls_certificate(certificate: Certificate) -> Json:
    """Return a TlsCertificate with chain and key inline."""
    return {"certificate_chain": _inline(certificate.chain), "private_key": _inline(certificate.key)}


def _inline(text: str) -> Json:
    return {"inline_string": text}


def secret_name(certificate: Certificate) -> str:
    """Return the name of a certificate's secret: the same for the same certificate."""
    content = f"{certificate.chain}\0{certificate.key}".encode()
    return f"certificate-{sha256(content).hexdigest()[:16]}"


def secret(certificate: Certificate) -> Part:
    """Return a certificate as a Secret."""
    return Part({"name": secret_name(certificate), "tls_certificate": tls_certificate(certificate)})

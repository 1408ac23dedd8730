"""TLS towards clients and endpoints (reference sections 2.3 and 7.5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast

from edgesim.dialects.gloo.guesses import dotted
from edgesim.dialects.gloo.scope import Reporter, guess
from edgesim.dialects.gloo.secrets import Material, material_of
from edgesim.dialects.resource import FieldPath
from edgesim.dialects.schema import tls as schema
from edgesim.dialects.schema.kubernetes import Secret
from edgesim.model import Certificate, DownstreamTls, UpstreamTls

_VERSIONS = ("", "TLSv1_0", "TLSv1_1", "TLSv1_2", "TLSv1_3")
_ALPN = ("http/1.1",)

_Config = schema.SslConfig | schema.UpstreamSslConfig


def downstream_tls(given: schema.SslConfig, path: FieldPath, reporter: Reporter) -> DownstreamTls | None:
    """Read TLS towards clients; None if it cannot be served, which is reported."""
    before = reporter.errors
    material = _material(given, path, reporter)
    if material is None:
        return None
    if not material.chain or not material.key:
        reporter.report(
            "ES0505", path, "no certificate information found", "it needs a certificate and its private key"
        )
        return None
    certificate = _certificate(material, path, reporter)
    one_way = reporter.scope.one_way_tls if given.one_way_tls is None else given.one_way_tls
    least, most = _versions(given.parameters, (*path, "parameters"), reporter)
    root_ca = _authority(given, material, path, reporter)
    alpn = _alpn(given.alpn_protocols, (*path, "alpnProtocols"), reporter)
    if certificate is None or reporter.errors > before:
        return None
    return DownstreamTls(
        certificate=certificate,
        sni=tuple(dict.fromkeys(name.lower() for name in given.sni_domains)),
        root_ca=root_ca,
        one_way=one_way,
        alpn=alpn,
        minimum_version=least,
        maximum_version=most,
        verify_names=given.verify_subject_alt_name,
    )


def upstream_tls(given: schema.UpstreamSslConfig, path: FieldPath, reporter: Reporter) -> UpstreamTls | None:
    """Read TLS towards endpoints; None if it cannot be, which is reported."""
    empty = given.secret_ref is None and given.ssl_files is None and given.sds is None
    material = Material() if empty else _material(given, path, reporter)
    if material is None:
        return None
    if bool(material.chain) is not bool(material.key):
        reporter.report("ES0505", path, "both or none of cert chain and private key must be provided")
        return None
    least, most = _versions(given.parameters or reporter.scope.upstream_parameters, (*path, "parameters"), reporter)
    root_ca = _authority(given, material, path, reporter)
    return UpstreamTls(
        sni=given.sni,
        root_ca="" if given.one_way_tls else root_ca,
        certificate=_certificate(material, path, reporter) if material.chain else None,
        verify_names=given.verify_subject_alt_name,
        minimum_version=least,
        maximum_version=most,
    )


def _material(given: _Config, path: FieldPath, reporter: Reporter) -> Material | None:
    if given.secret_ref is not None:
        name = (given.secret_ref.namespace, given.secret_ref.name)
        return _from_secret(name, (*path, "secretRef"), reporter)
    if given.ssl_files is not None:
        return _from_files(given.ssl_files, (*path, "sslFiles"), reporter)
    if given.sds is not None:
        text = "certificates by SDS are not simulated: give a `secretRef` or `sslFiles`"
        reporter.report("ES0506", (*path, "sds"), text)
        return None
    return Material()


def _from_secret(name: tuple[str, str], path: FieldPath, reporter: Reporter) -> Material | None:
    """Read a Secret; the namespace is not defaulted."""
    scope = reporter.scope
    resource = scope.secrets.get(name)
    if resource is None:
        code = "ES0500" if scope.warn_missing_secret else "ES0501"
        text = f"SSL secret not found: list did not find secret {dotted(name)}"
        reporter.report(code, path, text, guess(name, scope.secrets))
        return None
    material = material_of(cast(Secret, resource.typed))
    if material is None:
        hint = "it has neither the keys `tls.crt` and `tls.key` nor Gloo's `tls`"
        reporter.report("ES0502", path, f"{dotted(name)} is not a TLS secret", hint)
    return material


def _from_files(given: schema.SslFiles, path: FieldPath, reporter: Reporter) -> Material | None:
    texts = [
        _file(file, (*path, field), reporter)
        for file, field in ((given.tls_cert, "tlsCert"), (given.tls_key, "tlsKey"), (given.root_ca, "rootCa"))
    ]
    chain, key, root_ca = texts
    return None if chain is None or key is None or root_ca is None else Material(chain, key, root_ca)


def _file(file: str, path: FieldPath, reporter: Reporter) -> str | None:
    if not file:
        return ""
    try:
        return reporter.scope.read_file(file).decode("utf-8", "replace")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        reporter.report("ES0504", path, f"{file} cannot be read: {reason}")
        return None


def _certificate(material: Material, path: FieldPath, reporter: Reporter) -> Certificate | None:
    fault = reporter.scope.fault_of("certificate", material.chain, material.key)
    if fault:
        reporter.report("ES0503", path, fault)
        return None
    return Certificate(material.chain, material.key)


def _authority(given: _Config, material: Material, path: FieldPath, reporter: Reporter) -> str:
    fault = reporter.scope.fault_of("authority", material.root_ca) if material.root_ca else ""
    if fault:
        reporter.report("ES0503", path, fault)
    if given.verify_subject_alt_name and not material.root_ca:
        text = "a root_ca must be provided if verify_subject_alt_name is not empty"
        reporter.report("ES0505", (*path, "verifySubjectAltName"), text)
    return material.root_ca


def _versions(given: schema.SslParameters | None, path: FieldPath, reporter: Reporter) -> tuple[str, str]:
    if given is None:
        return "", ""
    least, most = (_version(each) for each in (given.minimum_protocol_version, given.maximum_protocol_version))
    if least and most and least > most:
        text = f"minimumProtocolVersion {least} is newer than maximumProtocolVersion {most}"
        reporter.report("ES0507", (*path, "minimumProtocolVersion"), text)
    return least, most


def _version(given: str | int) -> str:
    return _VERSIONS[given] if isinstance(given, int) else given.removeprefix("TLS_AUTO")


def _alpn(given: Sequence[str], path: FieldPath, reporter: Reporter) -> tuple[str, ...]:
    """Offer what edgesim speaks of what was asked for; `allow_empty` alone offers nothing."""
    if not given:
        return _ALPN
    if list(given) == ["allow_empty"]:
        return ()
    if "http/1.1" not in given:
        text = f"edgesim speaks HTTP/1.1 only, and offers none of {', '.join(given)}"
        reporter.report("ES0604", path, text, "add `http/1.1`")
    return tuple(name for name in given if name == "http/1.1")


@dataclass(frozen=True, slots=True)
class TlsHost:
    """A virtual host's TLS, and who asks for it."""

    tls: DownstreamTls
    reporter: Reporter


def check_server_names(hosts: Sequence[TlsHost]) -> None:
    """Report each server name that leads to two different TLS contexts.

    Contexts that differ in their names only are one; without names it matches any server.
    """
    first: dict[str, TlsHost] = {}
    for host in hosts:
        for name in host.tls.sni or ("",):
            other = first.setdefault(name, host)
            if replace(other.tls, sni=()) != replace(host.tls, sni=()):
                of = other.reporter.resource
                what = f"the server name {name}" if name else "any server name"
                text = f"{what} has another TLS configuration already, in VirtualService {of.namespace}.{of.name}"
                host.reporter.report("ES0508", ("spec", "sslConfig"), text, "tell them apart by `sniDomains`")
                break

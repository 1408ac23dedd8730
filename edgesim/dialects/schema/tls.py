"""TLS in Gloo's shape: ssl.proto (reference sections 2.3 and 7.5)."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from edgesim.dialects.schema.common import NOT_SIMULATED, NotServed, NotSimulated, OneOf, Ref, Strict

ProtocolVersion = Literal["TLS_AUTO", "TLSv1_0", "TLSv1_1", "TLSv1_2", "TLSv1_3", 0, 1, 2, 3, 4]


class SslFiles(Strict, frozen=True):
    """Certificates from files."""

    tls_cert: str = ""
    tls_key: str = ""
    root_ca: str = ""
    ocsp_staple: Annotated[str, NOT_SIMULATED] = ""


class SslParameters(Strict, frozen=True):
    """TLS versions, ciphers and curves."""

    minimum_protocol_version: ProtocolVersion = "TLS_AUTO"
    maximum_protocol_version: ProtocolVersion = "TLS_AUTO"
    cipher_suites: Annotated[tuple[str, ...], NOT_SIMULATED] = ()
    ecdh_curves: Annotated[tuple[str, ...], NOT_SIMULATED] = ()


class SslConfig(Strict, frozen=True):
    """TLS towards clients (section 2.3)."""

    ONE_OF: ClassVar[OneOf] = (("secretRef", "sslFiles", "sds"),)

    secret_ref: Ref | None = None
    ssl_files: SslFiles | None = None
    sds: NotServed = None
    sni_domains: tuple[str, ...] = ()
    verify_subject_alt_name: tuple[str, ...] = ()
    parameters: SslParameters | None = None
    alpn_protocols: tuple[str, ...] = ()
    one_way_tls: bool | None = None
    disable_tls_session_resumption: NotSimulated = None
    transport_socket_connect_timeout: NotSimulated = None
    ocsp_staple_policy: NotSimulated = None


class UpstreamSslConfig(Strict, frozen=True):
    """TLS towards an upstream (section 7.5)."""

    ONE_OF: ClassVar[OneOf] = (("secretRef", "sslFiles", "sds"),)

    secret_ref: Ref | None = None
    ssl_files: SslFiles | None = None
    sds: NotServed = None
    sni: str = ""
    verify_subject_alt_name: tuple[str, ...] = ()
    parameters: SslParameters | None = None
    alpn_protocols: Annotated[tuple[str, ...], NOT_SIMULATED] = ()
    allow_renegotiation: NotSimulated = None
    one_way_tls: bool | None = None

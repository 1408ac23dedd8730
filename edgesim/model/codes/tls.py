"""ES0500 to ES0519: TLS and the certificates it needs."""

from __future__ import annotations

from textwrap import indent

from edgesim.model.codes.code import Code, documents, error, settings, upstream, warning

_CA = """\
-----BEGIN CERTIFICATE-----
MIIBODCB3qADAgECAgEBMAoGCCqGSM49BAMCMBoxGDAWBgNVBAMMD2VkZ2VzaW0g
ZXhhbXBsZTAgFw0yNjAxMDEwMDAwMDBaGA8yMTI2MDEwMTAwMDAwMFowGjEYMBYG
A1UEAwwPZWRnZXNpbSBleGFtcGxlMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE
VdJspsk7814QGXcMqh1LHKp2A5axJgCZod5Z8GskVgqaTzeYG0HgfJQYWkPNS4sq
XYbcCsrDjwITQ5C4ynSC9KMTMBEwDwYDVR0TAQH/BAUwAwEB/zAKBggqhkjOPQQD
AgNJADBGAiEAoS6+F2MEFP++OKXB8IjlLm/28TvihD46Lrm93JBQqo8CIQCl+pmG
byXhdJQ44U+uQXOB2UGHBItIhUjFYy594XASUg==
-----END CERTIFICATE-----
"""
"""A certificate authority whose key nobody has kept."""


def _secret(key: str = "ca.crt", text: str = _CA) -> str:
    head = "apiVersion: v1\nkind: Secret\nmetadata: {name: example-ca}\nstringData:\n"
    return f"{head}  {key}: |\n{indent(text, '    ')}"


def _tls(config: str) -> str:
    static = "static: {hosts: [{addr: 127.0.0.1, port: 5678}]}\n"
    return upstream(f"{static}sslConfig: {{{config}}}\n")


_REF = "secretRef: {name: example-ca, namespace: default}"
_GOOD = documents(_tls(_REF), _secret())

_STRICT = settings("gateway: {validation: {warnMissingTlsSecret: false}}")

TLS: tuple[Code, ...] = (
    warning(
        "ES0500",
        "A TLS secret that is not there",
        "What asks for the Secret cannot be served: requests for it are not sent or taken in the clear instead. "
        "The namespace of a `secretRef` is not defaulted.",
        documents(_tls("secretRef: {name: example-ca}"), _secret()),
        _GOOD,
    ),
    error(
        "ES0501",
        "A TLS secret that is not there, where Settings forbid it",
        "With `gateway.validation.warnMissingTlsSecret: false` in Settings a missing TLS secret is an error; by "
        "default it is a warning (ES0500).",
        documents(_tls("secretRef: {name: example-ca}"), _secret(), _STRICT),
        documents(_GOOD, _STRICT),
    ),
    error(
        "ES0502",
        "A Secret that holds no certificate",
        "A TLS Secret has the keys `tls.crt` and `tls.key`, and perhaps `ca.crt`; or Gloo's own `tls`.",
        documents(_tls(_REF), _secret("certificate")),
        _GOOD,
    ),
    error(
        "ES0503",
        "A certificate that cannot be used",
        "Certificates and keys are PEM; the key belongs to the (first) certificate, has no password, and an RSA key "
        "has 2048 bits or more. Of elliptic curves Envoy takes P-256, P-384 and P-521.",
        documents(_tls(_REF), _secret(text=_CA.replace("CERTIFICATE", "SERTIFICATE"))),
        _GOOD,
    ),
    error(
        "ES0504",
        "A certificate file that cannot be read",
        "`sslFiles` names files of the machine edgesim runs on; a relative path begins where edgesim was started. "
        "They are read again with each change of the configuration.",
        _tls("sslFiles: {rootCa: /no/such/file.pem}"),
        _GOOD,
    ),
    error(
        "ES0505",
        "TLS without the certificates it needs",
        "Towards clients a certificate and its key are needed; names are verified (`verifySubjectAltName`) only "
        "together with an authority.",
        _tls("sni: example.com, verifySubjectAltName: [example.com]"),
        documents(_tls(f"{_REF}, sni: example.com, verifySubjectAltName: [example.com]"), _secret()),
    ),
    warning(
        "ES0506",
        "Certificates by SDS",
        "edgesim fetches no certificates from a secret discovery service. What asks for them is not served.",
        _tls("sds: {validationContextName: ca}"),
        _GOOD,
    ),
    error(
        "ES0507",
        "TLS versions the wrong way round",
        "`minimumProtocolVersion` is not newer than `maximumProtocolVersion`.",
        _tls("parameters: {minimumProtocolVersion: TLSv1_3, maximumProtocolVersion: TLSv1_2}"),
        _tls("parameters: {minimumProtocolVersion: TLSv1_2, maximumProtocolVersion: TLSv1_3}"),
    ),
    error(
        "ES0508",
        "One server name with two TLS configurations",
        "Virtual services that share a server name in `sniDomains` (or name none) agree in everything else of their "
        "`sslConfig`: the certificate is chosen by that name, before the first request is read.",
        "$ grep -h -A2 sslConfig: a.yaml b.yaml\n  sslConfig:\n    secretRef: {name: cert-a, namespace: default}\n"
        "--\n  sslConfig:\n    secretRef: {name: cert-b, namespace: default}\n$ edgesim check a.yaml b.yaml\n",
        "$ grep -h -A2 sslConfig: a.yaml b.yaml\n  sslConfig:\n    sniDomains: [a.example]\n"
        "    secretRef: {name: cert-a, namespace: default}\n--\n  sslConfig:\n    sniDomains: [b.example]\n"
        "    secretRef: {name: cert-b, namespace: default}\n",
        console=True,
    ),
)

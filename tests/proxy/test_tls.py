"""What becomes of certificates and failures of TLS, without a socket."""

from __future__ import annotations

import ssl

import pytest

from edgesim.model import (
    Certificate,
    DownstreamTls,
    UpstreamTls,
)
from edgesim.proxy.tls import downstream_context, failure_text, names_hold, upstream_context
from tests.proxy.authority import issued


def test_failures_are_worded_as_in_envoys_log() -> None:
    """The reason of a failed handshake carries BoringSSL's number and name, as Envoy 1.40 logs it."""
    alert = ssl.SSLError(1, "[SSL: SSLV3_ALERT_HANDSHAKE_FAILURE] x")
    alert.reason = "SSLV3_ALERT_HANDSHAKE_FAILURE"
    text = b"TLS_error:|268436496:SSL_routines:OPENSSL_internal:SSLV3_ALERT_HANDSHAKE_FAILURE:TLS_error_end"
    assert failure_text(alert) == text
    named = failure_text(ssl.SSLCertVerificationError(1, "SAN matcher"))
    assert named.startswith(b"TLS_error:|268435581:SSL_routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED:verify_cert")
    assert (
        failure_text(ConnectionRefusedError(111, "Connection refused")) == b"delayed_connect_error:_Connection_refused"
    )


@pytest.mark.parametrize(
    "tls",
    [
        DownstreamTls(Certificate("no certificate", "no key")),
        DownstreamTls(Certificate(issued("a").chain, issued("b").key)),
        DownstreamTls(issued("a"), root_ca="none"),
        DownstreamTls(issued("a"), root_ca="nön"),
    ],
)
def test_what_openssl_refuses_is_a_value_error(tls: DownstreamTls) -> None:
    """A certificate, key or authority that cannot be used is an error that a worker survives, and repeats no key."""
    with pytest.raises(ValueError, match="cannot be used") as refusal:
        downstream_context(tls)
    assert "PRIVATE" not in str(refusal.value)


def test_a_key_with_a_password_is_refused_at_once() -> None:
    """Nobody is asked for a password on a terminal."""
    from tests.dialects.certificates import pair  # noqa: PLC0415  # only here

    with pytest.raises(ValueError, match="cannot be used"):
        downstream_context(DownstreamTls(Certificate(pair().chain, pair().locked)))
    with pytest.raises(ValueError, match="cannot be used"):
        upstream_context(UpstreamTls(certificate=Certificate(pair().chain, pair().locked)))


@pytest.mark.parametrize(
    ("pattern", "name", "holds"),
    [
        ("a.example", "A.Example", True),
        ("*.example", "a.example", True),
        ("*.example", "b.a.example", False),
        ("*.example", "example", False),
        ("w*w.example", "www.example", True),
        ("w*w.example", "w.example", False),
        ("xn--*.example", "xn--a.example", False),
        ("*", "example", False),
        ("a.*.example", "a.b.example", False),
    ],
)
def test_dns_names_match_as_in_envoy(pattern: str, name: str, holds: bool) -> None:
    """One star in the first label stands for anything in that label."""
    assert names_hold({"subjectAltName": (("DNS", pattern),)}, (name,)) is holds


def test_other_names_match_exactly() -> None:
    """Addresses, URIs and mail addresses are compared as they are; wanting nothing always holds."""
    carried = {"subjectAltName": (("URI", "spiffe://a/*"), ("IP Address", "10.0.0.1"))}
    assert names_hold(carried, ("10.0.0.1",))
    assert not names_hold(carried, ("spiffe://a/b",))
    assert names_hold(None, ())
    assert not names_hold(None, ("a",))

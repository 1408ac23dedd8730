"""What the parser lets through and Envoy does not."""

from __future__ import annotations

import pytest

from edgesim.http1.fields import Fields
from edgesim.http1.strict import (
    MalformedError,
    agrees,
    check_framing,
    check_reason,
    error_details,
    error_status,
    is_grpc,
    is_http2,
    sanitized_te,
    split_start,
    upgrade_of,
)


def test_parser_errors_have_their_status() -> None:
    """The version is 426, an unknown transfer coding 501, anything else 400."""
    assert error_status("Invalid HTTP version") == 426
    assert error_status("Request has invalid `Transfer-Encoding`") == 501
    assert error_status("Transfer-Encoding can't be present with Content-Length") == 400
    assert is_http2("Expected HTTP/2 Connection Preface")
    assert not is_http2("Invalid method")


def test_te_keeps_trailers_only() -> None:
    """Codings of one connection are dropped, in the fields and in the map."""
    for value, kept in ((b"gzip, trailers", [(b"te", b"trailers")]), (b"gzip", []), (b"Trailers", [])):
        fields, headers = [(b"te", value)], {b"te": value}
        sanitized_te(fields, headers)
        assert fields == kept
        assert headers == dict(kept)


def test_grpc_is_told_from_grpc_web() -> None:
    """The media type alone, with a suffix or a parameter, is gRPC."""
    assert all(map(is_grpc, (b"application/grpc", b"Application/gRPC+proto", b"application/grpc;x")))
    assert not any(map(is_grpc, (b"application/grpc-web", b"text/plain")))


@pytest.mark.parametrize(
    ("fields", "agreed"),
    [
        ([(b"connection", b"upgrade"), (b"upgrade", b"echo")], True),
        ([(b"upgrade", b"echo"), (b"connection", b"Upgrade"), (b"connection", b"x")], True),
        ([(b"connection", b"upgrade")], False),
        ([(b"upgrade", b"echo"), (b"connection", b"x")], False),
        ([(b"connection", b"upgrade"), (b"upgrade", b"h2c")], False),
        ([], False),
    ],
)
def test_a_101_says_what_it_agrees_with(fields: Fields, agreed: bool) -> None:
    """It needs both headers, however many lines they are."""
    assert agrees(fields) is agreed


def test_upgrades_need_both_headers() -> None:
    """A protocol is asked for when Connection says so, and h2c never is."""
    assert upgrade_of({b"upgrade": b"WebSocket", b"connection": b"Upgrade"}) == b"websocket"
    assert upgrade_of({b"upgrade": b"websocket"}) is None
    assert upgrade_of({b"connection": b"upgrade"}) is None
    assert upgrade_of({b"upgrade": b"h2c", b"connection": b"upgrade"}) is None


@pytest.mark.parametrize(
    ("status", "fields"),
    [
        (200, [(b"transfer-encoding", b"gzip")]),
        (200, [(b"transfer-encoding", b"chunked"), (b"transfer-encoding", b"chunked")]),
        (204, [(b"content-length", b"1")]),
        (204, [(b"transfer-encoding", b"chunked")]),
        (99, []),
    ],
)
def test_answers_of_more_than_one_meaning(status: int, fields: Fields) -> None:
    """Framing that could be read in two ways is refused."""
    with pytest.raises(MalformedError):
        check_framing(status, fields, dict(fields))


def test_a_204_of_nothing_loses_its_length() -> None:
    """A length of 0 is no claim; it is taken away. Usual framing stays."""
    fields = [(b"content-length", b"0"), (b"x", b"1")]
    check_framing(204, fields, dict(fields))
    assert fields == [(b"x", b"1")]
    chunked = [(b"transfer-encoding", b"Chunked")]
    check_framing(200, chunked, dict(chunked))
    assert chunked == [(b"transfer-encoding", b"Chunked")]


def test_reasons() -> None:
    """Control bytes in a reason are refused."""
    check_reason(b"OK")
    check_reason(b"Some \xe9 reason")
    with pytest.raises(MalformedError):
        check_reason(b"a\x01")


def test_unusual_starts() -> None:
    """Long statuses are read here, usual ones are the parser's, a piece too short waits."""
    assert split_start(b"HTTP/1.1 1000 Long\r\n") == (1000, b"HTTP/1.1 200 Long\r\n")
    assert split_start(b"HTTP/1.1 200 OK\r\n") == (0, b"HTTP/1.1 200 OK\r\n")
    assert split_start(b"HTTP/1.1 2") is None
    for bad in (b"HTTP/1.1 99999 x\r\n", b"nonsense of any kind\r\n"):
        with pytest.raises(MalformedError):
            split_start(bad)


def test_parser_errors_have_envoys_details() -> None:
    """For what the parser refused the access log has Envoy's word, also where Envoy knows only that it is no HTTP."""
    assert error_details("Transfer-Encoding can't be present with Content-Length") == (
        b"http1.content_length_and_chunked_not_allowed"
    )
    assert error_details("Request has invalid `Transfer-Encoding`") == b"http1.invalid_transfer_encoding"
    assert error_details("Invalid HTTP version") == b"low_version"
    assert error_details("Invalid method encountered") == b"http1.codec_error"

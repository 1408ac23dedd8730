"""Answers edgesim gives itself."""

from __future__ import annotations

import pytest

from edgesim.http1.replies import finished, local_fields, reply_bytes, reset_body, status_line


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (404, b"Not Found"),
        (413, b"Payload Too Large"),
        (414, b"URI Too Long"),
        (416, b"Range Not Satisfiable"),
        (418, b"Unknown"),
        (422, b"Unprocessable Entity"),
        (451, b"Unknown"),
        (599, b"Last Unassigned Server Error Code"),
        (799, b"Unknown"),
    ],
)
def test_status_lines_say_envoys_reason(status: int, reason: bytes) -> None:
    """The reason is Envoy's, on every version of Python; a status it has none for says Unknown."""
    assert status_line(status) == b"HTTP/1.1 %d %b" % (status, reason)


def test_an_empty_reply_says_its_length() -> None:
    """Without a body the length is 0, and nothing describes a body."""
    assert reply_bytes(404, local_fields(b""), b"", b"now", close=False, head_only=False) == (
        b"HTTP/1.1 404 Not Found\r\ndate: now\r\nserver: envoy\r\ncontent-length: 0\r\n\r\n"
    )


def test_a_reply_with_a_body() -> None:
    """A body is text, its length is said, and HEAD gets the head alone."""
    whole = reply_bytes(503, local_fields(b"no"), b"no", b"now", close=True, head_only=False)
    head = reply_bytes(503, local_fields(b"no"), b"no", b"now", close=True, head_only=True)
    assert whole == head + b"no"
    assert b"content-length: 2\r\ncontent-type: text/plain\r\n" in head
    assert b"\r\nconnection: close\r\n" in head


@pytest.mark.parametrize("status", [204, 304])
def test_a_status_without_body_has_none(status: int) -> None:
    """Neither a body nor its description goes out, or a client would take it for the next answer."""
    sent = reply_bytes(status, local_fields(b"b"), b"b", b"now", close=False, head_only=False)
    assert sent.endswith(b"server: envoy\r\n\r\n")
    assert b"content-" not in sent


def test_the_server_is_ours_and_a_date_stays() -> None:
    """What a route adds as server is replaced; its date holds."""
    fields = [(b"server", b"x"), (b"date", b"then")]
    assert finished(fields, b"now") == [(b"date", b"then"), (b"server", b"envoy")]


def test_a_failed_upstream_is_described_as_by_envoy() -> None:
    """The body names the reason, and whether it was tried again."""
    assert reset_body("overflow").endswith(b"before headers. reset reason: overflow")
    assert reset_body("overflow", retried=True).endswith(
        b"before headers. retried and the latest reset reason: overflow"
    )

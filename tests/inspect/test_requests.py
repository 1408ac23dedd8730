"""Requests as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgesim.inspect import RequestError, request_head


def test_a_path_only_goes_to_localhost() -> None:
    """What begins with a slash has the host and port a demo has."""
    head = request_head("/a?b=c")
    assert (head.authority, head.path, head.query) == (b"localhost:8080", b"/a", b"b=c")


@pytest.mark.parametrize(
    ("url", "authority", "path", "query"),
    [
        ("http://example.com", b"example.com", b"/", None),
        ("example.com:8080/x", b"example.com:8080", b"/x", None),
        ("http://user@example.com/x?", b"example.com", b"/x", b""),
        ("http://example.com/a/../b#frag", b"example.com", b"/b", None),
        ("http://example.com/\u00e4 b", b"example.com", b"/%C3%A4%20b", None),
        ("http://[::1]:80/", b"[::1]:80", b"/", None),
    ],
)
def test_urls(url: str, authority: bytes, path: bytes, query: bytes | None) -> None:
    """The head is the one curl would send, the path normalized as the proxy does."""
    head = request_head(url)
    assert (head.authority, head.path, head.query) == (authority, path, query)


def test_headers_may_repeat_and_host_wins() -> None:
    """A Host line replaces the URL's; of a repeated header all values are kept."""
    head = request_head("/", "POST", ["Host: a.example", "X-Y: 1", "x-y: 2"])
    assert (head.method, head.authority) == (b"POST", b"a.example")
    assert head.headers[b"x-y"] == b"2"
    assert head.repeated == {b"x-y": [b"1", b"2"]}


@given(st.text(max_size=20), st.text(max_size=5), st.text(max_size=8))
def test_anything_is_a_request_or_a_request_error(url: str, method: str, header: str) -> None:
    """Whatever is typed, nothing else is raised."""
    try:
        head = request_head(url, method, [header])
    except RequestError:
        return
    assert head.path.startswith(b"/")

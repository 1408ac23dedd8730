"""Requests as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgesim.inspect import RequestError, request_head
from edgesim.model import ListenerOptions


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


@pytest.mark.parametrize(
    ("options", "made"),
    [
        (ListenerOptions(), {b"x-request-id", b"x-forwarded-proto"}),
        (ListenerOptions(generate_request_id=False), {b"x-forwarded-proto"}),
        (
            ListenerOptions(use_remote_address=True),
            {b"x-request-id", b"x-forwarded-proto", b"x-forwarded-for", b"x-envoy-external-address"},
        ),
        (
            ListenerOptions(use_remote_address=True, internal_addresses=("127.0.0.0/8",)),
            {b"x-request-id", b"x-forwarded-proto", b"x-forwarded-for", b"x-envoy-internal", b"x-envoy-max-retries"},
        ),
    ],
)
def test_routes_see_what_the_proxy_makes_of_a_request(options: ListenerOptions, made: set[bytes]) -> None:
    """A head has the fields that a client on this machine is given, and lacks what it may not send."""
    head = request_head("https://a.example/", headers=["x-envoy-max-retries: 3"], options=options)
    assert head.headers.keys() - {b"host", b"user-agent", b"accept"} == made
    assert head.headers[b"x-forwarded-proto"] == b"https"


@given(st.text(max_size=20), st.text(max_size=5), st.text(max_size=8))
def test_anything_is_a_request_or_a_request_error(url: str, method: str, header: str) -> None:
    """Whatever is typed, nothing else is raised."""
    try:
        head = request_head(url, method, [header])
    except RequestError:
        return
    assert head.path.startswith(b"/")

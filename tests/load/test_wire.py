from __future__ import annotations

import pytest

from edgesim.load.scenario import RequestClass
from edgesim.load.wire import written
from tests.load.driving import TARGET


@pytest.mark.parametrize(
    ("request_class", "expected"),
    [
        (RequestClass("a"), b"GET / HTTP/1.1\r\nHost: test.example\r\n\r\n"),
        (
            RequestClass("a", "PUT", "/x", (("HOST", "b.example"), ("X-A", "\u00fc")), b"\x00\xff"),
            b"PUT /x HTTP/1.1\r\nHOST: b.example\r\nX-A: \xc3\xbc\r\nContent-Length: 2\r\n\r\n\x00\xff",
        ),
        (RequestClass("a", "POST"), b"POST / HTTP/1.1\r\nHost: test.example\r\nContent-Length: 0\r\n\r\n"),
        (
            RequestClass("a", "POST", "/", (("Transfer-Encoding", "chunked"),), b"0\r\n\r\n"),
            b"POST / HTTP/1.1\r\nHost: test.example\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        ),
    ],
)
def test_a_request_is_written(request_class: RequestClass, expected: bytes) -> None:
    """Host and length are added where nothing says otherwise."""
    assert written(request_class, TARGET) == expected

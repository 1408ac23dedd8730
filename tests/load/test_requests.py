from __future__ import annotations

from collections import Counter
from dataclasses import replace
from random import Random

import pytest

from edgesim.load.requests import Mix, written
from edgesim.load.scenario import RequestClass
from tests.load.driving import TARGET, constant


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


def test_weights_are_kept() -> None:
    """Requests are drawn by weight; one of weight 0 never; measured ones apart from others."""
    classes = (RequestClass("a", weight=1), RequestClass("never", weight=0), RequestClass("b", weight=3))
    mix = Mix(replace(constant(0), requests=classes), Random(1))
    drawn = Counter(mix.next(measured=True).name for _ in range(4000))
    assert set(drawn) == {"a", "b"}
    assert abs(drawn["a"] - 1000) < 5 * (4000 * 0.25 * 0.75) ** 0.5
    assert mix.at(1, measured=True).name == "never"
    assert mix.at(0, measured=True) is not mix.at(0, measured=False)

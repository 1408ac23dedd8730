"""Header values of which only what lasts is compared."""

from __future__ import annotations

import pytest

from edgesim.model import HeaderMutations, HeaderValue
from edgesim.verify.lasting import lasting_headers


@pytest.mark.parametrize(
    ("value", "lasting"),
    [
        ("%START_TIME%", "*"),
        ("at %START_TIME(%Y-%m-%d)%, %PROTOCOL%", "at *, %PROTOCOL%"),
        ("%EMIT_TIME_LOCAL%%REQUEST_DURATION%", "**"),
        ("%DOWNSTREAM_REMOTE_ADDRESS%|%DOWNSTREAM_DIRECT_LOCAL_PORT%", "*|*"),
        ("%STREAM_ID:4%%CONNECTION_ID%", "**"),
        ("%%START_TIME%%", "%%START_TIME%%"),
        ("%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%", "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%"),
        ("%REQ(x-start-time)% %UPSTREAM_HOST%", "%REQ(x-start-time)% %UPSTREAM_HOST%"),
    ],
)
def test_what_no_two_connections_share_is_a_star(value: str, lasting: str) -> None:
    """Times, durations, ids and ports, in requests and answers; all else of a value stays."""
    given = HeaderMutations((HeaderValue("a", value, True),), ("b",), (HeaderValue("c", value),))
    wanted = HeaderMutations((HeaderValue("a", lasting, True),), ("b",), (HeaderValue("c", lasting),))
    assert lasting_headers(given) == wanted
    assert (lasting_headers(given) is given) == (value == lasting)

"""Lines of access logs."""

from __future__ import annotations

import pytest

from edgesim.inspect.diff.access_lines import Logged, read_line

DEFAULT = '[2026-11-24T17:20:52.847Z] "GET /a?b=c HTTP/1.1" 200 - 0 11 3 3 "-" "lab \\"x\\"" "one" "echo.example:8080" "127.1.1.1:5678"\n'


def test_the_default_format() -> None:
    """A line of Envoy's default format gives method, target, authority, and the three headers it tells of."""
    found = read_line(DEFAULT)
    assert found is not None
    assert (found.method, found.authority, found.target) == ("GET", "echo.example:8080", "/a?b=c")
    assert dict(found.headers) == {"user-agent": 'lab \\"x\\"', "x-request-id": "one"}
    assert found.known == {"x-forwarded-for", "user-agent", "x-request-id"}


def test_json() -> None:
    """A JSON object gives a request by the usual names; its other texts are headers, and null says there was none."""
    line = '{"method": "PUT", "authority": "a", "path": "/x", "Stage": "canary", "beta": null, "status": 200}'
    assert read_line(line) == Logged("PUT", "a", "/x", (("stage", "canary"),), frozenset({"stage", "beta"}))
    assert read_line('{"path": "/", "headers": {"X": "1"}}') == Logged("GET", "", "/", (("x", "1"),), frozenset({"x"}))


@pytest.mark.parametrize(
    "line", ["", "oops", "{", "[1]", "{}", '{"path": "x"}', DEFAULT.replace("/a?b=c", "-"), '{"path": 1}']
)
def test_what_is_no_request(line: str) -> None:
    """Anything else is no request, and no error either."""
    assert read_line(line) is None

from __future__ import annotations

import pytest

from edgesim.load import typed
from edgesim.load.scenario import By, Destination, Stage, Target
from edgesim.model import EdgesimError


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("localhost:8080", Target("http", "localhost", 8080, "localhost:8080", "/")),
        ("http://a.example/x?y=1", Target("http", "a.example", 80, "a.example", "/x?y=1")),
        ("https://a.example:443/", Target("https", "a.example", 443, "a.example", "/")),
        ("http://[::1]:99/a", Target("http", "::1", 99, "[::1]:99", "/a")),
    ],
)
def test_a_url_is_read(url: str, target: Target) -> None:
    """Scheme, host, port and path; the scheme's own port is not told in Host."""
    assert typed.target_of(url) == target


@pytest.mark.parametrize(
    ("text", "stages"),
    [
        ("100", (Stage(10, 100, 100),)),
        ("0-500", (Stage(10, 0, 500),)),
        ("0-500:30s,500:2m,10.5:1", (Stage(30, 0, 500), Stage(120, 500, 500), Stage(1, 10.5, 10.5))),
        ("1_000", (Stage(10, 1000, 1000),)),
    ],
)
def test_a_rate_is_read(text: str, stages: tuple[Stage, ...]) -> None:
    """A number, a ramp, or stages of them with durations."""
    assert typed.stages_of(text, 10) == stages


def test_other_things_are_read() -> None:
    """Durations in Go's form or plain seconds, headers, methods and destinations."""
    assert [typed.seconds_of("--duration", each) for each in ("1m30s", "250ms", "2.5")] == [90, 0.25, 2.5]
    assert typed.header_of("X-A:  b: c ") == ("X-A", "b: c")
    assert typed.method_of("PATCH") == "PATCH"
    assert typed.destination_of("header:x-version") == Destination(By.HEADER, "x-version")
    assert typed.destination_of(r"body:version:(\S+)") == Destination(By.BODY, r"version:(\S+)")
    assert typed.destination_of("route-header") == Destination(By.ROUTE)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: typed.target_of("ftp://x"), "scheme is `ftp`"),
        (lambda: typed.target_of("http://"), "no host"),
        (lambda: typed.target_of("http://a b/"), "spaces"),
        (lambda: typed.target_of("http://a:99999/"), "ort"),
        (lambda: typed.stages_of("fast", 1), "`fast` is no rate"),
        (lambda: typed.stages_of("10-x", 1), "`x` is no rate"),
        (lambda: typed.stages_of("-5", 1), "`-5` is not between"),
        (lambda: typed.target_of("http://me:secret@a/"), "in a header"),
        (lambda: typed.stages_of("nan", 1), "not between"),
        (lambda: typed.stages_of("1e9", 1), "not between"),
        (lambda: typed.stages_of("10:0s", 1), "longer than 0 s"),
        (lambda: typed.stages_of("10:soon", 1), "`soon` is no duration"),
        (lambda: typed.seconds_of("--duration", "inf"), "no duration"),
        (lambda: typed.seconds_of("--duration", "-3"), "no duration"),
        (lambda: typed.header_of("nocolon"), "name: value"),
        (lambda: typed.header_of("a: b\r\nc: d"), "line breaks"),
        (lambda: typed.method_of("GE T"), "a word"),
        (lambda: typed.destination_of("heder:x"), "`header`"),
        (lambda: typed.destination_of("header:x y"), "no header's name"),
        (lambda: typed.destination_of("body:("), "RE2"),
        (lambda: typed.destination_of("route-header:x"), "write"),
    ],
)
def test_what_cannot_be_read_is_told(call: object, said: str) -> None:
    """The option, what was typed and why it is wrong, with exit code 2."""
    assert callable(call)
    with pytest.raises(EdgesimError, match="ES1200") as caught:
        call()
    assert said in str(caught.value)
    assert caught.value.exit_code == 2

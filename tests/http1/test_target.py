"""Request targets; what Envoy does with them is compared in `tests/differential`."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgesim.http1.target import BadTargetError, check_authority, normalize_path, split_target, without_port
from edgesim.model import DEFAULT_LISTENER

pieces = st.sampled_from(
    ["/", "a", "..", ".", "%2e", "%2E", "%41", "%2f", "%zz", "%", ";x", "\\", '"', "{", "%7e", "%e9", "~"]
)


@given(st.lists(pieces, max_size=8).map("".join))
def test_normalizing_twice_changes_nothing(text: str) -> None:
    """A normalized path begins with a slash and climbs nowhere; without parameters it is its own normal form.

    Dots with parameters behind them (`%2e;x`) fall in Envoy too only where they are written as dots.
    """
    once = normalize_path(b"/" + text.encode())
    assert ";" in text or normalize_path(once) == once
    assert once.startswith(b"/")
    assert not {b".", b".."} & set(once.split(b"/"))


@pytest.mark.parametrize(
    ("target", "authority", "path", "query"),
    [
        (b"/", None, b"/", None),
        (b"/a?", None, b"/a", b""),
        (b"/a?b?c", None, b"/a", b"b?c"),
        (b"*", None, b"*", None),
        (b"http://h:80/a/../b?c", b"h:80", b"/b", b"c"),
        (b"HTTP://h", b"h", b"/", None),
        (b"http://user@h/x", b"h", b"/x", None),
        (b"/a/./b/../%41%2f", None, b"/a/A%2f", None),
        (b"/a/..;x/b", None, b"/b", None),
        (b"/..", None, b"/", None),
        (b"/a/.", None, b"/a/", None),
        (b"//a//b", None, b"//a//b", None),
    ],
)
def test_targets(target: bytes, authority: bytes | None, path: bytes, query: bytes | None) -> None:
    """A target falls into authority, normalized path, and query."""
    assert split_target(target) == (authority, path, query)


@pytest.mark.parametrize(
    "target",
    [
        b"a",
        b"",
        b"/#x",
        b"/\xe9",
        b"/a b",
        b"/%00",
        b"http://a@b@c/",
        b"http://",
        b"http://h:99999/",
        b"http://h?x",
        b"ftp://h/",
    ],
)
def test_bad_targets(target: bytes) -> None:
    """What is no target, or hides a NUL, is refused."""
    with pytest.raises(BadTargetError):
        split_target(target)


def test_options_of_the_listener() -> None:
    """Normalization can be turned off, and slashes merged."""
    assert split_target(b"/a/../b", replace(DEFAULT_LISTENER, normalize_path=False))[1] == b"/a/../b"
    assert split_target(b"//a///b", replace(DEFAULT_LISTENER, merge_slashes=True))[1] == b"/a/b"


def test_authorities() -> None:
    """A host with an optional port is one; a port may be demanded, and taken away."""
    assert check_authority(b"[::1]:80", needs_port=True) == b"[::1]:80"
    with pytest.raises(BadTargetError):
        check_authority(b"h", needs_port=True)
    assert [without_port(text) for text in (b"h:80", b"h", b"[::1]:80", b"[::1]", b"::1")] == [
        b"h",
        b"h",
        b"[::1]",
        b"[::1]",
        b"::1",
    ]

"""RE2: sets, limits, literal prefixes, substitution."""

from __future__ import annotations

import re
from inspect import ismethod

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgesim.routing import regexes
from edgesim.routing.regexes import check_regex, full_match, literal_prefix, substitute, which_match

PATTERNS = [
    "/a/.*",
    "/a/b",
    "(?i)/A/b",
    "/(a|b)/c+",
    "[ab]/x",
    "",
    "/a{2,3}",
    "a|/b",
    r"/a\.b",
    "^/a$",
    "/é.*",
    "/a[/0].*",
    "/(a|b)",
]
texts = st.text(alphabet="/abcxABé.", max_size=6).map(lambda text: text.encode())


@given(st.sampled_from(PATTERNS), texts)
def test_what_matches_begins_with_the_literal_prefix(pattern: str, text: bytes) -> None:
    """A text without the literal never matches, so filing a regex under it loses nothing."""
    if full_match(pattern)(text):
        assert text.startswith(literal_prefix(pattern))


def test_literal_prefixes_are_found() -> None:
    """Plain beginnings are seen to their last byte, anything uncertain is none."""
    assert literal_prefix("/api/v1/.*") == b"/api/v1/"
    assert literal_prefix("/api/v1/?") == literal_prefix("/api/v1.*") == b"/api/v1"
    assert literal_prefix("/api/v1[/0]") == b"/api/v1"
    assert literal_prefix("(?i)/api") == b"/"
    assert literal_prefix("/é.*") == "/é".encode()
    assert literal_prefix("a.*") == b"a"
    assert literal_prefix(r"/a[b-\xff].*") == b"/a"
    assert literal_prefix(r"/ab\xff.*") == b"/ab"
    assert literal_prefix("[a-b]") == literal_prefix("a|b") == b""
    assert literal_prefix("/[\xe9].*") == b"/"
    assert literal_prefix(".*") == literal_prefix("(") == b""


def test_a_set_tells_which_of_its_patterns_match_whole() -> None:
    """Matching is of the whole text, and every pattern that matches is named."""
    match = which_match(["/a", "/a.*", "b"])
    assert sorted(match(b"/a") or ()) == [0, 1]
    assert match(b"x/a") is None


def test_a_large_set_has_the_memory_it_needs() -> None:
    """A thousand patterns of some hundred instructions each are more than RE2 compiles with what it has by itself."""
    match = which_match([f"/{number}/[a-z]{{300}}.*x" for number in range(1000)])
    assert match(b"/7/" + b"a" * 301 + b"x") == [7]
    assert ismethod(match), "one set, not split"


def test_one_pattern_that_no_set_holds_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where even a set of one is larger than the bound, that is an error of the regex."""
    monkeypatch.setattr(regexes, "_LARGEST_BUDGET", 4000)
    for patterns in (["/a/[a-z]{900}x", "/b"], ["/a/[a-z]{900}x"]):
        with pytest.raises(ValueError, match=r"^the regex is too large to be matched$"):
            which_match(patterns)


def test_what_is_too_large_for_one_set_is_split_over_several() -> None:
    """RE2 bounds the size of a set; larger ones tell the same indices, and None where nothing matches."""
    match = which_match([*(f"/{number}/[a-z]{{900}}.*x" for number in range(100)), "/3/.*", "/99/.*"])
    assert sorted(match(b"/3/" + b"a" * 901 + b"x") or ()) == [3, 100]
    assert match(b"/99/b") == [101]
    assert match(b"/4/b") is None
    assert match(b"/7/" + b"a" * 299 + b"x") is None


def test_every_byte_is_a_character() -> None:
    """Bytes are not read as UTF-8, as on Envoy."""
    assert full_match(".")(b"\xe9")
    assert not full_match(".")("é".encode())
    assert full_match("é")("é".encode())


@pytest.mark.parametrize("pattern", ["(", "a{2,1}", r"\8"])
def test_what_re2_refuses_is_an_error(pattern: str) -> None:
    """The reason is RE2's own, in every place a pattern is compiled."""
    for compiled in (lambda: check_regex(pattern, 1000), lambda: which_match([pattern])):
        with pytest.raises(ValueError, match=r"\w"):
            compiled()


def test_the_reason_is_said_in_re2s_own_words(capfd: pytest.CaptureFixture[str]) -> None:
    """The words stand in the error, and not on stderr."""
    with pytest.raises(ValueError, match=r"^missing \): \(a$"):
        check_regex("(a", 1000)
    with pytest.raises(ValueError, match=r"\(a"):
        which_match(["(a"])
    assert capfd.readouterr().err == ""


def test_large_programs_are_refused() -> None:
    """A pattern is measured by its program, and one within the limit passes."""
    check_regex("a.*", 100)
    with pytest.raises(ValueError, match="larger than 100"):
        check_regex("(a{100}){5}", 100)


def test_the_largest_program_is_one_of_the_limits_size() -> None:
    """The limit itself is allowed; programs are measured as they are run, with bytes for characters."""
    check_regex("a.*", 7)
    with pytest.raises(ValueError, match=r"^regex program of 7 instructions is larger than 6$"):
        check_regex("a.*", 6)


def test_substitution_replaces_every_match() -> None:
    r"""Matches anywhere are replaced, with groups by `\1`."""
    assert substitute("/(a+)/", r"/<\1>/")(b"/aa/b/a/") == b"/<aa>/b/<a>/"


def test_substitution_takes_bytes_for_characters() -> None:
    """A byte that is no UTF-8 is replaced like any other, and both bytes of a character are."""
    assert substitute("/.", "/x")(b"/\xe9") == b"/x"
    assert substitute(".", "x")("é".encode()) == b"xx"


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("(?P<é", "invalid named capture group: (?P<é"),
        ("(é", "missing ): (é"),
        ("(日", "missing ): (日"),
        (r"\é", "invalid escape sequence: \\\N{LATIN CAPITAL LETTER A WITH TILDE}"),
    ],
)
def test_a_refused_pattern_is_said_as_it_was_written(pattern: str, said: str) -> None:
    """Also where it holds other letters than ASCII's, unless RE2 tells only a part of one."""
    with pytest.raises(ValueError, match=f"^{re.escape(said)}$"):
        check_regex(pattern, 100)

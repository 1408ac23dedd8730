"""RE2's syntax read into languages, compared with RE2."""

from __future__ import annotations

from itertools import product

import pytest

from edgesim.inspect.diff.language import (
    ANY_BYTE,
    Language,
    TooLargeError,
    accepts_empty,
    derived,
    mask_of,
    text,
    texts,
)
from edgesim.inspect.diff.syntax import UnreadableError, language_of
from edgesim.routing.regexes import full_match

PATTERNS = [
    "", ".*", "/.*", "/ab?(/.*)?", "/(a|b)/v1", "[ab]+/.*", "(?i)/a.*", "a{2,3}", "(?:ab){0,2}v", "a{2,}", "a{2}", "[^a-v]+",
    r"\d+\.x", "[[:alpha:]]b", "[[:^alpha:]]b", "(?i:A)b", "a(?i)b|v", "(?i)a(?-i)b", "a|b|", r"\Qa.b\E", "[]a]", "[a-]+", "(?P<n>a)b",
    "^/a$", r"\w\W", r"\S\s?", r"\x61\x{62}", "a*?b+?", "(?s).", r"[\d.]+", "a{,2}", "[^/]+/[^/]+",
]  # fmt: skip
TEXTS = [bytes(each) for length in range(5) for each in product(b"/abAv1.", repeat=length)]


def _accepts(language: Language, asked: bytes) -> bool:
    for byte in asked:
        language = derived(language, byte)
    return accepts_empty(language)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_language_is_what_re2_matches(pattern: str) -> None:
    """Every text of up to four bytes belongs to the language of a pattern exactly if RE2 matches it whole."""
    language, matches = language_of(pattern), full_match(pattern)
    assert [each for each in TEXTS if _accepts(language, each) is not bool(matches(each))] == []


@pytest.mark.parametrize(
    "pattern", [r"\bword\b", "a^b", r"\pN", "a{1000}", "(", "[a", r"\Qab\E*", "(?=a)", "[[:no:]]", "a\\"]
)
def test_what_is_not_understood_is_refused(pattern: str) -> None:
    """A pattern whose language is not known here is refused, not guessed."""
    with pytest.raises(UnreadableError):
        language_of(pattern)


def test_the_shortest_text_that_some_patterns_match_and_others_do_not() -> None:
    """Texts come shortest first, of the most readable bytes; where there is none, none comes."""
    wanted, refused = language_of("/v[0-9]+"), language_of("/v0.*")
    assert next(texts([wanted], [refused], ANY_BYTE, 100)) == b"/v1"
    assert next(texts([language_of(".*x"), language_of("a.*")], [], ANY_BYTE, 100)) == b"ax"
    assert list(texts([language_of("/a/.*")], [language_of("/.*")], ANY_BYTE, 100)) == []
    assert list(texts([text(b"A", fold=True)], [text(b"a")], mask_of(b"aA"), 100)) == [b"A"]


def test_a_question_that_is_too_large_is_given_up() -> None:
    """A search with more states than allowed says so."""
    with pytest.raises(TooLargeError):
        list(texts([language_of("(a|b)*a(a|b){12}")], [], ANY_BYTE, 100))

"""Label selectors as kubectl and helm write them."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgesim.kube.selectors import parse_labels

_LABELS = {"app": "echo", "tier": "web", "empty": "", "n": "7", "example.com/team": "red"}


@pytest.mark.parametrize(
    ("text", "selected"),
    [
        ("", True),
        ("app=echo", True),
        ("app==echo", True),
        ("app = echo , tier = web", True),
        ("app=foxtrot", False),
        ("app!=foxtrot", True),
        ("app!=echo", False),
        ("absent!=anything", True),
        ("app in (echo, foxtrot)", True),
        ("app in(foxtrot)", False),
        ("app notin (foxtrot)", True),
        ("absent notin (a)", True),
        ("empty=", True),
        ("empty in (,x)", True),
        ("absent=", False),
        ("app", True),
        ("absent", False),
        ("!absent", True),
        ("! app", False),
        ("example.com/team=red", True),
        ("n>6", True),
        ("n<7", False),
        ("app>1", False),
        ("in in (in)", False),
        ("name=a,owner=helm", False),
        ("app,tier in (web),!absent", True),
    ],
)
def test_selectors(text: str, selected: bool) -> None:
    """Every operator selects what Kubernetes selects, blanks or none."""
    assert parse_labels(text)(_LABELS) is selected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("=", "found '=', expected: !, identifier, or 'end of string'"),
        ("a b", "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"),
        ("a in b", "unable to parse requirement: found 'b', expected: '('"),
        ("a in (b", "unable to parse requirement: found '', expected: ',' or ')'"),
        ("a in (=)", "unable to parse requirement: found '=', expected: ',', ')' or identifier"),
        ("a=(", "unable to parse requirement: found '(', expected: identifier"),
        ("!", "unable to parse requirement: found '', expected: identifier"),
        ("a=b c", "found 'c', expected: ',' or 'end of string'"),
        ("a=b,", "found '', expected: identifier after ','"),
        ("a in ()", "unable to parse requirement: values: Invalid value: []: for 'in', 'notin' operators"),
        ("n>x", "unable to parse requirement: values[0]: Invalid value: \"x\": for 'Gt', 'Lt' operators"),
        ("a=b%", 'unable to parse requirement: values[0][a]: Invalid value: "b%": a valid label must be'),
        ("a=" + "b" * 64, "must be no more than 63 characters"),
        ("a" * 64, "name part must be no more than 63 characters"),
        ("a%", 'unable to parse requirement: key: Invalid value: "a%": name part must consist of'),
        ("/a", "prefix part must be non-empty"),
        ("a/", "name part must be non-empty"),
        ("A/b", "prefix part a lowercase RFC 1123 subdomain must consist of"),
        ("a/b/c", "prefix part a lowercase RFC 1123 subdomain must consist of"),
    ],
)
def test_selectors_that_are_none(text: str, message: str) -> None:
    """A selector that cannot be read is refused with Kubernetes' words."""
    with pytest.raises(ValueError) as refusal:  # noqa: PT011 (the words are compared below)
        parse_labels(text)
    assert message in str(refusal.value)


_words = st.from_regex(r"[a-z]([a-z.-]{0,3}[a-z])?", fullmatch=True)
_labels = st.dictionaries(_words, _words | st.just(""), max_size=4)


@given(_labels, _labels)
def test_equality_is_containment(wanted: dict[str, str], labels: dict[str, str]) -> None:
    """A selector of equalities selects exactly the objects that hold all the pairs."""
    text = ",".join(f"{name}={value}" for name, value in wanted.items())
    assert parse_labels(text)(labels) is (wanted.items() <= labels.items())


@given(_words, st.lists(_words, min_size=1, max_size=3), _labels)
def test_notin_is_the_opposite_of_in(key: str, values: list[str], labels: dict[str, str]) -> None:
    """Every object is selected by `in` or by `notin` of the same values, never by both."""
    inside = parse_labels(f"{key} in ({', '.join(values)})")
    outside = parse_labels(f"{key} notin ({','.join(values)})")
    assert inside(labels) is not outside(labels)


@given(st.text(alphabet="ab=!(),<> in-/", max_size=12))
def test_any_text_is_a_selector_or_refused(text: str) -> None:
    """No text ends otherwise than in a selector or in a ValueError."""
    with contextlib.suppress(ValueError):
        assert parse_labels(text)({}) in {True, False}

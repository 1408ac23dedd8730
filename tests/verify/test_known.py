"""Which differences are known, and which only look like one of them."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from edgesim.verify import Difference, known
from edgesim.verify.asking import Answer
from edgesim.verify.comparing import differing, seen
from edgesim.verify.known import KNOWN, Explained, sorted_out
from edgesim.verify.requests import Asked
from tests.running import ROOT

ASKED = Asked("edge", "GET", "a.example", "/x")
BODY = (("content-length", "2"), ("content-type", "text/plain"))


def difference(own: Answer, other: Answer) -> Difference:
    one, two = seen(ASKED, own), seen(ASKED, other)
    return Difference(ASKED, differing(one, two), one, two)


@pytest.mark.parametrize("status", [204, 304])
def test_a_body_where_none_may_be_is_known(status: int) -> None:
    """Envoy describes the body that it sends behind a 204 or 304, and edgesim does not."""
    assert known(difference(Answer(status, (("x", "1"),)), Answer(status, (("x", "1"), *BODY)))) is KNOWN[0]


@pytest.mark.parametrize(
    ("own", "other"),
    [
        (Answer(200), Answer(200, BODY)),
        (Answer(204), Answer(304, BODY)),
        (Answer(204, BODY), Answer(204)),
        (Answer(204, (("x", "1"),)), Answer(204, (("x", "2"), *BODY))),
        (Answer(204), Answer(204, (("x", "2"), *BODY))),
    ],
)
def test_what_only_looks_like_it_is_not(own: Answer, other: Answer) -> None:
    """Another status, another header, or the other way round is a difference to be told."""
    assert known(difference(own, other)) is None


def forwarded(original: str, names: str = "", host: str = "up.test") -> Answer:
    lines = [("host", host), ("x-envoy-original-host", original), *([("x-forwarded-host", names)] if names else [])]
    told = {"cluster": "a", "metadata": {}, "method": "GET", "target": "/", "headers": lines}
    return Answer(503, (("x-recorder", "1"),), json.dumps(told).encode())


@pytest.mark.parametrize(
    ("own", "other", "is_known"),
    [
        (forwarded("a"), forwarded("up.test"), True),
        (forwarded("a", "a"), forwarded("up.test", "a,up.test"), True),
        (forwarded("a", "a"), forwarded("up.test", "a"), True),
        (forwarded("a"), forwarded("b"), False),
        (forwarded("a", "a"), forwarded("up.test", "a,b"), False),
        (forwarded("up.test"), forwarded("a"), False),
        (forwarded("a", host="x"), forwarded("up.test"), False),
    ],
)
def test_the_host_of_a_try_before_is_known(own: Answer, other: Answer, is_known: bool) -> None:
    """Envoy calls the host that it forwarded the original one, in a retry whose host is rewritten for each endpoint."""
    assert known(difference(own, other)) is (KNOWN[1] if is_known else None)


def test_what_only_claims_of_clients_explain_is_known() -> None:
    """Whether headers of claims are the reason is found by asking again; a difference without that is to be told."""
    found = difference(Answer(200), Answer(404))
    assert known(found) is None
    assert known(replace(found, by_claims=True)) is KNOWN[2]


def test_known_differences_are_counted_apart() -> None:
    """What is explained is not among the differences, and has its number."""
    on_purpose, real = difference(Answer(204), Answer(204, BODY)), difference(Answer(200), Answer(404))
    assert sorted_out([on_purpose, real, on_purpose]) == ((real,), (Explained(KNOWN[0], 2),))


def test_every_known_difference_is_in_the_documentation() -> None:
    """docs/verify.md has a row for each."""
    page = (ROOT / "docs" / "verify.md").read_text().split("## What is known to differ")[1].split("\n## ")[0]
    rows = [line for line in page.splitlines() if line.startswith("| ")][1:]
    assert len(rows) == len(KNOWN)
    assert all(word in page for each in KNOWN for word in each.name.split() if word.isdigit())

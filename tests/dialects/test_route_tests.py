"""Files of route tests, read strictly."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgesim.config.read import read_text
from edgesim.dialects.route_tests import is_route_tests, read_route_tests
from edgesim.dialects.route_tests.shares import share
from edgesim.model import Problem
from edgesim.model.policies import StringMatch, StringMatchKind
from edgesim.model.route_tests import Assertion, Facet, HeaderTest, RouteTest


def read(text: str) -> tuple[tuple[RouteTest, ...], tuple[Problem, ...]]:
    found = read_text(text, "a.test.yaml")
    assert not found.problems
    tests = read_route_tests(found.documents[0])
    return tests.tests, tests.problems


def check(validate: str, given_input: str = "authority: a, path: /, method: GET") -> str:
    return f"tests:\n- test_name: one\n  input: {{{given_input}}}\n  validate: {{{validate}}}\n"


def told(text: str) -> list[tuple[str, str, str, str]]:
    tests, problems = read(text)
    assert not tests
    return [
        (found.code, found.field, f"{found.position.line}:{found.position.column}", found.hint)
        for found in problems
        if found.position is not None
    ]


# --- Envoy's form --------------------------------------------------------------------------------------


def test_envoys_form_pins_the_draw_and_takes_either_spelling() -> None:
    """Snake case and camelCase mean the same; the draw is 0 where nothing is said, ssl is what the client used."""
    given_input = "authority: a, path: /x, method: PUT, ssl: true, internal: true"
    snake = check(
        "cluster_name: c, code_redirect: 301, timeout: 1m",
        given_input + ", additional_request_headers: [{key: Stage, value: canary}]",
    )
    camel = check(
        "clusterName: c, codeRedirect: 301, timeout: 1m",
        given_input + ", additionalRequestHeaders: [{key: Stage, value: canary}]",
    ).replace("test_name", "testName")
    assert read(snake) == read(camel)
    (test,), problems = read(snake)
    assert not problems
    assert (test.request.random, test.request.forwarded_https, test.request.method) == (0, True, "PUT")
    assert test.request.headers == (("stage", "canary"), ("x-envoy-internal", "true"))
    assert test.assertions == (
        Assertion("cluster_name", Facet.CLUSTER, "c"),
        Assertion("code_redirect", Facet.ROUTER_STATUS, 301),
        Assertion("timeout", Facet.TIMEOUT, 60.0),
    )


@pytest.mark.parametrize(
    ("matcher", "expected"),
    [
        ("exact_match: v", HeaderTest("x", StringMatch(StringMatchKind.EXACT, "v"))),
        ("present_match: true", HeaderTest("x")),
        ("present_match: false", HeaderTest("x", absent=True)),
        ("present_match: true, invert_match: true", HeaderTest("x", invert=True)),
        ("contains_match: v", HeaderTest("x", contains="v")),
        ("range_match: {start: 1, end: 5}", HeaderTest("x", within=(1, 5))),
        ("safe_regex_match: {regex: v.*}", HeaderTest("x", StringMatch(StringMatchKind.REGEX, "v.*"))),
        (
            "string_match: {suffix: v, ignore_case: true}",
            HeaderTest("x", StringMatch(StringMatchKind.SUFFIX, "v", ignore_case=True)),
        ),
        ("prefix_match: v, treat_missing_header_as_empty: true",
         HeaderTest("x", StringMatch(StringMatchKind.PREFIX, "v"), missing_is_empty=True)),
    ],
)  # fmt: skip
def test_every_header_matcher_of_envoys(matcher: str, expected: HeaderTest) -> None:
    """Each condition of a HeaderMatcher is taken, for requests and for responses."""
    for field, facet in (
        ("request_header_matches", Facet.REQUEST_HEADER),
        ("response_header_matches", Facet.RESPONSE_HEADER),
    ):
        (test,), problems = read(check(f"{field}: [{{name: X, {matcher}}}]"))
        assert (problems, test.assertions) == ((), (Assertion(f"{field} X", facet, expected),))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (check("clustername: c"), ("ES0103", "tests[0].validate.clustername", "4:14", "did you mean `cluster_name`?")),
        (check("clusterNam: c"), ("ES0103", "tests[0].validate.clusterNam", "4:14", "did you mean `cluster_name`?")),
        (check("cluster_name: 5"), ("ES0104", "tests[0].validate.cluster_name", "4:14", "put it in quotes: '5'")),
        (check(""), ("ES0802", "tests[0].validate", "4:3", "")),
        (check("virtual_cluster_name: other"), ("ES0801", "tests[0].validate.virtual_cluster_name", "4:14", "")),
        (check("routeMetadata: []"), ("ES0801", "tests[0].validate.routeMetadata", "4:14", "")),
        (check("cluster_name: c", "authority: a, path: /, random_value: -1"),
         ("ES0106", "tests[0].input.random_value", "3:34", "")),
        (check("request_header_matches: [{name: x, safe_regex_match: {regex: '('}}]"),
         ("ES0805", "tests[0].validate.request_header_matches[0].safe_regex_match.regex", "4:68", "")),
        (check("request_header_matches: [{name: x, exact_match: a, prefix_match: b}]"),
         ("ES0108", "tests[0].validate.request_header_matches[0].prefix_match", "4:65", "")),
    ],
)  # fmt: skip
def test_what_is_wrong_in_envoys_form(text: str, problem: tuple[str, str, str, str]) -> None:
    """Each mistake has its place, as it is spelt there, and what was likely meant."""
    assert told(text) == [problem]


def test_no_virtual_cluster_can_be_expected() -> None:
    """An empty virtual cluster is what every request has here."""
    tests, problems = read(check("virtual_cluster_name: ''"))
    assert (len(tests), problems) == (1, ())


def test_what_no_route_of_gloos_asks_for_changes_nothing() -> None:
    """A runtime key and dynamic metadata are read, as Envoy's tool does, and decide nothing here."""
    plain, _ = read(check("cluster_name: c", "authority: a, path: /"))
    given, problems = read(check("cluster_name: c", "authority: a, path: /, runtime: r, dynamicMetadata: []"))
    assert (given[0].request, problems) == (plain[0].request, ())


def test_numbers_of_64_bits_may_be_text() -> None:
    """Protobuf's JSON writes them so, and a text that is no number has its place."""
    matcher = "request_header_matches: [{name: x, range_match: {start: '-1', end: '6'}}]"
    (test,), problems = read(check(matcher, "authority: a, path: /, random_value: '18446744073709551615'"))
    assert (test.request.random, problems) == (2**64 - 1, ())
    assert test.assertions[0].expected == HeaderTest("x", within=(-1, 6))
    (problem,) = told(check("cluster_name: c", "authority: a, path: /, random_value: many"))
    assert problem[:3] == ("ES0109", "tests[0].input.random_value", "3:34")


# --- edgesim's form ------------------------------------------------------------------------------------


def short(request: str, expect: str = "upstream: echo") -> str:
    return f"routes:\n- name: one\n  request: {{{request}}}\n  expect: {{{expect}}}\n"


def test_lists_expand_to_their_product() -> None:
    """Every list stands for its items, headers too; what is no list is one item."""
    tests, problems = read(short("host: [a, b], path: [/1, /2], method: PUT, headers: {stage: [x, y], other: z}"))
    assert not problems
    asked = [(test.request.authority, test.request.target, test.request.headers) for test in tests]
    expected = [
        (host, path, (("stage", stage), ("other", "z"))) for host in "ab" for path in ("/1", "/2") for stage in "xy"
    ]
    assert asked == expected
    assert {test.request.method for test in tests} == {"PUT"}
    assert all(test.request.random is None for test in tests)


def test_a_test_needs_only_a_name_and_what_it_expects() -> None:
    """The request is then the one of the demo."""
    (test,), problems = read("routes:\n- {name: one, expect: {status: 404}}\n")
    assert not problems
    assert (test.request.authority, test.request.target, test.request.method) == ("localhost:8080", "/", "GET")


def test_everything_that_can_be_expected() -> None:
    """Each field of `expect` becomes an assertion under its own name; a header of null is to be absent."""
    expect = (
        "virtualHost: v, route: r, table: a/b, upstream: u, subset: {b: c, a: d}, split: {v1: 90%, v2: 1/10}, status: 301, "
        "body: b, redirect: l, rewrite: /x, host: h, timeout: 500ms, requestHeaders: {X: y, z: null}, responseHeaders: {s: t}"
    )
    (test,), problems = read(short("", expect))
    assert not problems
    exact = StringMatchKind.EXACT
    assert test.assertions == (
        Assertion("virtualHost", Facet.VIRTUAL_HOST, "v"),
        Assertion("route", Facet.ROUTE, "r"),
        Assertion("table", Facet.TABLE, "a/b"),
        Assertion("upstream", Facet.UPSTREAM, "u"),
        Assertion("status", Facet.STATUS, 301),
        Assertion("body", Facet.BODY, "b"),
        Assertion("redirect", Facet.LOCATION, "l"),
        Assertion("rewrite", Facet.PATH, "/x"),
        Assertion("host", Facet.HOST, "h"),
        Assertion("subset", Facet.SUBSET, (("a", "d"), ("b", "c"))),
        Assertion("split", Facet.SPLIT, (("v1", Fraction(9, 10)), ("v2", Fraction(1, 10)))),
        Assertion("timeout", Facet.TIMEOUT, 0.5),
        Assertion("requestHeaders X", Facet.REQUEST_HEADER, HeaderTest("x", StringMatch(exact, "y"))),
        Assertion("requestHeaders z", Facet.REQUEST_HEADER, HeaderTest("z", absent=True)),
        Assertion("responseHeaders s", Facet.RESPONSE_HEADER, HeaderTest("s", StringMatch(exact, "t"))),
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (short("hots: a"), ("ES0103", "routes[0].request.hots", "3:13", "did you mean `host`?")),
        (short("host: 5"), ("ES0104", "routes[0].request.host[0]", "3:13", "put it in quotes: '5'")),
        (short("scheme: ftp"), ("ES0107", "routes[0].request.scheme[0]", "3:13", "")),
        (short("random: [0, 18446744073709551616]"), ("ES0106", "routes[0].request.random", "3:13", "")),
        (short("path: []"), ("ES0106", "routes[0].request.path", "3:13", "")),
        (short("", ""), ("ES0802", "routes[0].expect", "4:3", "")),
        (short("", "split: {v1: 50%, v2: 40%}"), ("ES0803", "routes[0].expect.split", "4:12", "")),
        (short("", "split: {v1: 90, v2: 10}"),
         ("ES0803", "routes[0].expect.split.v1", "4:20", "more than everything; did you mean 90%?")),
        (short("", "timeout: 5 s"), ("ES0109", "routes[0].expect.timeout", "4:12", "")),
        (short("", "status: 99"), ("ES0106", "routes[0].expect.status", "4:12", "")),
        (short(f"path: [{', '.join(['/'] * 1001)}], host: [{', '.join('a' * 1000)}]"),
         ("ES0804", "routes[0].request", "3:3", "")),
        ("routes: []\n", ("ES0106", "routes", "1:1", "")),
        ("route: []\n", ("ES0800", "", "1:1", "`route` is there: did you mean `routes`?")),
    ],
)  # fmt: skip
def test_what_is_wrong_in_edgesims_form(text: str, problem: tuple[str, str, str, str]) -> None:
    """Each mistake has its place and what was likely meant."""
    assert told(text) == [problem]


def test_a_mistake_takes_only_its_own_test_away() -> None:
    """The other tests of the file are read."""
    text = short("", "split: {v1: 1/0}") + "- {name: two, expect: {upstream: echo}}\n"
    tests, problems = read(text)
    assert [test.name for test in tests] == ["two"]
    assert [found.code for found in problems] == ["ES0803"]


def test_what_a_file_of_route_tests_is() -> None:
    """It has tests or routes, and is no manifest."""
    assert is_route_tests({"routes": []})
    assert is_route_tests({"tests": []})
    assert not is_route_tests({"kind": "RouteTable", "routes": []})
    assert not is_route_tests({"spec": {}})


@given(st.integers(0, 100), st.integers(1, 100))
def test_a_share_is_the_same_in_every_form(percent: int, parts: int) -> None:
    """Percents, fractions and decimals are exact."""
    assert share(f"{percent}%") == share(f"{percent}/100") == share(f"{percent / 100:.2f}") == Fraction(percent, 100)
    assert share(1 / 4) == share("1/4") == share("25 %")
    assert share(f"1/{parts}") == Fraction(1, parts)


plain: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["name", "request", "expect", "host", "headers", "split", "input", "validate"]), inner
        )
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["routes", "tests"]), plain, max_size=2))
def test_whatever_is_written_nothing_is_raised(manifest: dict[str, Any]) -> None:
    """Any data at all gives tests or problems."""
    document = read_text(json.dumps(manifest), "a.test.json").documents[0]
    found = read_route_tests(document)
    assert found.tests or found.problems

"""Envoy's route table check format becomes route tests."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from edgesim.dialects.check import Finding
from edgesim.dialects.gloo.durations import seconds
from edgesim.dialects.resource import FieldPath
from edgesim.dialects.route_tests import schema
from edgesim.model.policies import StringMatch, StringMatchKind
from edgesim.model.route_tests import Assertion, Facet, HeaderTest, RouteTestRequest

_PLAIN = (
    ("cluster_name", Facet.CLUSTER),
    ("virtual_host_name", Facet.ROUTER_VIRTUAL_HOST),
    ("path_rewrite", Facet.PATH),
    ("host_rewrite", Facet.HOST),
    ("path_redirect", Facet.ROUTER_LOCATION),
    ("code_redirect", Facet.ROUTER_STATUS),
)
_HEADERS = (
    ("request_header_fields", "request_header_matches", Facet.REQUEST_HEADER),
    ("response_header_fields", "response_header_matches", Facet.RESPONSE_HEADER),
)
INTERNAL = ("x-envoy-internal", "true")


def request_of(given: schema.Input) -> RouteTestRequest:
    """Return the request of a test. The draw is pinned, to 0 where nothing is said.

    `runtime` and `dynamic_metadata` change nothing: they are for routes that ask for a runtime key or for metadata, and
    no matcher of Gloo's does.
    """
    headers = tuple((header.key.lower(), header.value) for header in given.additional_request_headers)
    return RouteTestRequest(
        given.authority,
        given.path,
        given.method,
        (*headers, INTERNAL) if given.internal else headers,
        random=int(given.random_value),
        forwarded_https=given.ssl,
        response_headers=tuple((header.key.lower(), header.value) for header in given.additional_response_headers),
    )


def assertions_of(validate: schema.Validate) -> Iterator[Assertion]:
    """Yield what a test expects; an empty text expects that there is none."""
    for name, facet in _PLAIN:
        expected = getattr(validate, name)
        if expected is not None:
            yield Assertion(name, facet, expected)
    if validate.timeout is not None:
        yield Assertion("timeout", Facet.TIMEOUT, seconds(validate.timeout))
    for fields, matches, facet in _HEADERS:
        for field in getattr(validate, fields):
            yield Assertion(f"{fields} {field.key}", facet, HeaderTest(field.key.lower(), equals=field.value))
        for matcher in getattr(validate, matches):
            yield Assertion(f"{matches} {matcher.name}", facet, header_test(matcher))


def header_test(matcher: schema.HeaderMatcher) -> HeaderTest:
    """Return what Envoy's HeaderMatcher asks of a header; one without a condition asks it to be there."""
    text, contains = _text(matcher)
    return HeaderTest(
        matcher.name.lower(),
        text,
        contains,
        None if matcher.range_match is None else (int(matcher.range_match.start), int(matcher.range_match.end)),
        absent=matcher.present_match is False,
        invert=matcher.invert_match,
        missing_is_empty=matcher.treat_missing_header_as_empty,
    )


def _text(matcher: schema.HeaderMatcher) -> tuple[StringMatch | None, str | None]:
    if matcher.string_match is not None:
        given = matcher.string_match
        kinds = (given.exact, given.prefix, given.suffix, given.safe_regex)
        found = _string(*kinds, ignore_case=given.ignore_case)
        if given.contains is not None and given.ignore_case:
            return StringMatch(StringMatchKind.REGEX, f"(?i).*{_quoted(given.contains)}.*"), None
        return found, given.contains
    kinds = (matcher.exact_match, matcher.prefix_match, matcher.suffix_match, matcher.safe_regex_match)
    return _string(*kinds, ignore_case=False), matcher.contains_match


def _quoted(text: str) -> str:
    """Write a text as an RE2 literal."""
    return "".join(c if c.isalnum() or c == "_" or ord(c) > 127 else f"\\{c}" for c in text)


def _string(
    exact: str | None, prefix: str | None, suffix: str | None, regex: schema.Regex | None, *, ignore_case: bool
) -> StringMatch | None:
    given = (
        (StringMatchKind.EXACT, exact),
        (StringMatchKind.PREFIX, prefix),
        (StringMatchKind.SUFFIX, suffix),
        (StringMatchKind.REGEX, None if regex is None else regex.regex),
    )
    return next((StringMatch(kind, text, ignore_case) for kind, text in given if text is not None), None)


def refused(item: schema.Item, path: FieldPath) -> Iterator[Finding]:
    """Yield what a test asks that nothing here can answer."""
    validate = item.validate
    if validate.virtual_cluster_name:
        text = "there are no virtual clusters here; only an empty virtual_cluster_name can be expected"
        yield Finding("ES0801", (*path, "validate", "virtual_cluster_name"), text)
    if validate.route_metadata is not None:
        yield Finding("ES0801", (*path, "validate", "route_metadata"), "routes have no metadata here")


def matchers(validate: schema.Validate) -> Iterable[tuple[FieldPath, str]]:
    """Yield each regex of a test with its path below `validate`."""
    for _fields, name, _facet in _HEADERS:
        for index, matcher in enumerate(getattr(validate, name)):
            if matcher.safe_regex_match is not None:
                yield (name, index, "safe_regex_match", "regex"), matcher.safe_regex_match.regex
            if matcher.string_match is not None and matcher.string_match.safe_regex is not None:
                yield (name, index, "string_match", "safe_regex", "regex"), matcher.string_match.safe_regex.regex

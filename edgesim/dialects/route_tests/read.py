"""A document becomes route tests, or every reason why it cannot."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from edgesim.dialects.check import Finding, check
from edgesim.dialects.fields import show_path
from edgesim.dialects.gloo.regexes import regex_error
from edgesim.dialects.nearest import nearest
from edgesim.dialects.resource import Document, FieldPath
from edgesim.dialects.route_tests import router_check, schema, short_form
from edgesim.dialects.route_tests.names import as_written, snake_keys
from edgesim.model import Position, Problem
from edgesim.model.codes import problem
from edgesim.model.route_tests import RouteTest

MOST_REQUESTS = 1_000_000
"""So many requests one test may expand to."""
LARGEST_DRAW = 2**64 - 1


@dataclass(frozen=True, slots=True)
class ReadTests:
    """The route tests of a document, and what is wrong with it; a test with a problem is left out."""

    tests: tuple[RouteTest, ...] = ()
    problems: tuple[Problem, ...] = ()


def is_route_tests(manifest: dict[str, Any]) -> bool:
    """Tell whether a document is a file of route tests: it has no kind, but a list of tests in one of the two forms."""
    return "kind" not in manifest and "apiVersion" not in manifest and ("tests" in manifest or "routes" in manifest)


def read_route_tests(document: Document) -> ReadTests:
    """Read a document as route tests, strictly."""
    manifest = document.manifest
    if "tests" in manifest and "routes" not in manifest:
        return _read_router_check(document)
    if "routes" in manifest:
        return _read_short_form(document)
    near = nearest("routes", manifest) or nearest("tests", manifest)
    hint = f"`{near}` is there: did you mean `{'tests' if nearest('tests', [near]) else 'routes'}`?" if near else ""
    text = "there are no route tests: neither `routes` nor `tests` (Envoy's form)"
    return ReadTests(problems=_problems(document, [Finding("ES0800", (), text, hint)]))


def _read_router_check(document: Document) -> ReadTests:
    plain = snake_keys(document.manifest)
    typed, findings = _typed(plain, schema.RouterCheck)
    if typed is None:
        return ReadTests(problems=_problems(document, findings, lambda path: as_written(path, document.manifest)))
    tests: list[RouteTest] = []
    for index, item in enumerate(typed.tests):
        path: FieldPath = ("tests", index)
        assertions = tuple(router_check.assertions_of(item.validate))
        wrong = [*router_check.refused(item, path), *_regexes(item.validate, (*path, "validate"))]
        wrong += _draws([int(item.input.random_value)], (*path, "input", "random_value"))
        if not assertions and not wrong and item.validate.virtual_cluster_name is None:
            wrong.append(Finding("ES0802", (*path, "validate"), "the test expects nothing"))
        findings += wrong
        if not wrong:
            request = router_check.request_of(item.input)
            tests.append(RouteTest(item.test_name, document.source.file, request, assertions, _place(document, path)))
    written = _problems(document, findings, lambda path: as_written(path, document.manifest))
    return ReadTests(tuple(tests), written)


def _read_short_form(document: Document) -> ReadTests:
    typed, findings = _typed(short_form.with_lists(document.manifest), schema.RouteTests)
    if typed is None:
        return ReadTests(problems=_problems(document, findings))
    tests: list[RouteTest] = []
    for index, test in enumerate(typed.routes):
        path: FieldPath = ("routes", index)
        wrong = [*short_form.bad_shares(test.expect, (*path, "expect")), *_expansion(test, path)]
        wrong += _draws(test.request.random or (), (*path, "request", "random"))
        assertions = () if wrong else tuple(short_form.assertions_of(test.expect))
        if not wrong and not assertions:
            wrong.append(Finding("ES0802", (*path, "expect"), "the test expects nothing"))
        findings += wrong
        place, file = _place(document, path), document.source.file
        if not wrong:
            requests = short_form.requests_of(test.request)
            tests += [RouteTest(test.name, file, request, assertions, place) for request in requests]
    return ReadTests(tuple(tests), _problems(document, findings))


def _typed(plain: Any, form: type[Any]) -> tuple[Any, list[Finding]]:
    """Return the typed file; only one that msgspec refuses is walked for all that is wrong."""
    try:
        typed = msgspec.convert(plain, form)
    except (msgspec.ValidationError, RecursionError):
        return None, check(form, plain)
    findings = check(form, plain) if _has_one_of(plain) else []
    return (None if findings else typed), findings


def _has_one_of(plain: dict[str, Any]) -> bool:
    """Tell whether there are header matchers: of their conditions one may be set, which msgspec does not see."""
    return any(
        name in item["validate"]
        for item in plain.get("tests", ())
        for name in ("request_header_matches", "response_header_matches")
    )


def _expansion(test: schema.ShortTest, path: FieldPath) -> Iterator[Finding]:
    size = short_form.size_of(test.request)
    if size > MOST_REQUESTS:
        yield Finding("ES0804", (*path, "request"), f"the lists stand for {size} requests, at most {MOST_REQUESTS}")


def _draws(draws: Iterable[int], path: FieldPath) -> Iterator[Finding]:
    for draw in draws:
        if not 0 <= draw <= LARGEST_DRAW:
            yield Finding("ES0106", path, f"expected a whole number 0..{LARGEST_DRAW}, got {draw}")


def _regexes(validate: schema.Validate, path: FieldPath) -> Iterator[Finding]:
    for below, pattern in router_check.matchers(validate):
        error = regex_error(pattern)
        if error:
            yield Finding("ES0805", (*path, *below), f"invalid regex: {error}")


def _place(document: Document, path: FieldPath) -> Callable[[], Position]:
    return lambda: document.source.locate(path)


def _problems(
    document: Document, findings: Iterable[Finding], written: Callable[[FieldPath], FieldPath] = lambda path: path
) -> tuple[Problem, ...]:
    return tuple(
        problem(
            finding.code,
            finding.message,
            field=show_path(written(finding.path)),
            position=document.source.locate(written(finding.path)),
            hint=finding.hint,
        )
        for finding in findings
    )

"""What was expected of a request beside what comes of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from edgesim.http1.fields import Fields
from edgesim.inspect.named import Names, arm_name, compare_split, percent, subset_text
from edgesim.inspect.outcomes import Outcome, actual, auto_host, request_fields, response_fields, share_list
from edgesim.inspect.steps import own_name
from edgesim.model.policies import StringMatch, StringMatchKind
from edgesim.model.route_tests import Assertion, Facet, HeaderTest
from edgesim.routing.regexes import full_match


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One expectation that does not hold; `note` says more of what came.

    `known` are the names there are, and `meant` the one to find among them where it is not all that was expected.
    """

    name: str
    expected: str
    actual: str
    known: tuple[str, ...] = ()
    note: str = ""
    meant: str = ""


Compare = Callable[[Assertion, Outcome, Names], Mismatch | None]


def compare(assertion: Assertion, outcomes: Sequence[Outcome], names: Names) -> Mismatch | None:
    """Compare one expectation with every outcome a request may have; None where it holds for all."""
    compare_one = _COMPARISONS.get(assertion.facet, _compare_text)
    failed = [(outcome, found) for outcome in outcomes if (found := compare_one(assertion, outcome, names)) is not None]
    if not failed:
        return None
    first = failed[0][1]
    if len(outcomes) == 1:
        return first
    return replace(first, actual=_by_share(failed))


def _by_share(failed: Iterable[tuple[Outcome, Mismatch]]) -> str:
    """Write what came, with the share of the requests where it is not all of them."""
    came: dict[str, Fraction] = {}
    for outcome, found in failed:
        came[found.actual] = came.get(found.actual, Fraction(0)) + outcome.share
    return ", ".join(text if share == 1 else f"{text} for {percent(share)}" for text, share in came.items())


def _compare_text(assertion: Assertion, outcome: Outcome, _names: Names) -> Mismatch | None:
    found = actual(assertion.facet, outcome)
    if found == assertion.expected:
        return None
    if assertion.facet is Facet.HOST and auto_host(outcome):
        return Mismatch(assertion.name, shown(assertion.expected), "the endpoint's own name (autoHostRewrite)")
    return Mismatch(assertion.name, shown(assertion.expected), _shown_actual(found, assertion.facet))


def shown(value: object) -> str:
    """Write an expected or actual value."""
    if value is None or value == "":
        return "none"
    if isinstance(value, float):
        return f"{value:g} s"
    return str(value)


def _shown_actual(found: object, facet: Facet) -> str:
    if found is None and facet in {Facet.STATUS, Facet.BODY}:
        return "the upstream's own"
    if facet is Facet.TIMEOUT and found == 0:
        return "none"
    return shown(found)


def _compare_upstream(assertion: Assertion, outcome: Outcome, names: Names) -> Mismatch | None:
    expected = str(assertion.expected)
    several = names.ambiguous(expected)
    if several:
        return Mismatch(assertion.name, expected, f"the name is not clear: write {several}")
    if outcome.cluster and expected in names.of(outcome.cluster):
        return None
    return Mismatch(assertion.name, expected, _destination(outcome, names), tuple(names.known()))


def _destination(outcome: Outcome, names: Names) -> str:
    if outcome.cluster:
        return names.shown(outcome.cluster)
    return "no route" if outcome.decision is None else "nothing is forwarded"


def _compare_subset(assertion: Assertion, outcome: Outcome, names: Names) -> Mismatch | None:
    if outcome.cluster and outcome.subset == assertion.expected:
        return None
    found = subset_text(outcome.subset) or "no subset"
    expected = assertion.expected if isinstance(assertion.expected, tuple) else ()
    wanted = ",".join(f"{key}={value}" for key, value in expected) or "no subset"
    return Mismatch(assertion.name, wanted, found if outcome.cluster else _destination(outcome, names))


def _compare_split(assertion: Assertion, outcome: Outcome, names: Names) -> Mismatch | None:
    pairs = [(name, share) for name, share in _pairs(assertion)]
    wanted = ", ".join(f"{name}: {percent(share)}" for name, share in pairs)
    found = share_list(outcome)
    if not found:
        return Mismatch(assertion.name, wanted, _destination(outcome, names))
    wrong = compare_split(pairs, found, names)
    if wrong is None:
        return None
    came = ", ".join(f"{arm_name(arm, names)}: {percent(arm[2])}" for arm in found)
    return Mismatch(assertion.name, wanted, came, wrong.known, wrong.reason, wrong.name)


def _pairs(assertion: Assertion) -> Iterable[tuple[str, Fraction]]:
    assert isinstance(assertion.expected, tuple)
    return [(name, share) for name, share in assertion.expected if isinstance(share, Fraction)]


def _compare_route(assertion: Assertion, outcome: Outcome, _names: Names) -> Mismatch | None:
    """A route goes by the name its author gave it, and by the one Gloo makes of it."""
    name = "" if outcome.decision is None else outcome.decision.route.name
    if assertion.expected in {name, own_name(name)}:
        return None
    return Mismatch(assertion.name, shown(assertion.expected), shown(own_name(name) or name))


# --- headers -------------------------------------------------------------------------------------------


def _compare_request_header(assertion: Assertion, outcome: Outcome, _names: Names) -> Mismatch | None:
    return _compare_header(assertion, request_fields(outcome))


def _compare_response_header(assertion: Assertion, outcome: Outcome, _names: Names) -> Mismatch | None:
    return _compare_header(assertion, response_fields(outcome))


def _compare_header(assertion: Assertion, fields: Fields) -> Mismatch | None:
    test = assertion.expected
    assert isinstance(test, HeaderTest)
    lines = [value.decode("utf-8", "backslashreplace") for name, value in fields if name == test.name.encode()]
    if header_holds(test, lines):
        return None
    return Mismatch(assertion.name, header_text(test), ", ".join(line or "empty" for line in lines) or "absent")


def header_holds(test: HeaderTest, lines: Sequence[str]) -> bool:
    """Tell whether the lines of a header pass; any one line that matches is enough, as on Envoy 1.40.

    An absent header passes no condition on its value, inverted or not.
    """
    if test.equals is not None:
        return ",".join(lines) == test.equals
    if test.text is None and test.contains is None and test.within is None:
        return (not lines) is (test.absent is not test.invert)
    if not lines and test.missing_is_empty:
        lines = [""]
    return bool(lines) and any(_value_holds(test, line) for line in lines) is not test.invert


def _value_holds(test: HeaderTest, line: str) -> bool:
    if test.contains is not None:
        return test.contains in line
    if test.within is not None:
        try:
            return test.within[0] <= int(line) < test.within[1]
        except ValueError:
            return False
    return test.text is not None and text_holds(test.text, line)


def text_holds(match: StringMatch, text: str) -> bool:
    """Tell whether a text passes Envoy's StringMatcher; case is never ignored in a regex."""
    value = match.value
    if match.kind is StringMatchKind.REGEX:
        return bool(full_match(value)(text.encode()))
    if match.ignore_case:
        value, text = value.lower(), text.lower()
    if match.kind is StringMatchKind.EXACT:
        return text == value
    return text.startswith(value) if match.kind is StringMatchKind.PREFIX else text.endswith(value)


def header_text(test: HeaderTest) -> str:
    """Write what is expected of a header."""
    no = "not " if test.invert else ""
    if test.equals is not None:
        return test.equals or "absent"
    if test.contains is not None:
        return f"{no}containing {test.contains}"
    if test.within is not None:
        return f"{no}{test.within[0]} to below {test.within[1]}"
    if test.text is None:
        return "absent" if test.absent is not test.invert else "present"
    verb = "" if test.text.kind is StringMatchKind.EXACT else f"{test.text.kind.value} "
    return f"{no}{verb}{test.text.value or 'empty'}"


_COMPARISONS: dict[Facet, Compare] = {
    Facet.ROUTE: _compare_route,
    Facet.UPSTREAM: _compare_upstream,
    Facet.SUBSET: _compare_subset,
    Facet.SPLIT: _compare_split,
    Facet.REQUEST_HEADER: _compare_request_header,
    Facet.RESPONSE_HEADER: _compare_response_header,
}

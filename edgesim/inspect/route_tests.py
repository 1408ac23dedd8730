"""Route tests run: each request is decided as the proxy would, and compared with what is expected."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction

from edgesim.dialects import did_you_mean
from edgesim.inspect.comparisons import Mismatch, compare
from edgesim.inspect.coverage import Coverage, CoverageReport
from edgesim.inspect.listeners import Tables, choose_listener, served_hosts
from edgesim.inspect.named import Names
from edgesim.inspect.outcomes import Asked, Outcome
from edgesim.inspect.requests import RequestError, Url, head_of
from edgesim.inspect.steps import Step, Where, own_name, steps
from edgesim.model import Listener, RequestHead
from edgesim.model.route_tests import Facet, RouteTest, RouteTestRequest
from edgesim.routing import Decision, Split, Target, find_host, lookup, resolve


@dataclass(frozen=True, slots=True)
class Failed:
    """An expectation that does not hold."""

    name: str
    expected: str
    actual: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """One request of a test, and what failed. `line` and `column` say where a failed test is written.

    `route` and `origin` are the route that took a failed request, 0 and the virtual host's where none did.
    """

    name: str
    file: str
    request: str
    failed: tuple[Failed, ...] = ()
    line: int = 0
    column: int = 0
    virtual_host: str = ""
    route: int = 0
    route_name: str = ""
    origin: tuple[Step, ...] = ()

    @property
    def passed(self) -> bool:
        """Tell whether everything was as expected."""
        return not self.failed


@dataclass(frozen=True, slots=True)
class RouteTestReport:
    """What came of route tests."""

    cases: tuple[Case, ...]
    coverage: CoverageReport

    @property
    def failures(self) -> tuple[Case, ...]:
        """Return the cases that failed."""
        return tuple(case for case in self.cases if case.failed)


def run_route_tests(
    tests: Iterable[RouteTest], tables: Tables, where: Where, most_missed: int | None = None
) -> RouteTestReport:
    """Run tests on a model; `most_missed` bounds how many routes without a test are named."""
    runner = _Runner(tables, where)
    cases = tuple(runner.run(test) for test in tests)
    return RouteTestReport(cases, runner.coverage.report(where, most_missed))


class _Runner:
    """What the cases of a run share."""

    def __init__(self, tables: Tables, where: Where) -> None:
        self._tables = tables
        self._where = where
        self._names = Names(tables.clusters)
        self._listeners: dict[tuple[str, str, str], Listener] = {}
        self.coverage = Coverage(tables.model)

    def run(self, test: RouteTest) -> Case:
        """Decide one request, and compare."""
        try:
            asked = self._asked(test.request)
        except RequestError as error:
            failed = (Failed("request", "one that can be decided", str(error)),)
            return _case(test, failed)
        outcomes = self._outcomes(asked, test.request.random)
        found = [
            mismatch
            for assertion in test.assertions
            if (mismatch := compare(assertion, _relevant(assertion.facet, outcomes), self._names)) is not None
        ]
        if not found:
            return Case(test.name, test.file, request_text(test.request))
        return self._failed(test, asked, outcomes[0].decision, [_hinted(mismatch) for mismatch in found])

    def _asked(self, request: RouteTestRequest) -> Asked:
        listener, forwarded = self._listener(request)
        fields = [(name.encode(), value.encode()) for name, value in request.headers]
        if forwarded:
            fields.append((b"x-forwarded-proto", forwarded.encode()))
        head = head_of(request.method, request.authority, request.target, fields, listener.options)
        host = find_host(self._tables.of(listener).hosts, head.authority)
        return Asked(listener, head, request.response_headers, "" if host is None else host.virtual_host.name)

    def _listener(self, request: RouteTestRequest) -> tuple[Listener, str]:
        """Return the listener, and the scheme an outer proxy would name where no TLS listener serves anything."""
        scheme, forwarded = request.scheme, ""
        if request.forwarded_https:
            tls = any(each.tls and served_hosts(self._tables.model, each) for each in self._tables.model.listeners)
            scheme, forwarded = ("https", "") if tls else ("http", "https")
        port = request.authority.rpartition(":")[2]
        key = (scheme, port, request.listener)
        listener = self._listeners.get(key)
        if listener is None:
            number = int(port) if port.isascii() and port.isdigit() and len(port) < 6 else None
            url = Url(scheme, request.authority, number, request.target)
            listener = self._listeners[key] = choose_listener(self._tables.model, url, request.listener)
        return listener, forwarded

    def _outcomes(self, asked: Asked, random: int | None) -> list[Outcome]:
        """Return what comes of a request: for a pinned draw one outcome, else one for each destination."""
        target = lookup(self._tables.of(asked.listener), asked.head)
        clusters = self._tables.clusters
        if target is None:
            return [Outcome(asked, None, clusters)]
        decided = _decisions(target, asked.head, random)
        self.coverage.reach(decided[0][0])
        return [Outcome(asked, decision, clusters, share) for decision, share in decided]

    def _failed(self, test: RouteTest, asked: Asked, decision: Decision | None, failed: list[Failed]) -> Case:
        case = _case(test, tuple(failed))
        if decision is not None:
            route = decision.route
            return replace(
                case,
                virtual_host=decision.virtual_host.name,
                route=route.number,
                route_name=own_name(route.name),
                origin=steps(route.origin, self._where),
            )
        hosts = (host for host in self._tables.model.virtual_hosts if host.name == asked.host)
        origin = next((host.origin for host in hosts), ())
        return replace(case, virtual_host=asked.host, origin=steps(origin, self._where))


def _hinted(mismatch: Mismatch) -> Failed:
    meant = did_you_mean(mismatch.meant or mismatch.expected, mismatch.known)
    return Failed(mismatch.name, mismatch.expected, mismatch.actual, "; ".join(filter(None, (mismatch.note, meant))))


def _decisions(target: Target, head: RequestHead, random: int | None) -> list[tuple[Decision, Fraction]]:
    if random is None and isinstance(target, Split):
        weights = [arm.arm.weight if arm.arm is not None else 0 for arm in target.arms]
        return [
            (arm, Fraction(weight, target.total)) for arm, weight in zip(target.arms, weights, strict=True) if weight
        ]
    return [(resolve(target, head, random or 0), Fraction(1))]


def _relevant(facet: Facet, outcomes: list[Outcome]) -> list[Outcome]:
    """A split is of the route, whatever the destination."""
    return outcomes[:1] if facet is Facet.SPLIT else outcomes


def _case(test: RouteTest, failed: tuple[Failed, ...]) -> Case:
    position = test.place()
    return Case(test.name, test.file, request_text(test.request), failed, position.line, position.column)


def request_text(request: RouteTestRequest) -> str:
    """Write a request on one line."""
    scheme = "https" if request.forwarded_https else request.scheme
    parts = [f"{request.method} {scheme}://{request.authority}{request.target}"]
    parts += [f"{name}: {value}" for name, value in request.headers]
    if request.random:
        parts.append(f"random {request.random}")
    return ", ".join(parts)

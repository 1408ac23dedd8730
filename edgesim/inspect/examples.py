"""A request for each matcher of a configuration, which is asked of its routes: what benchmarks and rehearsals send.

Matchers that no request made here reaches are counted: something before them takes what they ask for, or they ask for
what cannot be made up.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from edgesim.inspect.diff.language import ANY_BYTE, TooLargeError, mask_of, texts
from edgesim.inspect.diff.literals import Literal, literals_of, value
from edgesim.inspect.diff.meter import Meter
from edgesim.inspect.diff.syntax import UnreadableError, language_of
from edgesim.inspect.listeners import Tables, served_hosts
from edgesim.inspect.requests import RequestError, request_head
from edgesim.model import Listener, Model, PathKind, PathMatcher, RequestHead, Route, RouteMatch, VirtualHost
from edgesim.routing import RouteTable, decide
from edgesim.routing.conditions import HEADER, METHOD, QUERY, Name, conditions_of

_TAILS = ("", "x", "/x")
_PATH_BYTES = ANY_BYTE & mask_of(range(0x21, 0x7F)) & ~mask_of(b"?#%\\")
_MOST_STATES = 2000
_MOST_TEXTS = 3
_WORK = 200_000
"""Units of `Meter` for one matcher: a fifth of a second."""
_IN_THE_URL = frozenset((b":authority", b":path", b"host", b":scheme"))


@dataclass(frozen=True, slots=True)
class Example:
    """A request that one matcher takes; `head` is what routes see of it."""

    listener: str
    url: str
    method: str
    headers: tuple[str, ...]
    head: RequestHead


@dataclass(frozen=True, slots=True)
class Examples:
    """Requests, in the order of the routes, and of how many matchers that were tried they are."""

    requests: tuple[Example, ...]
    matchers: int
    """All there are; of many, only some were tried."""
    tried: int


def examples_of(tables: Tables, most: int = 2000) -> Examples:
    """Return requests for the matchers of a model; of more than `most`, for so many, evenly spread."""
    every = [*_matchers(tables.model)]
    step = max(1.0, len(every) / most)
    chosen = [every[int(index * step)] for index in range(min(len(every), most))]
    found = (_example(tables.of(place[0]), *place) for place in chosen)
    return Examples(tuple(each for each in found if each is not None), len(every), len(chosen))


def _matchers(model: Model) -> Iterator[tuple[Listener, VirtualHost, Route, RouteMatch]]:
    for listener in model.listeners:
        for host in served_hosts(model, listener):
            for route in host.routes:
                yield from ((listener, host, route, match) for match in route.matches)


def _example(
    table: RouteTable, listener: Listener, host: VirtualHost, route: Route, match: RouteMatch
) -> Example | None:
    """Return the first request that comes to this matcher."""
    for made in _requests(listener, host, match):
        decision = decide(table, made.head, 0)
        if decision is not None and decision.route is route and decision.match is match:
            return made
    return None


def _requests(listener: Listener, host: VirtualHost, match: RouteMatch) -> Iterator[Example]:
    scheme = "https" if listener.tls else "http"
    paths = [*_paths(match.path)]
    for conditions in conditions_of(match):
        values = _values(literal for each in conditions for literal in literals_of(each))
        if values is None:
            continue
        method = values.pop((HEADER, METHOD), "GET")
        query = "&".join(f"{name[1].decode()}={text}" for name, text in values.items() if name[0] == QUERY)
        headers = tuple(f"{_said(name[1])}: {text}" for name, text in values.items() if _is_header(name))
        for domain in host.domains:
            for path in paths:
                url = f"{scheme}://{_authority(domain)}{path}{'?' + query if query else ''}"
                try:
                    head = request_head(url, method, headers, listener.options)
                except (RequestError, UnicodeError):
                    continue
                yield Example(listener.name, url, method, headers, head)


def _authority(domain: str) -> str:
    if domain == "*":
        return "example.com"
    return domain.replace("*", "x", 1)


def _paths(path: PathMatcher) -> Iterator[str]:
    if path.kind is PathKind.EXACT:
        yield path.value
    elif path.kind is PathKind.PREFIX:
        yield from ((path.value or "/") + tail for tail in _TAILS)
    else:
        yield from _fitting(path.value)


def _fitting(pattern: str) -> Iterator[str]:
    try:
        found = texts((language_of(pattern),), (), _PATH_BYTES, _MOST_STATES, Meter(_WORK))
        yield from (each.decode() for each in islice((each for each in found if each[:1] == b"/"), _MOST_TEXTS))
    except (UnreadableError, TooLargeError):
        return


def _values(literals: Iterable[Literal]) -> dict[Name, str] | None:
    """Return a value for each name that must be there, None where there is none."""
    known: dict[Name, list[Literal]] = defaultdict(list)
    for literal in literals:
        known[literal.condition.about].append(literal)
    values: dict[Name, str] = {}
    for name, about in known.items():
        found = value(tuple(sorted(set(about))), meter=Meter(_WORK))
        if found is None:
            return None
        if found:
            values[name] = found[0].decode("utf-8", "replace")
    return values


def _is_header(name: Name) -> bool:
    return name[0] == HEADER and name[1] not in _IN_THE_URL


def _said(name: bytes) -> str:
    return name.decode()

"""Requests that try a configuration: the boundary cases of every route, near misses, and mixtures of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import accumulate, islice
from random import Random
from urllib.parse import quote

from edgesim.inspect.diff.language import TooLargeError, texts
from edgesim.inspect.diff.syntax import UnreadableError, language_of
from edgesim.model import (
    ForwardAction,
    HeaderMatcher,
    Listener,
    Model,
    PathKind,
    PathMatcher,
    QueryMatcher,
    Route,
    RouteMatch,
    ValueKind,
    VirtualHost,
    is_served,
)

Lines = tuple[tuple[str, str], ...]
_PATH_ALPHABET = sum(1 << letter for letter in b"/abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-._~")
_VALUE_ALPHABET = sum(1 << letter for letter in range(0x21, 0x7F))
_STATES, _EXAMPLES = 400, 3
_METHODS = ("GET", "POST", "DELETE", "OPTIONS", "HEAD")
_OTHERS: tuple[Lines, ...] = (
    (("x-forwarded-proto", "https"),),
    (("x-forwarded-for", "203.0.113.7"),),
    (("x-request-id", "3d1f8f3c-5c1b-4f0e-8d55-0a6f6f2b1c00"),),
    (("origin", "http://example.com"), ("access-control-request-method", "GET")),
    (("accept", "a"), ("accept", "b")),
    (("x-envoy-upstream-rq-timeout-ms", "9000"),),
    (("x-envoy-max-retries", "1"), ("x-envoy-retry-on", "5xx")),
)
_SAFE = "%/?:@!$&'()*+,;=-._~[]|{}^<>\\`"


@dataclass(frozen=True, slots=True)
class Asked:
    """A request on a listener, and the 64-bit draw its weighted choice is made with."""

    listener: str
    method: str
    host: str
    target: str
    headers: Lines = ()
    draw: int = 0


def requests(model: Model, most: int, random: Random) -> list[Asked]:
    """Return so many different requests: the plain one of each route first, then others in an order of chance.

    Fewer where there are not so many.
    """
    plain: dict[Asked, None] = {}
    near: dict[Asked, None] = {}
    for listener in model.listeners:
        for host in model.virtual_hosts:
            if is_served(host, listener):
                _of_host(listener, host, plain, near)
    rest = [each for each in near if each not in plain]
    random.shuffle(rest)
    found = dict.fromkeys([*plain, *rest][:most])
    return [*found, *islice(_mixed([*plain, *rest], found, random), most - len(found))]


def _of_host(listener: Listener, host: VirtualHost, plain: dict[Asked, None], near: dict[Asked, None]) -> None:
    hosts = list(dict.fromkeys(name for domain in host.domains for name in names_of(domain)))
    for route in host.routes:
        for match in route.matches:
            first, *others = _of_match(listener.name, hosts, route, match)
            plain[first] = None
            near.update(dict.fromkeys(others))
    near.update(dict.fromkeys(Asked(listener.name, "GET", name, "/") for name in hosts))


def names_of(domain: str) -> list[str]:
    """Return hosts that a domain takes, or just does not; the first it does."""
    if domain == "*":
        return ["any.example", "127.0.0.1:8080"]
    if domain.startswith("*"):
        return [f"a{domain[1:]}", f"a.b{domain[1:]}", domain[1:].lstrip(".-"), f"A{domain[1:].upper()}"]
    if domain.endswith("*"):
        return [f"{domain[:-1]}a", f"{domain[:-1]}a.b", domain[:-1].rstrip(".-")]
    return [domain, f"{domain}:8080", domain.upper(), f"x.{domain}", f"{domain}.x"]


def _of_match(listener: str, hosts: Sequence[str], route: Route, match: RouteMatch) -> Iterator[Asked]:
    """Yield the plain request of a match, then those that differ from it in one thing."""
    paths, methods = paths_of(match.path), [*match.methods, *_METHODS]
    lines = tuple(pair for each in match.headers if (pair := _line(each)) is not None)
    query = [pair for each in match.query if (pair := _parameter(each)) is not None]
    asked_method = next((each.value for each in match.headers if each.name == ":method" and not each.invert), "")
    method, host = asked_method or methods[0], hosts[0]

    def ask(path: str, **other: object) -> Asked:
        of = {"method": method, "host": host, "headers": lines, "query": query, "draw": 0, **other}
        return Asked(listener, of["method"], of["host"], _target(path, of["query"]), of["headers"], of["draw"])  # type: ignore[arg-type]

    yield ask(paths[0])
    yield from (ask(path) for path in paths[1:])
    yield from (ask(paths[0], host=each) for each in hosts[1:])
    yield from (ask(paths[0], method=each) for each in dict.fromkeys(methods))
    yield from (ask(paths[0], headers=each) for each in _changed_lines(match.headers, lines))
    yield from (ask(paths[0], query=each) for each in _changed_query(match.query, query))
    yield from (ask(paths[0], headers=(*lines, *more)) for more in (*_OTHERS, *_of_action(route)))
    yield from (ask(paths[0], draw=each) for each in _draws(route))


def _target(path: str, query: Iterable[tuple[str, str]]) -> str:
    text = "&".join(f"{_quoted(name)}={_quoted(value)}" if value else _quoted(name) for name, value in query)
    return quote(path, safe=_SAFE) + (f"?{text}" if text else "")


def _quoted(text: str) -> str:
    return quote(text, safe="-._~!$'()*,;:@/")


def paths_of(matcher: PathMatcher) -> list[str]:
    """Return paths at the edges of a matcher, the first one within it where one is known."""
    if matcher.kind is PathKind.REGEX:
        within = [each for each in _examples(matcher.value, _PATH_ALPHABET) if each.startswith("/")] or ["/"]
        return [*within, *(f"{each}x" for each in within), *(f"{each}/" for each in within), "/"]
    value = matcher.value or "/"
    edges = [
        value,
        f"{value}/",
        f"{value}x",
        f"{value}/x",
        value[:-1],
        value.swapcase(),
        f"{value}//x",
        f"{value}/../x",
    ]
    return [each for each in dict.fromkeys(edges) if each.startswith("/")] or ["/"]


def _examples(pattern: str, alphabet: int) -> list[str]:
    """Return texts that a regex matches, none where that is not known."""
    found: list[str] = []
    with suppress(UnreadableError, TooLargeError, RecursionError):
        found.extend(each.decode() for each in islice(texts((language_of(pattern),), (), alphabet, _STATES), _EXAMPLES))
    return found


def _line(matcher: HeaderMatcher) -> tuple[str, str] | None:
    """Return a line by which a matcher holds, None where it is to be absent, or where no line says it."""
    if matcher.name.startswith(":") or matcher.name == "host" or (matcher.invert and matcher.kind is ValueKind.PRESENT):
        return None
    value = _value(matcher.kind, matcher.value)
    return matcher.name, f"not-{value}" if matcher.invert else value


def _parameter(matcher: QueryMatcher) -> tuple[str, str] | None:
    return matcher.name, _value(matcher.kind, matcher.value)


def _value(kind: ValueKind, value: str) -> str:
    if kind is ValueKind.PRESENT:
        return "1"
    if kind is ValueKind.EXACT:
        return value
    return next((each for each in _examples(value, _VALUE_ALPHABET) if each), "1")


def _changed_lines(matchers: Sequence[HeaderMatcher], lines: Lines) -> Iterator[Lines]:
    """Yield lines of which one is missing, there twice, empty, or has another value."""
    for matcher in matchers:
        if matcher.name.startswith(":") or matcher.name == "host":
            continue
        rest = tuple(line for line in lines if line[0] != matcher.name)
        plain = _value(matcher.kind, matcher.value)
        yield rest
        for value in dict.fromkeys((plain, f"{plain}x", f"x{plain}", plain.swapcase(), "")):
            yield (*rest, (matcher.name, value))
        yield (*rest, (matcher.name, plain), (matcher.name, "other"))
        yield (*rest, (matcher.name, "other"), (matcher.name, plain))


def _changed_query(matchers: Sequence[QueryMatcher], query: list[tuple[str, str]]) -> Iterator[list[tuple[str, str]]]:
    for matcher in matchers:
        rest = [pair for pair in query if pair[0] != matcher.name]
        plain = _value(matcher.kind, matcher.value)
        yield rest
        for value in dict.fromkeys((f"{plain}x", plain.swapcase(), "")):
            yield [*rest, (matcher.name, value)]
        yield [*rest, (matcher.name, plain), (matcher.name, "other")]
        yield [*rest, (matcher.name, "other"), (matcher.name, plain)]


def _of_action(route: Route) -> Iterator[Lines]:
    """Yield lines that the action reads."""
    action = route.action
    if not isinstance(action, ForwardAction):
        return
    if action.cluster_header:
        yield ((action.cluster_header, "no-such-cluster"),)
    if action.host_rewrite is not None and action.host_rewrite.value:
        yield ((action.host_rewrite.value.lower(), "rewritten.example"),) if _names_header(action) else ()


def _names_header(action: ForwardAction) -> bool:
    return action.host_rewrite is not None and action.host_rewrite.kind.value == "header"


def _draws(route: Route) -> Iterator[int]:
    """Yield the draws at the edges of a split's shares, and one that wraps around."""
    if not isinstance(route.action, ForwardAction) or not route.action.weighted:
        return
    ends = [*accumulate(arm.weight for arm in route.action.weighted)]
    yield from dict.fromkeys(draw for end in (0, *ends) for draw in (end - 1, end, end + 1) if draw >= 0)
    yield (1 << 64) - 1


def _mixed(known: Sequence[Asked], taken: dict[Asked, None], random: Random) -> Iterator[Asked]:
    """Yield requests that have each part of another one; ends when chance brings nothing new any more."""
    seen, misses = set(taken), 0
    while known and misses < _TRIES:
        one, two, three, four = (random.choice(known) for _ in range(4))
        made = Asked(one.listener, two.method, one.host, three.target, four.headers, random.getrandbits(64))
        if made in seen:
            misses += 1
            continue
        misses = 0
        seen.add(made)
        yield made


_TRIES = 100

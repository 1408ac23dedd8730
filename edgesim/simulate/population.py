"""Who sends what: the described population that requests are drawn from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from math import prod

from edgesim.inspect import Url, read_url, request_head
from edgesim.model import DEFAULT_LISTENER, ListenerOptions, RequestHead

MOST_CLASSES = 1 << 24
"""So many combinations of hosts, paths, methods, headers and parameters a population may have."""


@dataclass(frozen=True, slots=True)
class Axis:
    """One thing in which requests differ: its values (for headers: a line, empty where it is absent), and how often."""

    values: tuple[str, ...]
    weights: tuple[float, ...]


ONE_PATH = Axis(("/",), (1.0,))
ONE_METHOD = Axis(("GET",), (1.0,))


@dataclass(frozen=True, slots=True)
class Users:
    """Those who send: `count` of them, the nth 1/n^`exponent` as active as the first, 0 for all alike.

    Each has an address of its own, and sends its name in a cookie or a header where one is named.
    """

    count: int
    exponent: float = 0.0
    cookie: str = ""
    header: str = ""


@dataclass(frozen=True, slots=True)
class Population:
    """Axes are independent of each other: a class of requests is one value of each."""

    hosts: Axis = Axis(("http://localhost:8080",), (1.0,))
    """Scheme and authority."""
    paths: Axis = ONE_PATH
    methods: Axis = ONE_METHOD
    headers: tuple[Axis, ...] = ()
    query: tuple[Axis, ...] = ()
    users: Users | None = None

    @property
    def axes(self) -> tuple[Axis, ...]:
        """Return all axes; the first varies fastest in the number of a class."""
        return (self.paths, self.hosts, self.methods, *self.headers, *self.query)

    @property
    def classes(self) -> int:
        """Return how many classes of requests there are."""
        return prod(len(axis.values) for axis in self.axes)


def of_url(url: str, method: str = "GET", headers: Sequence[str] = ()) -> Population:
    """Return a population whose requests are all alike. Raises RequestError."""
    read = read_url(url)
    lines = tuple(Axis((line,), (1.0,)) for line in headers)
    host = Axis((f"{read.scheme}://{read.authority}",), (1.0,))
    return Population(host, Axis((read.target,), (1.0,)), Axis((method,), (1.0,)), lines)


def head_of(population: Population, number: int, options: ListenerOptions = DEFAULT_LISTENER) -> RequestHead:
    """Return the head of a class as routes see it, without anything of a user's. Raises RequestError."""
    path, host, method, *rest = _values(population, number)
    lines = rest[: len(population.headers)]
    parameters = "&".join(filter(None, rest[len(lines) :]))
    separator = "&" if "?" in path else "?"
    target = f"{path}{separator}{parameters}" if parameters else path
    return request_head(replace(url_of(host), target=target), method, [*filter(None, lines)], options)


@lru_cache(maxsize=4096)
def url_of(host: str) -> Url:
    """Take apart a host, scheme and authority. Raises RequestError."""
    return read_url(host)


def host_of(population: Population, number: int) -> Url:
    """Return the host of a class."""
    hosts = population.hosts.values
    return url_of(hosts[number // len(population.paths.values) % len(hosts)])


def _values(population: Population, number: int) -> list[str]:
    values = []
    for axis in population.axes:
        number, index = divmod(number, len(axis.values))
        values.append(axis.values[index])
    return values

"""The space of hosts cut into classes: what each side's domains make of it, with a host to show for each class."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import product

from edgesim.model import VirtualHost
from edgesim.routing.hosts import Hosts, find_host

ANY, ANY_OTHER = "any host", "any other host"
_LABELS = ("any", "some", "x", "any-host", "host-1", "zz9")
_MOST_PAIRS = 20_000


@dataclass(frozen=True, slots=True, eq=False)
class HostClass:
    """Hosts that both sides take alike: a domain of one of them, or what no domain takes; `example` is one of them."""

    name: str
    example: str
    before: VirtualHost | None
    after: VirtualHost | None


def host_classes(before: Iterable[VirtualHost], after: Iterable[VirtualHost]) -> Iterator[HostClass]:
    """Yield the classes of hosts, exact domains first."""
    sides = [*before], [*after]
    domains = dict.fromkeys(domain.lower() for side in sides for host in side for domain in host.domains)
    tables = [Hosts((domain, (domain.lower(), host)) for host in side for domain in host.domains) for side in sides]
    seen: set[tuple[str, str]] = set()
    for example in _examples(list(domains)):
        old, new = (find_host(table, example.encode()) for table in tables)
        taken = "" if old is None else old[0], "" if new is None else new[0]
        exact = example if example in taken else ""
        if (key := (exact or taken[0], exact or taken[1])) in seen:
            continue
        seen.add(key)
        yield HostClass(
            _name(*taken) if domains.keys() - {"*"} else ANY,
            example,
            None if old is None else old[1],
            None if new is None else new[1],
        )


def _examples(domains: list[str]) -> Iterator[str]:
    """Yield at least one host of each class, of combinations of wildcards too."""
    yield from (domain for domain in domains if "*" not in domain)
    ends = ["", *sorted((each[1:] for each in domains if each.startswith("*") and each != "*"), key=len)]
    begins = ["", *sorted((each[:-1] for each in domains if each.endswith("*") and each != "*"), key=len)]
    pairs = product(begins, ends) if len(begins) * len(ends) <= _MOST_PAIRS else ((b, "") for b in begins)
    for begin, end in pairs:
        for label in _LABELS:
            yield f"{begin}{label}{end}" if end or begin.endswith(".") or not begin else f"{begin}{label}"
    if len(begins) * len(ends) > _MOST_PAIRS:
        yield from (f"{label}{end}" for end in ends for label in _LABELS)


def _name(before: str, after: str) -> str:
    """Name a class by the narrower domain of the two."""
    if before == after:
        return ANY_OTHER if before in {"", "*"} else before
    named = sorted(
        (each for each in (before, after) if each not in {"", "*"}), key=lambda each: ("*" in each, -len(each))
    )
    return named[0] if named else ANY_OTHER

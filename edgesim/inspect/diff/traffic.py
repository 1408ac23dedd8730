"""Which of yesterday's requests would go elsewhere: an access log laid over the classes of a comparison."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field

from edgesim.inspect.diff.access_lines import Logged, read_line
from edgesim.inspect.diff.compare import Class, Compared, Comparison
from edgesim.inspect.diff.membership import unknown_names
from edgesim.inspect.diff.report import Change
from edgesim.inspect.requests import RequestError, head_of
from edgesim.model import RequestHead
from edgesim.routing import with_pseudo_headers


@dataclass(frozen=True, slots=True)
class Hit:
    """The logged requests of one change, by its index: `requests` certainly, `perhaps` where that depends on headers.

    `if_absent` of the latter are in it if the headers that the log lacks were not sent. `expected` is how many of the
    certain ones end elsewhere: of a change of shares, some.
    """

    change: int
    requests: int
    perhaps: int
    if_absent: int
    expected: float
    percent: float


@dataclass(frozen=True, slots=True)
class Traffic:
    """An access log under both configurations; `percent` and `expected` count certain requests of all that were read.

    `headers` are those the log lacks and the answer depends on for `perhaps` requests. `unread` lines hold no request
    in a known format; `first_unread` is the number of the first, from 1.
    """

    requests: int
    affected: int
    perhaps: int
    expected: float
    percent: float
    hits: tuple[Hit, ...] = ()
    headers: tuple[str, ...] = ()
    unread: int = 0
    first_unread: int = 0


@dataclass(slots=True)
class _Tally:
    requests: Counter[int] = field(default_factory=Counter)
    perhaps: Counter[int] = field(default_factory=Counter)
    if_absent: Counter[int] = field(default_factory=Counter)
    headers: set[str] = field(default_factory=set)
    doubtful: int = 0


def traffic(lines: Iterable[str], compared: Compared) -> Traffic:
    """Count the requests of a log by change. Requests that are the same are looked at once."""
    logged: Counter[Logged] = Counter()
    unread, first = 0, 0
    for number, line in enumerate(lines, 1):
        request = read_line(line)
        if request is not None:
            logged[request] += 1
        elif line.strip():
            unread, first = unread + 1, first or number
    tally = _tally(logged, compared)
    total = logged.total()
    hits = tuple(_hits(tally, compared.report.changes, total))
    affected, expected = tally.requests.total(), sum(hit.expected for hit in hits)
    percent = 100 * affected / total if total else 0.0
    headers = tuple(sorted(tally.headers))
    return Traffic(total, affected, tally.doubtful, expected, percent, hits, headers, unread, first)


def _hits(tally: _Tally, changes: tuple[Change, ...], total: int) -> Iterator[Hit]:
    for index, change in enumerate(changes):
        certain, perhaps = tally.requests[index], tally.perhaps[index]
        if certain or perhaps:
            yield Hit(index, certain, perhaps, tally.if_absent[index], certain * change.moved, 100 * certain / total)


def _tally(logged: Counter[Logged], compared: Compared) -> _Tally:
    numbers = {id(change): index for index, change in enumerate(compared.report.changes)}
    tally = _Tally()
    for request, count in logged.items():
        comparison = _listener(request, compared)
        head = None if comparison is None else _head(request, comparison)
        if comparison is None or head is None:
            continue
        known = {name.encode() for name in request.known}
        answers = [(each, each.takes(head, known)) for each in _between(comparison, head)]
        for each, answer in answers:
            index = numbers[id(comparison.found[comparison.alike(each)])]
            if answer:
                tally.requests[index] += count
            elif answer is None:
                _doubt(tally, each, index, head, known, count)
        tally.doubtful += count if any(answer is None for _, answer in answers) else 0
    return tally


def _doubt(tally: _Tally, found: Class, index: int, head: RequestHead, known: Collection[bytes], count: int) -> None:
    """Count requests that may be of a class."""
    tally.perhaps[index] += count
    tally.if_absent[index] += count if found.takes(head) else 0
    tally.headers |= {name.decode() for fact in found.facts for name in unknown_names(fact, head, known)}


def _between(comparison: Comparison, head: RequestHead) -> list[Class]:
    pair = comparison.pair
    return comparison.between(pair.before.host(head.authority), pair.after.host(head.authority))


def _listener(request: Logged, compared: Compared) -> Comparison | None:
    """Return the first listener, those without TLS first, that has the request's host; a log does not tell which it was."""
    ordered = sorted(compared.comparisons, key=lambda each: each.pair.tls)
    authority = request.authority.encode()
    for each in ordered:
        if each.pair.before.host(authority) is not None or each.pair.after.host(authority) is not None:
            return each
    return None


def _head(request: Logged, comparison: Comparison) -> RequestHead | None:
    fields = [(name.encode(), value.encode()) for name, value in request.headers]
    try:
        head = head_of(request.method, request.authority, request.target, fields, comparison.pair.listener.options)
    except (RequestError, UnicodeError):
        return None
    return with_pseudo_headers(head, b"https" if comparison.pair.tls else b"http")

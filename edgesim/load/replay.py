"""Yesterday's traffic again: an access log becomes requests and the times at which they are sent."""

from __future__ import annotations

import gzip
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO, cast

from edgesim.inspect.diff.access_lines import Logged, read_line, start_of
from edgesim.inspect.requests import is_token
from edgesim.load.scenario import Open, RequestClass
from edgesim.load.typed import in_a_path, wrong
from edgesim.model.codes import failure

_MOST = 5_000_000
_NAMED = 20
"""So many paths are counted each by itself, the others together: more would say less."""
_RENAMED = {"user_agent": "user-agent", "x_forwarded_for": "x-forwarded-for", "request_id": "x-request-id"}
_WORDS = frozenset({"accept", "authorization", "cookie", "from", "origin", "range", "referer", "te"})
_OF_ANOTHER_MESSAGE = frozenset(
    {"connection", "content-length", "expect", "host", "keep-alive", "transfer-encoding", "upgrade"}
    | {"x-envoy-upstream-service-time", "x-edgesim-cluster", "x-edgesim-pod", "x-edgesim-route"}
)
"""Headers of the connection, of a body that the log lacks, or of the answer."""
_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
_MILLISECONDS = 1e11
"""Unix times above are in milliseconds: as seconds they would be after the year 5000."""


@dataclass(frozen=True, slots=True)
class Replay:
    """What of a log can be sent again."""

    mode: Open
    requests: tuple[RequestClass, ...]
    notes: tuple[str, ...] = ()
    """Sentences about what is not as it was."""


def speed_of(text: str) -> float:
    """Read how fast a log is replayed, `2x` or `0.5`. Raises EdgesimError."""
    try:
        speed = float(text.removesuffix("x"))
    except ValueError:
        speed = 0.0
    if not 0 < speed <= 1_000_000:
        raise wrong("--speed", text, "write `2x` for twice as fast")
    return speed


def read_log(file: Path, speed: float = 1.0) -> Replay:
    """Read an access log in Envoy's default format or JSON lines, also one of gzip. Raises EdgesimError."""
    try:
        with _opened(file) as lines:
            return replay_of(lines, str(file), speed)
    except (OSError, EOFError, ValueError) as reason:
        said = getattr(reason, "strerror", None) or str(reason)
        raise failure("ES1213", f"--replay {file}: {said.lower()}", exit_code=2) from None


def _opened(file: Path) -> TextIO:
    if file.suffix == ".gz":
        return cast(TextIO, gzip.open(file, "rt", encoding="utf-8", errors="replace"))
    return file.open(encoding="utf-8", errors="replace")


def replay_of(lines: Iterable[str], name: str, speed: float = 1.0) -> Replay:
    """Return the requests of a log's lines, in order of their times. Raises EdgesimError where there is none."""
    classes: dict[Logged, int] = {}
    sent: list[tuple[float, int]] = []
    unread = first = 0
    for number, line in enumerate(lines, 1):
        moment, request = _moment(start_of(line)), read_line(line)
        if moment is None or request is None or not is_token(request.method):
            if line.strip():
                unread, first = unread + 1, first or number
        elif len(sent) >= _MOST:
            raise failure("ES1213", f"--replay {name}: more than {_MOST:,} requests", exit_code=2)
        else:
            sent.append((moment, classes.setdefault(request, len(classes))))
    if not sent:
        said = f"no line is a request with its time, in Envoy's default format or JSON (line {first or 1})"
        raise failure("ES1213", f"--replay {name}: {said}", exit_code=2)
    sent.sort(key=lambda each: each[0])
    begin = sent[0][0]
    mode = Open((), times=tuple((at - begin) / speed for at, _ in sent), requests=tuple(each for _, each in sent))
    return Replay(mode, tuple(_classes(classes, sent)), tuple(_notes(classes, sent, unread, first)))


def _moment(text: str) -> float | None:
    """Return a time in Unix seconds."""
    try:
        number = float(text)
    except ValueError:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            return None
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    return number / 1000 if number > _MILLISECONDS else number


def _classes(classes: dict[Logged, int], sent: list[tuple[float, int]]) -> Iterator[RequestClass]:
    often = Counter(each for _, each in sent)
    paths: Counter[str] = Counter()
    for request, index in classes.items():
        paths[_named(request)] += often[index]
    named = {name for name, _ in paths.most_common(_NAMED)}
    for request, index in classes.items():
        name = _named(request)
        shown = name if name in named else f"{request.method} (others)"
        headers = tuple(_headers(request))
        yield RequestClass(shown, request.method, in_a_path(request.target), headers, weight=float(often[index]))


def _named(request: Logged) -> str:
    return f"{request.method} {request.target.partition('?')[0]}"


def _headers(request: Logged) -> Iterator[tuple[str, str]]:
    """Yield the headers that the request had; fields of a JSON line that are no headers are left out."""
    if request.authority and request.authority.isprintable():
        yield "Host", request.authority
    for given, value in request.headers:
        name = _RENAMED.get(given, given)
        header = "-" in name or name in _WORDS
        if header and name not in _OF_ANOTHER_MESSAGE and value.isprintable():
            yield name, value


def _notes(classes: dict[Logged, int], sent: list[tuple[float, int]], unread: int, first: int) -> Iterator[str]:
    bodies = {index for request, index in classes.items() if request.method in _WITH_BODY}
    without = sum(each in bodies for _, each in sent)
    if unread:
        what = "1 line is no request" if unread == 1 else f"{unread:,} lines are no requests"
        yield f"{what} with a time (the first: line {first}); left out"
    if without:
        what = "1 POST, PUT or PATCH request is" if without == 1 else f"{without:,} POST, PUT and PATCH requests are"
        yield f"{what} sent without a body: an access log has none"

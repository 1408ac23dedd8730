"""What is typed on the command line of a load, read: URL, rate, durations, headers, destination."""

from __future__ import annotations

import string
from urllib.parse import quote, urlsplit

import re2

from edgesim.backends.behaviour import parse_duration
from edgesim.dialects.nearest import did_you_mean
from edgesim.load.scenario import By, Destination, Stage, Target
from edgesim.model import EdgesimError
from edgesim.model.codes import failure

_SCHEMES = {"http": 80, "https": 443}
_TOKEN = frozenset(string.ascii_letters + string.digits + "!#$%&'*+-.^_`|~")
"""RFC 9110, section 5.6.2."""
_RATE = "requests a second, as `100`, or stages as `0-500:30s,500:2m`"
_BY = "`header:NAME`, `body:REGEX` or `route-header`"


def wrong(option: str, said: str, why: str) -> EdgesimError:
    """Return what to raise for an option that cannot be read."""
    return failure("ES1200", f"{option} `{said}`: {why}", exit_code=2)


def target_of(url: str) -> Target:
    """Read a URL; without a scheme it is http. Raises EdgesimError, as all readers here."""
    written = url if "://" in url else f"http://{url}"
    try:
        parts = urlsplit(written)
        port = parts.port
    except ValueError as reason:
        raise wrong("URL", url, str(reason)) from None
    if parts.scheme not in _SCHEMES:
        raise wrong("URL", url, f"its scheme is `{parts.scheme}`, and http and https can be loaded")
    if not parts.hostname or not _printable(written):
        raise wrong("URL", url, "it names no host" if not parts.hostname else "it has spaces or control characters")
    if "@" in parts.netloc:
        raise wrong("URL", url, "a name and a password go in a header: `-H 'authorization: Basic ...'`")
    path = in_a_path((parts.path or "/") + (f"?{parts.query}" if parts.query else ""))
    authority = parts.netloc
    if port == _SCHEMES[parts.scheme]:
        authority = authority.removesuffix(f":{port}")
    return Target(parts.scheme, parts.hostname, port or _SCHEMES[parts.scheme], authority, path)


def in_a_path(text: str) -> str:
    """Return a path with what cannot stand in one percent-encoded; what is encoded already stays so."""
    return quote(text, safe=string.punctuation)


def _printable(text: str) -> bool:
    return all(c.isprintable() and c != " " for c in text)


def seconds_of(option: str, text: str) -> float:
    """Read a duration (`1m30s`, `20ms`) or a number of seconds."""
    try:
        seconds = float(text) if _plain(text) else parse_duration(text)
    except ValueError:
        raise wrong(option, text, f"`{text}` is no duration: write `30s`, `1m30s` or `250ms`") from None
    return seconds


def _plain(text: str) -> bool:
    return text.replace(".", "", 1).isdecimal()


def stages_of(text: str, duration: float) -> tuple[Stage, ...]:
    """Read a rate: one number, a ramp `A-B`, or stages of these with durations; one without lasts `duration` seconds."""
    return tuple(_stage(text, part, duration) for part in text.split(","))


def _stage(text: str, part: str, duration: float) -> Stage:
    rate, colon, lasts = part.strip().partition(":")
    first, dash, last = rate.partition("-")
    start = number_of(text, first or rate)  # `-5` is no ramp
    end = number_of(text, last) if dash else start
    seconds = seconds_of("--rate", lasts) if colon else duration
    if seconds <= 0:
        raise wrong("--rate", text, "a stage lasts longer than 0 s")
    return Stage(seconds, start, end)


def number_of(text: str, part: str) -> float:
    """Read one number of requests a second, which is part of a text."""
    try:
        rate = float(part.replace("_", ""))
    except ValueError:
        raise wrong("--rate", text, f"`{part}` is no rate: write {_RATE}") from None
    if not 0 <= rate <= 10_000_000:
        raise wrong("--rate", text, f"`{part}` is not between 0 and 10,000,000")
    return rate


def header_of(text: str) -> tuple[str, str]:
    """Read a header, `name: value`."""
    name, colon, value = text.partition(":")
    if not colon or not name.strip() or not set(name.strip()) <= _TOKEN:
        raise wrong("-H", text, "write a header as `name: value`")
    if any(c in "\r\n\0" for c in value):
        raise wrong("-H", text, "a value has no line breaks")
    return name.strip(), value.strip()


def method_of(text: str) -> str:
    """Read a method."""
    if not text or not set(text) <= _TOKEN:
        raise wrong("-X", text, "a method is a word, as `GET`")
    return text


def destination_of(text: str) -> Destination:
    """Read where an answer says which version sent it."""
    kind, _, what = text.partition(":")
    if kind == By.ROUTE and not what:
        return Destination(By.ROUTE)
    if kind not in {By.HEADER, By.BODY} or not what:
        hint = did_you_mean(kind, ["header", "body", "route-header"])
        raise wrong("--by", text, f"write {_BY}" + (f"; {hint}" if hint else ""))
    if kind == By.HEADER and not set(what) <= _TOKEN:
        raise wrong("--by", text, f"`{what}` is no header's name")
    if kind == By.BODY:
        _check_pattern(text, what)
    return Destination(By(kind), what)


def _check_pattern(text: str, pattern: str) -> None:
    options = re2.Options()
    options.log_errors = False
    try:
        re2.compile(pattern, options)
    except re2.error as refused:
        said = refused.args[0]
        reason = said.decode(errors="replace") if isinstance(said, bytes) else str(said)
        raise wrong("--by", text, f"RE2 takes no such pattern: {reason}") from None
